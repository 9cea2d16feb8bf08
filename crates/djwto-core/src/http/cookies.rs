//! Puts tokens into a body or cookies, and clears cookies.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Lines, Mode, SameSite, TokenCookie, Transport, paths};
use crate::token::issue::Token;
use crate::types::{Kind, UnixTime};

/// Browsers drop a cookie whose name and value together are longer, in bytes (RFC 6265 §6.1).
pub const MAX_COOKIE_BYTES: usize = 4096;
/// The most bytes of the token cookies in one request, names and values together. Servers refuse a
/// header over 8,190 bytes, and other cookies need room.
pub const MAX_PATH_COOKIES_BYTES: usize = 6000;
/// The longest Bearer token, in bytes: servers refuse a header of more than 8 KiB.
pub const MAX_BEARER_BYTES: usize = 7000;

/// The tokens of one reply. A renewal of the access token alone keeps the refresh token.
#[derive(Debug)]
pub struct Pair<'t> {
    /// The refresh token, where it is new.
    pub refresh: Option<&'t Token>,
    /// The access token.
    pub access: &'t Token,
}

/// What a reply carries.
#[derive(Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The tokens go into the body.
    Body,
    /// These cookies are set, and the body holds a message.
    Cookies(Vec<SetCookie>),
}

/// One `Set-Cookie`. `Secure` always; `Max-Age` zero clears.
#[derive(Clone, PartialEq, Eq)]
pub struct SetCookie {
    /// The name, with the prefix.
    pub name: Arc<str>,
    /// The value, in characters that need no quotes.
    pub value: String,
    /// `Max-Age` in seconds; none for a cookie of the browser's session.
    pub max_age: Option<u64>,
    /// `Path`
    pub path: String,
    /// `Domain`
    pub domain: Option<String>,
    /// `HttpOnly`
    pub http_only: bool,
    /// `SameSite`
    pub same_site: Option<SameSite>,
    /// `Expires`, for browsers without `Max-Age`.
    pub expires: Option<&'static str>,
}

/// `Expires` of a cookie that is cleared: a date that is past (RFC 6265 §3.1).
const PAST: &str = "Thu, 01 Jan 1970 00:00:00 GMT";

impl fmt::Display for SetCookie {
    /// The value of a `Set-Cookie` line (RFC 6265 §4.1.1).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}; Path={}; Secure", self.name, self.value, self.path)?;
        if let Some(domain) = &self.domain {
            write!(f, "; Domain={domain}")?;
        }
        if let Some(max_age) = self.max_age {
            write!(f, "; Max-Age={max_age}")?;
        }
        if let Some(expires) = self.expires {
            write!(f, "; Expires={expires}")?;
        }
        if self.http_only {
            f.write_str("; HttpOnly")?;
        }
        match self.same_site {
            Some(same_site) => write!(f, "; SameSite={}", same_site.name()),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for SetCookie {
    /// Never shows the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetCookie")
            .field("name", &self.name)
            .field("max_age", &self.max_age)
            .field("path", &self.path)
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

impl Transport {
    /// Whether tokens fit into a mode: a refresh token of this many bytes, alone or with its access
    /// token.
    ///
    /// A refresh endpoint gets the cookies of every path, so all of them count together.
    ///
    /// # Errors
    ///
    /// [`TooLarge`] with the sizes.
    pub fn fits(&self, mode: Mode, refresh: usize, access: Option<&Token>) -> Result<(), TooLarge> {
        let within =
            |size, limit| if size > limit { Err(TooLarge { size, limit }) } else { Ok(()) };
        let mut all = 0;
        let mut carry = |kind: Kind, bytes: usize| match mode.cookie(kind) {
            Some(cookie) => {
                let size = self.names.of(cookie).len() + bytes;
                all += size;
                within(size, MAX_COOKIE_BYTES)
            }
            None => within(bytes, MAX_BEARER_BYTES),
        };
        carry(Kind::Refresh, refresh)?;
        let Some(access) = access else { return Ok(()) };
        carry(Kind::Access, access.text().len())?;
        if mode == Mode::TwoCookies {
            // Always the smaller one of the two: it lacks header and signature.
            let payload = access.payload().len().div_ceil(3) * 4;
            all += self.names.of(TokenCookie::AccessPayload).len() + payload;
        }
        within(all, MAX_PATH_COOKIES_BYTES)
    }

    /// Puts tokens into a reply of this mode. `cookie` is the request's raw `Cookie` header: token
    /// cookies of the other cookie mode that stand in it are cleared. `script_prefix` is the part
    /// of the request's path, decoded, under which the face is mounted.
    pub fn deliver<'h>(
        &self,
        mode: Mode,
        pair: &Pair<'_>,
        cookie: impl Into<Lines<'h>>,
        script_prefix: &str,
        now: UnixTime,
    ) -> Delivery {
        let Some(access_cookie) = mode.cookie(Kind::Access) else { return Delivery::Body };
        let mut writer = self.writer(script_prefix);
        if let Some(refresh) = pair.refresh {
            writer.set(TokenCookie::Refresh, refresh.text().to_owned(), refresh, now);
        }
        let access = pair.access;
        writer.set(access_cookie, access.text().to_owned(), access, now);
        if mode == Mode::TwoCookies {
            let payload = STANDARD.encode(access.payload());
            writer.set(TokenCookie::AccessPayload, payload, access, now);
        }
        let header = cookie.into();
        for cookie in TokenCookie::ALL {
            let is_own = mode.cookies().any(|own| own == cookie);
            if !is_own && self.is_present(header, cookie) {
                writer.clear(cookie);
            }
        }
        Delivery::Cookies(writer.cookies)
    }

    /// Clears every token cookie of the modes offered, and any other that the request's raw
    /// `Cookie` header holds, with the attributes they were set with.
    pub fn clear<'h>(&self, cookie: impl Into<Lines<'h>>, script_prefix: &str) -> Vec<SetCookie> {
        let header = cookie.into();
        let mut writer = self.writer(script_prefix);
        for cookie in TokenCookie::ALL {
            let offered = self.cookie_modes().any(|mode| mode.cookies().any(|set| set == cookie));
            if offered || self.is_present(header, cookie) {
                writer.clear(cookie);
            }
        }
        writer.cookies
    }

    fn writer(&self, script_prefix: &str) -> Writer<'_> {
        // With `__Host-` a browser takes no other path, and only refresh endpoints read the cookie.
        let refresh_path = if self.prefix.is_host() {
            "/".to_owned()
        } else {
            let script = script_prefix.trim_matches('/');
            let script = if script.is_empty() {
                String::new()
            } else {
                paths::encoded(&format!("/{script}"))
            };
            format!("{}{script}{}", self.public_path, self.refresh_path)
        };
        Writer { transport: self, refresh_path, cookies: Vec::with_capacity(8) }
    }
}

/// The cookies of one reply.
struct Writer<'t> {
    transport: &'t Transport,
    refresh_path: String,
    cookies: Vec<SetCookie>,
}

impl Writer<'_> {
    fn set(&mut self, cookie: TokenCookie, value: String, token: &Token, now: UnixTime) {
        let max_age = token.expires().map(|expires| seconds_left(expires, now));
        self.clear_host(cookie);
        self.push(cookie, value, max_age, self.transport.domain.clone());
    }

    fn clear(&mut self, cookie: TokenCookie) {
        self.clear_host(cookie);
        self.push(cookie, String::new(), Some(0), self.transport.domain.clone());
    }

    /// With a `Domain`, the cookie of that name on the host alone goes too: a browser would
    /// send both, and two are refused.
    fn clear_host(&mut self, cookie: TokenCookie) {
        if self.transport.domain.is_some() {
            self.push(cookie, String::new(), Some(0), None);
        }
    }

    fn push(
        &mut self,
        cookie: TokenCookie,
        value: String,
        max_age: Option<u64>,
        domain: Option<String>,
    ) {
        let path = if cookie == TokenCookie::Refresh { self.refresh_path.as_str() } else { "/" };
        self.cookies.push(SetCookie {
            name: self.transport.names.of(cookie).clone(),
            value,
            max_age,
            path: path.to_owned(),
            domain,
            http_only: cookie != TokenCookie::AccessPayload,
            same_site: self.transport.same_site,
            expires: (max_age == Some(0)).then_some(PAST),
        });
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and a negative number was cut to zero"
)]
fn seconds_left(expires: UnixTime, now: UnixTime) -> u64 {
    (expires.seconds() - now.seconds()).ceil().max(0.0) as u64
}

/// Tokens that are too large to be carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// Their size in bytes, with the names of the cookies.
    pub size: usize,
    /// The most that can be carried, in bytes.
    pub limit: usize,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the tokens take {} bytes, and at most {} can be carried", self.size, self.limit)
    }
}

impl std::error::Error for TooLarge {}

//! From a pair of tokens to a body or cookies, and from cookies to none.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::read::is_present;
use super::{Mode, PAYLOAD_COOKIE, REFRESH_COOKIE, SameSite, Transport};
use crate::claims::{Kind, UnixTime};
use crate::issue::Token;

/// Browsers drop a cookie whose name and value together are longer, in bytes (RFC 6265 §6.1).
pub const MAX_COOKIE_BYTES: usize = 4096;
/// Servers cut a header that is longer, in bytes: 8 KiB less room for the rest.
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
    /// The name.
    pub name: &'static str,
    /// The value, of letters that need no quotes.
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
    /// Whether a token can travel in a mode.
    ///
    /// # Errors
    ///
    /// [`TooLarge`] with the sizes.
    pub fn fits(&self, mode: Mode, kind: Kind, token: &Token) -> Result<(), TooLarge> {
        let (size, limit) = match mode.cookie(kind) {
            Some(name) => (name.len() + token.text().len(), MAX_COOKIE_BYTES),
            None => (token.text().len(), MAX_BEARER_BYTES),
        };
        // The payload cookie is always the smaller one: it lacks header and signature.
        if size > limit { Err(TooLarge { size, limit }) } else { Ok(()) }
    }

    /// Puts tokens into a reply of this mode. `cookie` is the request's raw `Cookie` header: token
    /// cookies of the other cookie mode that stand in it are cleared.
    pub fn deliver(
        &self,
        mode: Mode,
        pair: &Pair<'_>,
        cookie: Option<&[u8]>,
        now: UnixTime,
    ) -> Delivery {
        let Some(access_name) = mode.cookie(Kind::Access) else { return Delivery::Body };
        let mut cookies = Vec::with_capacity(6);
        if let Some(refresh) = pair.refresh {
            self.set(&mut cookies, REFRESH_COOKIE, refresh.text().to_owned(), refresh, now);
        }
        let access = pair.access;
        self.set(&mut cookies, access_name, access.text().to_owned(), access, now);
        if mode == Mode::TwoCookies {
            let payload = STANDARD.encode(access.payload());
            self.set(&mut cookies, PAYLOAD_COOKIE, payload, access, now);
        }
        let header = cookie.unwrap_or_default();
        for name in token_cookies() {
            if !cookies.iter().any(|set| set.name == name)
                && name != REFRESH_COOKIE
                && is_present(header, name)
            {
                self.clear_one(&mut cookies, name);
            }
        }
        Delivery::Cookies(cookies)
    }

    /// Clears every token cookie of the modes offered, and any other that the request's raw
    /// `Cookie` header holds, with the attributes they were set with.
    pub fn clear(&self, cookie: Option<&[u8]>) -> Vec<SetCookie> {
        let header = cookie.unwrap_or_default();
        let mut cookies = Vec::with_capacity(8);
        for name in token_cookies() {
            let offered = self.cookie_modes().any(|mode| mode.cookies().any(|set| set == name));
            if offered || is_present(header, name) {
                self.clear_one(&mut cookies, name);
            }
        }
        cookies
    }

    fn set(
        &self,
        cookies: &mut Vec<SetCookie>,
        name: &'static str,
        value: String,
        token: &Token,
        now: UnixTime,
    ) {
        let max_age = token.expires().map(|expires| seconds_left(expires, now));
        if self.domain.is_some() {
            cookies.push(self.cookie(name, String::new(), Some(0), None));
        }
        cookies.push(self.cookie(name, value, max_age, self.domain.clone()));
    }

    /// With a `Domain`, the cookie of that name on the host alone goes too: a browser would
    /// send both, and two are refused.
    fn clear_one(&self, cookies: &mut Vec<SetCookie>, name: &'static str) {
        if self.domain.is_some() {
            cookies.push(self.cookie(name, String::new(), Some(0), None));
        }
        cookies.push(self.cookie(name, String::new(), Some(0), self.domain.clone()));
    }

    fn cookie(
        &self,
        name: &'static str,
        value: String,
        max_age: Option<u64>,
        domain: Option<String>,
    ) -> SetCookie {
        let path = if name == REFRESH_COOKIE { self.refresh_path.as_str() } else { "/" };
        SetCookie {
            name,
            value,
            max_age,
            path: path.to_owned(),
            domain,
            http_only: name != PAYLOAD_COOKIE,
            same_site: self.same_site,
        }
    }
}

fn token_cookies() -> impl Iterator<Item = &'static str> {
    let access = [Mode::OneCookie, Mode::TwoCookies]
        .into_iter()
        .filter_map(|mode| mode.cookie(Kind::Access));
    std::iter::once(REFRESH_COOKIE).chain(access).chain(std::iter::once(PAYLOAD_COOKIE))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and a negative number was cut to zero"
)]
fn seconds_left(expires: UnixTime, now: UnixTime) -> u64 {
    (expires.seconds() - now.seconds()).ceil().max(0.0) as u64
}

/// A token that would be lost on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// Its size in bytes, with the cookie's name.
    pub size: usize,
    /// The most that can be carried, in bytes.
    pub limit: usize,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the token takes {} bytes, and at most {} can be carried", self.size, self.limit)
    }
}

impl std::error::Error for TooLarge {}

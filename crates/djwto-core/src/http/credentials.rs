//! Finds the token in raw headers.

use std::fmt;
use std::sync::Arc;

use super::{Lines, Mode, TokenCookie, Transport};
use crate::error::Code;
use crate::types::Kind;

/// A token, and the mode in which it came.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Found<'h> {
    /// The text of the token, unverified.
    pub token: &'h [u8],
    /// Where it was.
    pub mode: Mode,
}

impl fmt::Debug for Found<'_> {
    /// Never shows the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found").field("mode", &self.mode).finish_non_exhaustive()
    }
}

impl Transport {
    /// Finds the token of a kind in the raw `Authorization` and `Cookie` headers.
    ///
    /// If `JSON` is offered, a `Bearer` header, or one of [`super::TransportOptions::schemes`], decides
    /// alone. Other schemes are ignored. Without one, the cookies of the offered modes are read in order.
    ///
    /// # Errors
    ///
    /// [`ReadError`] says what is missing or ambiguous.
    pub fn read<'h>(
        &self,
        authorization: impl Into<Lines<'h>>,
        cookie: impl Into<Lines<'h>>,
        kind: Kind,
    ) -> Result<Found<'h>, ReadError> {
        if self.modes.contains(&Mode::Json)
            && let Some(token) = self.bearer(authorization.into())?
        {
            return Ok(Found { token, mode: Mode::Json });
        }
        let header = cookie.into();
        for mode in self.cookie_modes() {
            let Some(name) = mode.cookie(kind).map(|cookie| self.names.of(cookie)) else {
                continue;
            };
            if let Some(token) = cookie_value(header, name, self.prefix.is_host())? {
                let mode = if kind == Kind::Refresh { self.page_mode(header, mode) } else { mode };
                return Ok(Found { token, mode });
            }
        }
        match self.default.cookie(kind) {
            Some(cookie) => Err(ReadError::CookieMissing(self.names.of(cookie).clone())),
            None => Err(ReadError::AuthorizationMissing),
        }
    }

    /// Every cookie that may be a token of this kind: for a logout when a name came twice.
    ///
    /// Never let a request in by it: another host may have planted one of them.
    pub fn read_each<'h>(
        &self,
        cookie: impl Into<Lines<'h>>,
        kind: Kind,
    ) -> impl Iterator<Item = Found<'h>> {
        let header = cookie.into();
        let names = self.cookie_modes().filter_map(move |mode| Some((mode, mode.cookie(kind)?)));
        let found = names.flat_map(move |(mode, cookie)| {
            let name = self.names.of(cookie).as_bytes();
            let own = pairs(header).filter(move |(found, _)| *found == name);
            own.map(move |(_, token)| Found { token, mode })
        });
        found.take(MOST_READ)
    }

    /// The mode of the reply, whether the token is good or not. With a Bearer header it is `JSON`, else
    /// the cookie mode whose cookie is there, else the default mode.
    pub fn answering_mode<'h>(
        &self,
        authorization: impl Into<Lines<'h>>,
        cookie: impl Into<Lines<'h>>,
    ) -> Mode {
        if self.uses(authorization.into()) {
            return Mode::Json;
        }
        let header = cookie.into();
        let mut names = self.cookie_modes().flat_map(Mode::cookies);
        match self.cookie_modes().next() {
            Some(first) if names.any(|cookie| self.is_present(header, cookie)) => {
                self.page_mode(header, first)
            }
            _ => self.default,
        }
    }

    /// Both cookie modes share the refresh cookie, and the access cookie beside it tells them apart. If
    /// that has expired, the answer is `TWO-COOKIES`, whose cookies serve a page of either mode.
    fn page_mode(&self, header: Lines<'_>, first: Mode) -> Mode {
        let present = |mode: &Mode| {
            mode.cookie(Kind::Access).is_some_and(|cookie| self.is_present(header, cookie))
        };
        let superset = |mode: &Mode| *mode == Mode::TwoCookies;
        self.cookie_modes()
            .find(present)
            .or_else(|| self.cookie_modes().find(superset))
            .unwrap_or(first)
    }

    /// The token of a Bearer header; `None` for another scheme (RFC 6750 §2.1, RFC 9110 §11.4).
    ///
    /// A second line is as good as a comma: a request has one `Authorization`.
    fn bearer<'h>(&self, header: Lines<'h>) -> Result<Option<&'h [u8]>, ReadError> {
        let mut lines = header.iter();
        let Some(first) = lines.next() else { return Ok(None) };
        if lines.next().is_some() {
            let mut elements = header.iter().flat_map(|line| line.split(|byte| *byte == b','));
            let is_meant = elements.any(|element| self.names_bearer(element));
            return if is_meant { Err(ReadError::AuthorizationInvalid) } else { Ok(None) };
        }
        let header = trim(first);
        let end = memchr::memchr2(b' ', b'\t', header).unwrap_or(header.len());
        let (scheme, rest) = header.split_at_checked(end).unwrap_or((header, &[]));
        if !self.schemes().any(|word| scheme.eq_ignore_ascii_case(word)) {
            // A Bearer token was sent all the same where two headers were joined into one, or where
            // something that only looks like a space stands beside the scheme.
            let mut elements = header.split(|byte| *byte == b',');
            let is_meant = elements.any(|element| self.names_bearer(element));
            return if is_meant { Err(ReadError::AuthorizationInvalid) } else { Ok(None) };
        }
        let token = trim(rest);
        if token.is_empty() || !is_token68(token) {
            return Err(ReadError::AuthorizationInvalid);
        }
        Ok(Some(token))
    }

    /// Whether an `Authorization` header is djwto's: it names a scheme that is read.
    pub(super) fn uses(&self, authorization: Lines<'_>) -> bool {
        self.modes.contains(&Mode::Json) && !matches!(self.bearer(authorization), Ok(None))
    }

    /// Whether this begins with a scheme that is read, and not with a longer word (RFC 9110 §5.6.2).
    fn names_bearer(&self, element: &[u8]) -> bool {
        let element = visible_core(element);
        self.schemes().any(|scheme| {
            element.split_at_checked(scheme.len()).is_some_and(|(word, rest)| {
                word.eq_ignore_ascii_case(scheme)
                    && !rest.first().is_some_and(|byte| is_token_letter(*byte))
            })
        })
    }

    fn schemes(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(&b"bearer"[..]).chain(self.schemes.iter().map(String::as_bytes))
    }

    /// Whether a cookie, empty or not, is in the header.
    pub(super) fn is_present(&self, header: Lines<'_>, cookie: TokenCookie) -> bool {
        count(header, self.names.of(cookie)) > 0
    }
}

/// How many cookies of one header are verified at most.
const MOST_READ: usize = 16;

/// How many cookies of that very name, empty or not, are in the header.
pub(super) fn count(header: Lines<'_>, name: &str) -> usize {
    pairs(header).filter(|(found, _)| *found == name.as_bytes()).count()
}

/// RFC 9110 §11.2. All bytes are looked at, so that the processor can take many at once.
fn is_token68(token: &[u8]) -> bool {
    let mark = |byte: u8| matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
    token.iter().fold(true, |so_far, byte| so_far & (byte.is_ascii_alphanumeric() | mark(*byte)))
}

/// What the name of a scheme is made of (RFC 9110 §5.6.2).
pub(super) fn is_token_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The value of the one cookie of that name; an empty one counts as none.
///
/// With `__Host-`, a look-alike name is another cookie. Another host can plant one, because it does not
/// begin with the prefix. To refuse it would lock the user out.
fn cookie_value<'h>(
    header: Lines<'h>,
    name: &Arc<str>,
    is_host: bool,
) -> Result<Option<&'h [u8]>, ReadError> {
    let mut value = None;
    for (found, content) in pairs(header) {
        if found == name.as_bytes() {
            if value.replace(content).is_some() {
                return Err(ReadError::CookieAmbiguous(name.clone()));
            }
        } else if !is_host && visible_core(found) == name.as_bytes() {
            // A parser that trims Unicode spaces, such as Python's, would take it for ours.
            return Err(ReadError::CookieAmbiguous(name.clone()));
        }
    }
    Ok(value.filter(|content| !matches!(*content, b"" | b"\"\"")))
}

/// The name and value of each cookie (RFC 6265 §5.4). Only space and tab are trimmed.
fn pairs(header: Lines<'_>) -> impl Iterator<Item = (&[u8], &[u8])> {
    header.iter().flat_map(pieces).filter_map(|piece| {
        let (name, value) = piece.split_at_checked(memchr::memchr(b'=', piece)?)?;
        Some((trim(name), trim(value.get(1..)?)))
    })
}

/// What stands between the semicolons of a `Cookie` header.
pub(super) fn pieces(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = memchr::memchr_iter(b';', header).chain(std::iter::once(header.len()));
    let mut start = 0;
    ends.filter_map(move |end| header.get(std::mem::replace(&mut start, end + 1)..end))
}

fn trim(text: &[u8]) -> &[u8] {
    trim_while(text, is_blank)
}

/// A name without what an eye, or a lenient parser, might not see at its ends.
fn visible_core(name: &[u8]) -> &[u8] {
    trim_while(name, |byte| !byte.is_ascii_graphic())
}

pub(super) fn trim_while(text: &[u8], drop: impl Fn(u8) -> bool) -> &[u8] {
    let start = text.iter().position(|byte| !drop(*byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !drop(*byte)).map_or(start, |last| last + 1);
    text.get(start..end).unwrap_or_default()
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Why no token was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// There is no Bearer header.
    AuthorizationMissing,
    /// The Bearer header does not hold one token.
    AuthorizationInvalid,
    /// The cookie of this name is absent or empty.
    CookieMissing(Arc<str>),
    /// The cookie of this name came twice, or under a name that looks like it.
    CookieAmbiguous(Arc<str>),
}

impl ReadError {
    /// The stable slug.
    pub fn code(&self) -> Code {
        match self {
            Self::AuthorizationMissing => Code::AuthorizationMissing,
            Self::AuthorizationInvalid => Code::AuthorizationInvalid,
            Self::CookieMissing(_) => Code::CookieMissing,
            Self::CookieAmbiguous(_) => Code::CookieAmbiguous,
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CookieMissing(name) | Self::CookieAmbiguous(name) => {
                f.write_str(&self.code().fill(name))
            }
            _ => f.write_str(self.code().sentence()),
        }
    }
}

impl std::error::Error for ReadError {}

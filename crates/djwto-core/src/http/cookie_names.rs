//! The names of the token cookies, with the operator's prefix before each.

use std::fmt;
use std::sync::Arc;

/// A cookie that carries a token, or a copy of its claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenCookie {
    /// The refresh token, in both cookie modes.
    Refresh,
    /// The access token of `ONE-COOKIE`.
    Access,
    /// The access token of `TWO-COOKIES`.
    AccessToken,
    /// The claims that a page may read. The server never reads them.
    AccessPayload,
}

impl TokenCookie {
    /// Every cookie.
    pub const ALL: [Self; 4] =
        [Self::Refresh, Self::Access, Self::AccessToken, Self::AccessPayload];

    /// The name without a prefix.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refresh => "jwt_refresh",
            Self::Access => "jwt_access",
            Self::AccessToken => "jwt_access_token",
            Self::AccessPayload => "jwt_access_payload",
        }
    }
}

/// The prefix of the name of every token cookie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CookiePrefix(String);

impl CookiePrefix {
    /// The longest prefix, in bytes: it counts against the size of each cookie.
    pub const MAX_BYTES: usize = 64;

    /// Takes the characters of a token (RFC 9110 §5.6.2), as in the name of a cookie.
    ///
    /// `None` for a prefix that is too long, and for `__Http-` and `__Host-Http-`. Browsers accept those
    /// only for `HttpOnly` cookies, and the payload cookie is readable (RFC 6265bis §4.1.3).
    pub fn parse(text: &str) -> Option<Self> {
        let tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let prefix = Self(text.to_owned());
        let is_http = ["__Http-", "__Host-Http-"].iter().any(|special| prefix.begins(special));
        (text.len() <= Self::MAX_BYTES && text.bytes().all(tchar) && !is_http).then_some(prefix)
    }

    /// Whether browsers tie the cookies to one host: no `Domain`, and `Path=/`.
    pub fn is_host(&self) -> bool {
        self.begins("__Host-")
    }

    /// Compares without case, as browsers do (RFC 6265bis §5.4).
    fn begins(&self, special: &str) -> bool {
        self.0.get(..special.len()).is_some_and(|start| start.eq_ignore_ascii_case(special))
    }
}

impl fmt::Display for CookiePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of each cookie with the prefix, made once.
#[derive(Clone, Debug)]
pub(super) struct Names {
    refresh: Arc<str>,
    access: Arc<str>,
    access_token: Arc<str>,
    access_payload: Arc<str>,
}

impl Names {
    pub(super) fn new(prefix: &CookiePrefix) -> Self {
        let name = |cookie: TokenCookie| format!("{prefix}{}", cookie.name()).into();
        Self {
            refresh: name(TokenCookie::Refresh),
            access: name(TokenCookie::Access),
            access_token: name(TokenCookie::AccessToken),
            access_payload: name(TokenCookie::AccessPayload),
        }
    }

    pub(super) fn of(&self, cookie: TokenCookie) -> &Arc<str> {
        match cookie {
            TokenCookie::Refresh => &self.refresh,
            TokenCookie::Access => &self.access,
            TokenCookie::AccessToken => &self.access_token,
            TokenCookie::AccessPayload => &self.access_payload,
        }
    }
}

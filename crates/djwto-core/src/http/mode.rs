//! The modes in which tokens are carried.

use std::fmt;

use super::TokenCookie;
use crate::types::Kind;

/// How tokens are carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// In the body, and back as a Bearer header (RFC 6750 §2.1).
    Json,
    /// In one `HttpOnly` cookie each.
    OneCookie,
    /// As `OneCookie`, with a copy of the access claims in a cookie that scripts can read.
    TwoCookies,
}

impl Mode {
    /// Every mode.
    pub const ALL: &[Self] = &[Self::Json, Self::OneCookie, Self::TwoCookies];

    /// The value of the setting.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::OneCookie => "ONE-COOKIE",
            Self::TwoCookies => "TWO-COOKIES",
        }
    }

    /// The mode of that exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mode| mode.name() == name)
    }

    /// The cookie in which a token of this kind comes back; `None` for `JSON`.
    pub const fn cookie(self, kind: Kind) -> Option<TokenCookie> {
        match (self, kind) {
            (Self::Json, _) => None,
            (_, Kind::Refresh) => Some(TokenCookie::Refresh),
            (Self::OneCookie, Kind::Access) => Some(TokenCookie::Access),
            (Self::TwoCookies, Kind::Access) => Some(TokenCookie::AccessToken),
        }
    }
}

impl Mode {
    /// Every cookie that the mode sets.
    pub(crate) fn cookies(self) -> impl Iterator<Item = TokenCookie> {
        let payload = (self == Self::TwoCookies).then_some(TokenCookie::AccessPayload);
        [self.cookie(Kind::Refresh), self.cookie(Kind::Access), payload].into_iter().flatten()
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The `SameSite` attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// Sent on top-level navigation from other sites.
    Lax,
    /// Never sent from other sites.
    Strict,
    /// Always sent.
    None,
}

impl SameSite {
    /// The value of the attribute.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lax => "Lax",
            Self::Strict => "Strict",
            Self::None => "None",
        }
    }

    /// Takes any case, as Django does.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Lax, Self::Strict, Self::None]
            .into_iter()
            .find(|value| value.name().eq_ignore_ascii_case(name))
    }
}

//! Where tokens travel: as Bearer headers, in one cookie each, or with the access token in two.
//!
//! | mode | out | in |
//! |---|---|---|
//! | `JSON` | the body | `Authorization: Bearer …` |
//! | `ONE-COOKIE` | `jwt_refresh`, `jwt_access` | the cookies |
//! | `TWO-COOKIES` | `jwt_refresh`, `jwt_access_token`, readable `jwt_access_payload` | the first two |

mod deliver;
mod read;

pub use deliver::{Delivery, MAX_BEARER_BYTES, MAX_COOKIE_BYTES, Pair, SetCookie, TooLarge};
pub use read::{Found, ReadError};

use std::fmt;

use crate::claims::Kind;

/// The cookie of the refresh token, in both cookie modes.
pub const REFRESH_COOKIE: &str = "jwt_refresh";
/// The cookie that a page may read. The server never does.
pub const PAYLOAD_COOKIE: &str = "jwt_access_payload";

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
    pub const fn cookie(self, kind: Kind) -> Option<&'static str> {
        match (self, kind) {
            (Self::Json, _) => None,
            (_, Kind::Refresh) => Some(REFRESH_COOKIE),
            (Self::OneCookie, Kind::Access) => Some("jwt_access"),
            (Self::TwoCookies, Kind::Access) => Some("jwt_access_token"),
        }
    }
}

impl Mode {
    /// Every cookie that the mode sets.
    pub(crate) fn cookies(self) -> impl Iterator<Item = &'static str> {
        let payload = (self == Self::TwoCookies).then_some(PAYLOAD_COOKIE);
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

/// The operator's wishes, before they are checked.
#[derive(Clone, Debug)]
pub struct TransportOptions {
    /// The modes offered; the first is the default.
    pub modes: Vec<Mode>,
    /// The path of the refresh cookie, with or without slashes around it.
    pub refresh_path: String,
    /// `SameSite` of every cookie; `None` leaves it to the browser.
    pub same_site: Option<SameSite>,
    /// `Domain` of every cookie; `None` keeps them on the host.
    pub domain: Option<String>,
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            modes: vec![Mode::Json],
            refresh_path: "api/token/refresh".to_owned(),
            same_site: Some(SameSite::Lax),
            domain: None,
        }
    }
}

/// Checked wishes: reads tokens from requests and puts them into replies.
#[derive(Clone, Debug)]
pub struct Transport {
    modes: Vec<Mode>,
    default: Mode,
    refresh_path: String,
    same_site: Option<SameSite>,
    domain: Option<String>,
}

impl Transport {
    /// Checks the wishes.
    ///
    /// # Errors
    ///
    /// [`TransportError`] names the field that is wrong.
    pub fn new(options: TransportOptions) -> Result<Self, TransportError> {
        let TransportOptions { modes, refresh_path, same_site, domain } = options;
        let default = *modes.first().ok_or(TransportError::Modes)?;
        if modes.iter().enumerate().any(|(i, mode)| modes.iter().take(i).any(|m| m == mode)) {
            return Err(TransportError::Modes);
        }
        let trimmed = refresh_path.trim_matches('/');
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
        // Browsers resolve "." and ".." before they compare paths.
        let is_segment = |segment: &str| !matches!(segment, "" | "." | "..");
        if !trimmed.split('/').all(is_segment) || !trimmed.bytes().all(allowed) {
            return Err(TransportError::RefreshPath);
        }
        if domain.as_deref().is_some_and(|domain| !is_domain(domain)) {
            return Err(TransportError::Domain);
        }
        Ok(Self { modes, default, refresh_path: format!("/{trimmed}"), same_site, domain })
    }

    /// The modes offered, the default first.
    pub fn modes(&self) -> &[Mode] {
        &self.modes
    }

    fn cookie_modes(&self) -> impl Iterator<Item = Mode> + '_ {
        self.modes.iter().copied().filter(|mode| *mode != Mode::Json)
    }
}

/// Labels of letters, digits and hyphens between dots; a leading dot is an old habit.
fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    domain.strip_prefix('.').unwrap_or(domain).split('.').all(label)
}

/// Why a transport cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportError {
    /// No mode, or one of them twice.
    Modes,
    /// The path is empty or has letters that a URL or a cookie cannot hold.
    RefreshPath,
    /// The domain is not a host name.
    Domain,
}

impl TransportError {
    /// The field that is wrong.
    pub fn field(self) -> &'static str {
        match self {
            Self::Modes => "modes",
            Self::RefreshPath => "refresh_path",
            Self::Domain => "domain",
        }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Modes => "expected at least one mode, each of them once",
            Self::RefreshPath => {
                "expected a path such as \"api/token/refresh\" of letters, digits and \"-._~/\""
            }
            Self::Domain => "expected a host name such as \"example.com\"",
        })
    }
}

impl std::error::Error for TransportError {}

//! How tokens are carried: in Bearer headers, in one cookie each, or with the access token in two.
//!
//! | mode | out | in |
//! |---|---|---|
//! | `JSON` | the body | `Authorization: Bearer …` |
//! | `ONE-COOKIE` | `jwt_refresh`, `jwt_access` | the cookies |
//! | `TWO-COOKIES` | `jwt_refresh`, `jwt_access_token`, readable `jwt_access_payload` | the first two |
//!
//! The operator may choose a prefix for the names. With `__Host-`, other hosts of the domain cannot set
//! such a cookie.

pub mod client;
mod cookie_names;
mod cookies;
mod credentials;
pub mod csrf;
pub mod form;
mod forwarded;
mod lines;
mod mode;
pub mod multipart;
pub mod origin;
mod parameters;
mod paths;
mod planted;
pub mod reply;

pub use cookie_names::{CookiePrefix, TokenCookie};
pub use cookies::{
    Delivery, MAX_BEARER_BYTES, MAX_COOKIE_BYTES, MAX_PATH_COOKIES_BYTES, Pair, SetCookie, TooLarge,
};
pub use credentials::{Found, ReadError};
pub use lines::Lines;
pub use mode::{Mode, SameSite};
pub use paths::is_script_name;
pub use planted::MAX_CLEARING_BYTES;

use std::fmt;

use cookie_names::Names;
use forwarded::LenientNames;

use crate::error::{Code, Failure};

/// The options of a transport, not checked yet.
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
    /// The prefix of the name of every cookie.
    pub cookie_prefix: String,
    /// The start of each path that a proxy strips before the face sees it; "" for nothing.
    pub public_path: String,
    /// More schemes of `Authorization` that are read as `Bearer`.
    pub schemes: Vec<String>,
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            modes: vec![Mode::Json],
            refresh_path: "api/token/refresh".to_owned(),
            same_site: Some(SameSite::Lax),
            domain: None,
            cookie_prefix: String::new(),
            public_path: String::new(),
            schemes: Vec::new(),
        }
    }
}

/// A checked transport: it reads tokens from requests and puts them into replies.
#[derive(Clone, Debug)]
pub struct Transport {
    modes: Vec<Mode>,
    default: Mode,
    refresh_path: String,
    public_path: String,
    same_site: Option<SameSite>,
    domain: Option<String>,
    prefix: CookiePrefix,
    names: Names,
    lenient_names: LenientNames,
    schemes: Vec<String>,
}

impl Transport {
    /// Checks the options.
    ///
    /// # Errors
    ///
    /// [`TransportError`] names the field that is wrong.
    pub fn new(options: TransportOptions) -> Result<Self, TransportError> {
        let TransportOptions { modes, same_site, domain, schemes, .. } = options;
        let default = *modes.first().ok_or(TransportError::Modes)?;
        if modes.iter().enumerate().any(|(i, mode)| modes.iter().take(i).any(|m| m == mode)) {
            return Err(TransportError::Modes);
        }
        let refresh_path = paths::checked(&options.refresh_path, paths::is_unreserved)
            .filter(|path| !path.is_empty())
            .ok_or(TransportError::RefreshPath)?;
        let public_path = paths::checked(&options.public_path, paths::is_visible)
            .ok_or(TransportError::PublicPath)?;
        if domain.as_deref().is_some_and(|domain| !is_domain(domain)) {
            return Err(TransportError::Domain);
        }
        let prefix =
            CookiePrefix::parse(&options.cookie_prefix).ok_or(TransportError::CookiePrefix)?;
        if prefix.is_host() && domain.is_some() {
            return Err(TransportError::HostPrefix);
        }
        let is_scheme =
            |word: &String| !word.is_empty() && word.bytes().all(credentials::is_token_letter);
        if !schemes.iter().all(is_scheme) {
            return Err(TransportError::Schemes);
        }
        let names = Names::new(&prefix);
        Ok(Self {
            modes,
            default,
            refresh_path,
            public_path,
            same_site,
            domain,
            prefix,
            lenient_names: LenientNames::of(&names),
            names,
            schemes,
        })
    }

    /// The modes offered, the default first.
    pub fn modes(&self) -> &[Mode] {
        &self.modes
    }

    /// The mode that a login asks for by its name; `None` is the default.
    ///
    /// # Errors
    ///
    /// [`Code::ModeUnknown`] if it is not offered.
    pub fn offered(&self, name: Option<&str>) -> Result<Mode, Failure> {
        let Some(name) = name else { return Ok(self.default) };
        self.modes.iter().copied().find(|mode| mode.name() == name).ok_or_else(|| {
            let names: Vec<_> = self.modes.iter().map(|mode| mode.name()).collect();
            Failure::new(Code::ModeUnknown, names.join(", "))
        })
    }

    /// The name of a cookie, with the prefix.
    pub fn cookie_name(&self, cookie: TokenCookie) -> &str {
        self.names.of(cookie)
    }

    fn cookie_modes(&self) -> impl Iterator<Item = Mode> + '_ {
        self.modes.iter().copied().filter(|mode| *mode != Mode::Json)
    }
}

/// Labels of letters, digits and hyphens between dots. A leading dot is an old spelling.
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
    /// The prefix has letters that a name cannot hold, or browsers would drop a cookie of it.
    CookiePrefix,
    /// `__Host-` keeps the cookies on one host, and there is a domain.
    HostPrefix,
    /// The public path has letters that a URL or a cookie cannot hold.
    PublicPath,
    /// A scheme is not a token of HTTP.
    Schemes,
}

impl TransportError {
    /// The field that is wrong.
    pub fn field(self) -> &'static str {
        match self {
            Self::Modes => "modes",
            Self::RefreshPath => "refresh_path",
            Self::Domain => "domain",
            Self::CookiePrefix | Self::HostPrefix => "cookie_prefix",
            Self::PublicPath => "public_path",
            Self::Schemes => "schemes",
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
            Self::CookiePrefix => {
                "expected \"__Host-\", \"__Secure-\" or up to 64 letters, digits and \
                 \"!#$%&'*+-.^_`|~\", and not \"__Http-\" or \"__Host-Http-\", of which browsers \
                 keep no cookie that a page can read"
            }
            Self::HostPrefix => {
                "expected no domain beside \"__Host-\", which keeps cookies on the host that set them"
            }
            Self::Schemes => {
                "expected words such as \"JWT\" of letters, digits and \"!#$%&'*+-.^_`|~\""
            }
            Self::PublicPath => {
                "expected \"\" or a path such as \"/backend\", as it stands in the browser's address"
            }
        })
    }
}

impl std::error::Error for TransportError {}

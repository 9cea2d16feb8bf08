//! Where a browser says that a request comes from: the rules of a login, which has no CSRF token.
//!
//! Source: OWASP, Cross-Site Request Forgery Prevention Cheat Sheet, "Login CSRF".

use crate::error::{Code, Failure};

/// The origins whose pages may send unsafe requests: `https://example.com`, or
/// `https://*.example.com` for that host and every subdomain.
#[derive(Clone, Debug, Default)]
pub struct TrustedOrigins(Vec<String>);

impl TrustedOrigins {
    /// From a list of origins.
    pub fn new(origins: impl IntoIterator<Item = String>) -> Self {
        Self(origins.into_iter().collect())
    }

    /// Whether an `Origin` header names a page of this host, or one that is trusted. `own` is the
    /// origin at which the request was received, such as `https://example.com`; `None` where the
    /// request names no host that the server has.
    ///
    /// Django's own check gives the same answer; `vectors/origins.json` holds both to it.
    pub fn trusts(&self, origin: &str, own: Option<&str>) -> bool {
        own == Some(origin) || self.0.iter().any(|trusted| matches(trusted, origin))
    }

    /// Whether the host of a `Referer` is that of a trusted origin. Django does not compare the scheme
    /// here.
    pub(super) fn has_host(&self, host: &str) -> bool {
        self.0
            .iter()
            .filter_map(|trusted| parts(trusted))
            .any(|(_, trusted)| is_same_domain(host, trusted.trim_start_matches('*')))
    }
}

/// Whether a host is this one, or in the domain after the dot that this one begins with.
pub(super) fn is_same_domain(host: &str, pattern: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    match pattern.strip_prefix('.') {
        Some(parent) => host == parent || host.ends_with(&pattern),
        None => !pattern.is_empty() && host == pattern,
    }
}

fn matches(trusted: &str, origin: &str) -> bool {
    if !trusted.contains('*') {
        return trusted == origin;
    }
    let (Some((wanted, pattern)), Some((scheme, host))) = (parts(trusted), parts(origin)) else {
        return false;
    };
    let pattern = pattern.trim_start_matches('*');
    // An address in brackets has no subdomains.
    if !scheme.eq_ignore_ascii_case(wanted) || host.is_empty() || host.contains(['[', ']']) {
        return false;
    }
    is_same_domain(host, pattern)
}

/// Scheme and host of an origin, with the port.
fn parts(origin: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = origin.split_once("://")?;
    Some((scheme, rest.split(['/', '?', '#']).next().unwrap_or_default()))
}

/// What a browser says of a request's origin.
#[derive(Clone, Copy, Debug, Default)]
pub struct Provenance<'a> {
    /// `Origin`
    pub origin: Option<&'a str>,
    /// Whether that origin is trusted; without a meaning where there is none.
    pub is_trusted: bool,
    /// `Sec-Fetch-Site`
    pub fetch_site: Option<&'a str>,
}

impl Provenance<'_> {
    /// Whether the browser says that a page of an origin that is not trusted sends the request.
    /// `Origin` decides, and `Sec-Fetch-Site` where there is none. A program sends neither.
    pub fn is_foreign(&self) -> bool {
        match self.origin {
            Some(_) => !self.is_trusted,
            None => self.fetch_site == Some("cross-site"),
        }
    }

    /// Refuses a login that a page of another site has sent.
    ///
    /// # Errors
    ///
    /// [`Code::OriginRefused`]
    pub fn check_login(&self) -> Result<(), Failure> {
        if !self.is_foreign() {
            return Ok(());
        }
        let detail = self.origin.map_or_else(
            || "the browser calls it cross-site".to_owned(),
            |origin| {
                let start: String = origin.chars().take(MAX_SHOWN_LETTERS).collect();
                format!("its origin is '{}'", start.escape_debug())
            },
        );
        Err(Failure::new(Code::OriginRefused, detail))
    }
}

const MAX_SHOWN_LETTERS: usize = 200;

//! Where a browser says that a request comes from: the rules of a login, which has no CSRF token.
//!
//! Source: OWASP, Cross-Site Request Forgery Prevention Cheat Sheet, "Login CSRF".

use crate::error::{Code, Failure};

/// The origins whose pages may send unsafe requests: `https://example.com`, or
/// `https://*.example.com` for every subdomain.
#[derive(Clone, Debug, Default)]
pub struct TrustedOrigins(Vec<String>);

impl TrustedOrigins {
    /// From a list of origins.
    pub fn new(origins: impl IntoIterator<Item = String>) -> Self {
        Self(origins.into_iter().collect())
    }

    /// Whether an `Origin` header names a page of this host, or one that is trusted. `own` is the
    /// origin at which the request was received, such as `https://example.com`.
    ///
    /// The same answer as that of Django's check; `vectors/origins.json` holds both to it.
    pub fn trusts(&self, origin: &str, own: &str) -> bool {
        origin == own || self.0.iter().any(|trusted| matches(trusted, origin))
    }
}

fn matches(trusted: &str, origin: &str) -> bool {
    let Some((scheme, parent)) = trusted.split_once("://*.") else { return trusted == origin };
    let host = origin.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://"));
    // `*.example.com` has every subdomain, and not the domain itself.
    host.is_some_and(|host| {
        let parent = parent.to_ascii_lowercase();
        host.to_ascii_lowercase().strip_suffix(&parent).is_some_and(|start| start.ends_with('.'))
    })
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

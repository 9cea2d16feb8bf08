//! Cross-site request forgery: the rules for a request whose token came in a cookie.
//!
//! A request with a Bearer token needs none of them: a page of another site cannot send that header.
//!
//! | rule | an unsafe method needs |
//! |---|---|
//! | [`Csrf::by_origin`] | `Sec-Fetch-Site: same-origin` or `none`, or an `Origin` that is trusted |
//! | [`Csrf::by_token`] | Django's CSRF token in a header, and Django's `Origin` or `Referer` |
//!
//! A WebSocket needs an `Origin` that is trusted, under both rules and with any method: a browser lets
//! every page open one, and sends the cookies (RFC 6455 §10.2).
//!
//! ```
//! use djwto_core::http::csrf::{Csrf, Request};
//! use djwto_core::http::origin::TrustedOrigins;
//!
//! let rule = Csrf::by_origin(TrustedOrigins::default());
//! let post = Request { method: "POST", scheme: "https", host: "models.example", ..Request::default() };
//! assert!(rule.check(&post).is_err());
//! let origin = Some(&b"https://models.example"[..]);
//! assert!(rule.check(&Request { origin: origin.into(), ..post }).is_ok());
//! ```
//!
//! Sources: OWASP, Cross-Site Request Forgery Prevention Cheat Sheet; Fetch Metadata Request Headers
//! (W3C) §2; Django, "How CSRF works".

mod django;

use std::borrow::Cow;
use std::fmt;

use super::Lines;
use super::origin::TrustedOrigins;
use crate::error::{Code, Failure};

/// The parts of a request that the rules read. The headers are those of the client.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'h> {
    /// The method, such as `POST`. `post` is an unsafe method too (RFC 9110 §9.1).
    pub method: &'h str,
    /// The scheme at which the request was received: `https` or `http`.
    pub scheme: &'h str,
    /// The host, as the client sent it: with the port if it is not the scheme's own. It must be a host
    /// that the server has.
    pub host: &'h str,
    /// Whether it opens a WebSocket: there is a `Sec-WebSocket-Key`.
    pub is_socket: bool,
    /// `Origin`
    pub origin: Lines<'h>,
    /// `Sec-Fetch-Site`, for the rule by origin.
    pub fetch_site: Lines<'h>,
    /// `Referer`, for the rule by token.
    pub referer: Lines<'h>,
    /// `Cookie`, for the rule by token.
    pub cookie: Lines<'h>,
    /// The header with the CSRF token, for the rule by token.
    pub token: Lines<'h>,
    /// The field `csrfmiddlewaretoken` of a form that was posted, for the rule by token. It comes before the
    /// header, unless it is empty.
    pub form_token: Option<&'h str>,
}

/// The names that Django's settings give to the CSRF token, for [`Csrf::by_token`].
#[derive(Clone, Debug)]
pub struct TokenNames {
    /// `CSRF_COOKIE_NAME`
    pub cookie: String,
    /// The header, such as `X-CSRFToken`.
    pub header: String,
    /// `CSRF_COOKIE_DOMAIN`: with it, a `Referer` of that domain is good too.
    pub domain: Option<String>,
}

/// A rule, and the origins whose pages may send unsafe requests and open sockets.
#[derive(Clone, Debug)]
pub struct Csrf {
    trusted: TrustedOrigins,
    names: Option<TokenNames>,
}

impl Csrf {
    /// The rule by what the browser says of the page.
    pub fn by_origin(trusted: TrustedOrigins) -> Self {
        Self { trusted, names: None }
    }

    /// Django's own check, for a token in the header or in a form.
    ///
    /// `trusted` are `CSRF_TRUSTED_ORIGINS`.
    pub fn by_token(trusted: TrustedOrigins, names: TokenNames) -> Self {
        Self { trusted, names: Some(names) }
    }

    /// Checks a request whose token came in a cookie.
    ///
    /// # Errors
    ///
    /// [`CsrfError`] names the first rule that does not hold.
    pub fn check(&self, request: &Request<'_>) -> Result<(), CsrfError> {
        if request.is_socket {
            let origin = joined_text(request.origin).ok_or(CsrfError::NoOrigin)?;
            self.check_origin(request, &origin)?;
        }
        if is_safe(request.method) {
            return Ok(());
        }
        match &self.names {
            None => self.check_browser(request),
            Some(names) => self.check_token(names, request),
        }
    }

    fn check_browser(&self, request: &Request<'_>) -> Result<(), CsrfError> {
        let fetch_site = joined_text(request.fetch_site);
        if matches!(fetch_site.as_deref(), Some("same-origin" | "none")) {
            return Ok(());
        }
        match (joined_text(request.origin), fetch_site) {
            (Some(origin), _) => self.check_origin(request, &origin),
            (None, Some(site)) => Err(CsrfError::FetchSite(shown(&site))),
            (None, None) => Err(CsrfError::NoHeader),
        }
    }

    fn check_origin(&self, request: &Request<'_>, origin: &str) -> Result<(), CsrfError> {
        let own = format!("{}://{}", request.scheme, request.host);
        // The origin of a sandboxed page, or of a file: it names no page (RFC 6454 §7.3).
        if origin != "null" && self.trusted.trusts(origin, Some(&own)) {
            return Ok(());
        }
        Err(CsrfError::Origin(shown(origin)))
    }
}

/// Whether a method changes nothing (RFC 9110 §9.2.1).
pub fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE")
}

/// The one value of a header. Two lines are as good as a comma (RFC 9110 §5.3), which none of these
/// headers may have.
fn joined(lines: Lines<'_>) -> Option<Cow<'_, [u8]>> {
    let mut rest = lines.iter();
    let first = Cow::Borrowed(rest.next()?);
    Some(rest.fold(first, |joined, line| Cow::Owned([&joined, &b","[..], line].concat())))
}

/// The same as text, a letter for each byte, as Django has it.
fn joined_text(lines: Lines<'_>) -> Option<String> {
    joined(lines).map(|value| value.iter().copied().map(char::from).collect())
}

/// A client's text for a sentence: one short line.
fn shown(text: &str) -> String {
    let start: String = text.chars().take(MAX_SHOWN_LETTERS).collect();
    start.escape_debug().to_string()
}

const MAX_SHOWN_LETTERS: usize = 200;

/// Why a request is refused. The sentences are Django's where Django has the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CsrfError {
    /// Neither `Sec-Fetch-Site` nor `Origin` is there.
    NoHeader,
    /// `Sec-Fetch-Site` names another relation, and there is no `Origin`.
    FetchSite(String),
    /// A socket without `Origin`.
    NoOrigin,
    /// The `Origin` is not trusted.
    Origin(String),
    /// By https, neither `Origin` nor `Referer` is there.
    NoReferer,
    /// The `Referer` is not an absolute URL.
    MalformedReferer,
    /// The `Referer` is not a page by https.
    InsecureReferer,
    /// The `Referer` is not trusted.
    Referer(String),
    /// There is no CSRF cookie.
    NoCookie,
    /// The CSRF cookie has not the form of a token.
    Cookie(TokenFault),
    /// There is no header with the token.
    NoToken,
    /// The token of this header is wrong.
    Token(String, TokenFault),
    /// The token in the form is wrong.
    FormToken(TokenFault),
}

/// What is wrong with a CSRF token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// It has neither 32 nor 64 letters.
    Length,
    /// It has other characters than ASCII letters and digits.
    Characters,
    /// It does not belong to the cookie.
    Incorrect,
}

impl fmt::Display for TokenFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "has incorrect length",
            Self::Characters => "has invalid characters",
            Self::Incorrect => "incorrect",
        })
    }
}

impl CsrfError {
    /// The stable slug.
    pub fn code(&self) -> Code {
        Code::CsrfFailed
    }
}

impl fmt::Display for CsrfError {
    /// The detail of the sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let referer = "Referer checking failed";
        match self {
            Self::NoHeader => f.write_str("The headers Sec-Fetch-Site and Origin are missing."),
            Self::FetchSite(site) => write!(f, "The browser calls the request '{site}'."),
            Self::NoOrigin => f.write_str("The Origin header is missing."),
            Self::Origin(origin) => {
                write!(f, "Origin checking failed - {origin} does not match any trusted origins.")
            }
            Self::NoReferer => write!(f, "{referer} - no Referer."),
            Self::MalformedReferer => write!(f, "{referer} - Referer is malformed."),
            Self::InsecureReferer => {
                write!(f, "{referer} - Referer is insecure while host is secure.")
            }
            Self::Referer(url) => {
                write!(f, "{referer} - {url} does not match any trusted origins.")
            }
            Self::NoCookie => f.write_str("CSRF cookie not set."),
            Self::Cookie(fault) => write!(f, "CSRF cookie {fault}."),
            Self::NoToken => f.write_str("CSRF token missing."),
            Self::Token(header, fault) => {
                write!(f, "CSRF token from the '{header}' HTTP header {fault}.")
            }
            Self::FormToken(fault) => write!(f, "CSRF token from POST {fault}."),
        }
    }
}

impl std::error::Error for CsrfError {}

impl From<CsrfError> for Failure {
    fn from(error: CsrfError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

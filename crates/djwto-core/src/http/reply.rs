//! A failure as a reply: status, headers and body.

use serde_json::{Map, Value};

use crate::engine::AuthenticateError;
use crate::error::{Code, Failure};
use crate::session::end::Refusal;

/// The challenge of every 401 (RFC 6750 §3).
pub const CHALLENGE: &str = "Bearer realm=api";
/// `Retry-After` of a 503 without a better time, in seconds.
pub const RETRY_SECONDS: u64 = 5;
/// The status of a project's own slug, if the project gives none.
pub const OWN_SLUG_STATUS: u16 = 403;
/// The headers of a reply that depends on the user: shared caches do not keep it
/// (RFC 9111 §5.2.2.7, RFC 9110 §12.5.5).
pub const PRIVATE: [(&str, &str); 2] =
    [("Vary", "Cookie, Authorization"), ("Cache-Control", "private")];
/// The header of a reply with tokens (RFC 6749 §5.1).
pub const NO_STORE: (&str, &str) = ("Cache-Control", "no-store");

const NO_CREDENTIALS: [Code; 3] =
    [Code::AuthorizationMissing, Code::CookieMissing, Code::CredentialsInvalid];

/// The HTTP status of a slug, where the project that raised it names none.
pub fn status_of(slug: &str) -> u16 {
    Code::from_slug(slug).map_or(OWN_SLUG_STATUS, Code::status)
}

/// A failure, as a client gets it.
#[derive(Clone, Copy, Debug)]
pub struct Notice<'a> {
    /// The slug: one of [`Code`], or a project's own.
    pub slug: &'a str,
    /// The sentence.
    pub sentence: &'a str,
    /// The HTTP status, see [`status_of`].
    pub status: u16,
    /// In how many seconds a retry may succeed, if that is known.
    pub retry_after: Option<u64>,
}

/// A failure, ready to be sent as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Names and values, beside the content type.
    pub headers: Vec<(&'static str, String)>,
    /// The members of the JSON object: `error` is the sentence, `code` the slug.
    pub body: [(&'static str, String); 2],
}

impl Notice<'_> {
    /// The reply.
    pub fn reply(&self) -> Reply {
        let mut headers = Vec::new();
        if self.status == 401 {
            headers.push(("WWW-Authenticate", self.challenge()));
        }
        let retry_after = self.retry_after.or((self.status == 503).then_some(RETRY_SECONDS));
        if let Some(seconds) = retry_after {
            headers.push(("Retry-After", seconds.to_string()));
        }
        let body = [("error", self.sentence.to_owned()), ("code", self.slug.to_owned())];
        Reply { status: self.status, headers, body }
    }

    /// RFC 6750 §3.1: a request without credentials gets no error code. Of a slug that a project
    /// invented, it is not known whether it is about the token.
    fn challenge(&self) -> String {
        match Code::from_slug(self.slug) {
            Some(code) if !NO_CREDENTIALS.contains(&code) => {
                format!("{CHALLENGE}, error=\"invalid_token\"")
            }
            _ => CHALLENGE.to_owned(),
        }
    }
}

impl Reply {
    /// The text of the body, for a face without a JSON writer.
    pub fn json(&self) -> String {
        let members =
            self.body.iter().map(|(name, text)| ((*name).to_owned(), text.as_str().into()));
        Value::Object(members.collect::<Map<_, _>>()).to_string()
    }
}

impl From<&Failure> for Reply {
    fn from(failure: &Failure) -> Self {
        let (slug, sentence, status) =
            (failure.code.slug(), &failure.to_string(), failure.code.status());
        Notice { slug, sentence, status, retry_after: None }.reply()
    }
}

impl From<&AuthenticateError> for Reply {
    fn from(error: &AuthenticateError) -> Self {
        let (code, sentence) = (error.code(), &error.to_string());
        Notice { slug: code.slug(), sentence, status: code.status(), retry_after: None }.reply()
    }
}

impl From<&Refusal> for Reply {
    fn from(refusal: &Refusal) -> Self {
        let (code, sentence) = (refusal.code, &refusal.to_string());
        Notice { slug: code.slug(), sentence, status: code.status(), retry_after: None }.reply()
    }
}

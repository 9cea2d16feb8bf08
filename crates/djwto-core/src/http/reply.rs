//! A failure as a reply: status, headers and body.

use serde_json::{Map, Value};

use crate::error::{Code, Failure};

/// The challenge of every 401 (RFC 6750 §3).
pub const CHALLENGE: &str = "Bearer realm=api";
/// `Retry-After` of a 503 of which no better time is known, in seconds.
pub const RETRY_SECONDS: u32 = 5;

/// What a client is told of a failure.
#[derive(Clone, Debug)]
pub struct Refusal<'a> {
    /// The slug: one of [`Code`], or a project's own.
    pub slug: &'a str,
    /// The sentence.
    pub sentence: &'a str,
    /// The HTTP status.
    pub status: u16,
    /// When it is worth another try, in seconds, where that is known.
    pub retry_after: Option<u32>,
}

/// A reply without a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Names and values, beside the content type.
    pub headers: Vec<(&'static str, String)>,
}

impl Refusal<'_> {
    /// The status and the headers.
    pub fn reply(&self) -> Reply {
        let mut headers = Vec::new();
        if self.status == 401 {
            // RFC 6750 §3.1: a request without credentials gets no error code. Of a slug that a
            // project invented, djwto cannot know whether it is about the token.
            let is_of_token =
                Code::from_slug(self.slug).is_some_and(|code| !NO_CREDENTIALS.contains(&code));
            let reason = if is_of_token { ", error=\"invalid_token\"" } else { "" };
            headers.push(("WWW-Authenticate", format!("{CHALLENGE}{reason}")));
        }
        let retry_after = self.retry_after.or((self.status == 503).then_some(RETRY_SECONDS));
        if let Some(seconds) = retry_after {
            headers.push(("Retry-After", seconds.to_string()));
        }
        Reply { status: self.status, headers }
    }

    /// The JSON body: `error` is the sentence, `code` the slug.
    pub fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("error".to_owned(), self.sentence.into());
        body.insert("code".to_owned(), self.slug.into());
        Value::Object(body)
    }
}

const NO_CREDENTIALS: [Code; 3] =
    [Code::AuthorizationMissing, Code::CookieMissing, Code::CredentialsInvalid];

/// The headers of a reply that depends on who asks (RFC 9111 §5.2.2.7, RFC 9110 §12.5.5): shared
/// caches keep it for no one else.
pub const PRIVATE: [(&str, &str); 2] =
    [("Vary", "Cookie, Authorization"), ("Cache-Control", "private")];

impl From<&Failure> for Reply {
    fn from(failure: &Failure) -> Self {
        let refusal = Refusal {
            slug: failure.code.slug(),
            sentence: "",
            status: failure.code.status(),
            retry_after: None,
        };
        refusal.reply()
    }
}

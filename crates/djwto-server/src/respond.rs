//! A decision as the reply that a kind of proxy understands.

use std::fmt::Write as _;

use bytes::Bytes;
use djwto_core::http::reply::Notice;
use http_body_util::Full;
use hyper::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, COOKIE, HeaderName, HeaderValue, LOCATION, VARY,
};
use hyper::http::StatusCode;
use hyper::{HeaderMap, Response};

use crate::config::Proxy;
use crate::decision::{Decision, Pass, Refused};

/// The reply of this server.
pub type Reply = Response<Full<Bytes>>;

/// The header with the assertion.
pub const ASSERTION: HeaderName = HeaderName::from_static("x-djwto-assertion");
/// The status that the client gets, where the proxy does not take it.
pub const STATUS: HeaderName = HeaderName::from_static("x-djwto-status");
/// The code of a refusal, for nginx.
pub const CODE: HeaderName = HeaderName::from_static("x-djwto-code");
/// Where the client is sent, for nginx.
pub const TARGET: HeaderName = HeaderName::from_static("x-djwto-location");
/// The body that the client gets, for nginx.
pub const BODY: HeaderName = HeaderName::from_static("x-djwto-body");
/// The content type of that body.
pub const TYPE: HeaderName = HeaderName::from_static("x-djwto-type");
/// The headers that Envoy takes off the request.
pub const REMOVE: HeaderName = HeaderName::from_static("x-envoy-auth-headers-to-remove");

const EMPTY: HeaderValue = HeaderValue::from_static("");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// Of a refusal at `/auth`, which another user would not get: as the replies of guarded views are.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");
const VARIES: HeaderValue = HeaderValue::from_static("Cookie, Authorization");
const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";

/// The reply for a proxy of this kind.
pub fn reply(proxy: Proxy, decision: &Decision<'_>) -> Reply {
    match &decision.outcome {
        Ok(pass) => passed(proxy, pass),
        Err(refused) => self::refused(Some(proxy), refused),
    }
}

fn passed(proxy: Proxy, pass: &Pass) -> Reply {
    let mut reply = Response::new(Full::default());
    let headers = reply.headers_mut();
    headers.reserve(6);
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(ASSERTION, pass.assertion.clone().unwrap_or(EMPTY));
    headers.insert(COOKIE, pass.cookie.clone().unwrap_or(EMPTY));
    headers.insert(AUTHORIZATION, pass.authorization.clone().unwrap_or(EMPTY));
    if proxy == Proxy::Envoy {
        // Envoy would send an empty header on.
        let removed = match (&pass.cookie, &pass.authorization) {
            (None, None) => "cookie,authorization",
            (None, Some(_)) => "cookie",
            (Some(_), None) => "authorization",
            (Some(_), Some(_)) => return reply,
        };
        headers.insert(REMOVE, HeaderValue::from_static(removed));
    }
    reply
}

/// The reply to a refused request: for a proxy that asks, or as it is for the client itself.
pub fn refused(proxy: Option<Proxy>, refused: &Refused) -> Reply {
    let failure = &refused.failure;
    let sentence = failure.to_string();
    let (slug, status) = (failure.code.slug(), failure.code.status());
    let notice = Notice { slug, sentence: &sentence, status, retry_after: None }.reply();
    let (content_type, body) = if refused.is_navigation {
        (HTML, page(&sentence, slug))
    } else {
        (JSON, ascii_json(&notice.json()))
    };
    let target = refused.redirect.as_deref().and_then(|url| HeaderValue::from_str(url).ok());
    let real = if target.is_some() { StatusCode::SEE_OTHER.as_u16() } else { status };
    let mut headers = HeaderMap::with_capacity(9);
    if proxy.is_some() {
        headers.insert(CACHE_CONTROL, PRIVATE);
        headers.insert(VARY, VARIES);
    } else {
        headers.insert(CACHE_CONTROL, NO_STORE);
    }
    // A redirect is no challenge: the browser goes on by itself.
    for (name, value) in notice.headers.iter().filter(|_| target.is_none()) {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    let sent = if proxy == Some(Proxy::Nginx) {
        headers.insert(STATUS, real.into());
        headers.insert(CODE, HeaderValue::from_static(slug));
        headers.insert(TYPE, HeaderValue::from_static(content_type));
        if let Ok(body) = HeaderValue::from_str(&body) {
            headers.insert(BODY, body);
        }
        headers.extend(target.map(|target| (TARGET, target)));
        if real == 401 || real == 303 { StatusCode::UNAUTHORIZED } else { StatusCode::FORBIDDEN }
    } else {
        headers.extend(target.map(|target| (LOCATION, target)));
        StatusCode::from_u16(real).unwrap_or(StatusCode::FORBIDDEN)
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let mut reply = Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = sent;
    *reply.headers_mut() = headers;
    reply
}

/// JSON of ASCII alone: one line that fits into a header.
fn ascii_json(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let mut units = [0; 2];
    for letter in json.chars() {
        if letter.is_ascii() {
            text.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut units) {
            let _ = write!(text, "\\u{unit:04x}");
        }
    }
    text
}

/// A page for a browser: one line of ASCII, without a script.
fn page(sentence: &str, slug: &str) -> String {
    let mut text = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Refused</title><p>",
    );
    for letter in sentence.chars() {
        if letter.is_ascii_alphanumeric() || " .,:()'_-".contains(letter) {
            text.push(letter);
        } else {
            let _ = write!(text, "&#{};", u32::from(letter));
        }
    }
    text.push_str("</p><p><code>");
    text.push_str(slug);
    text.push_str("</code></p></html>");
    text
}

/// A reply with a body of this content type, which other programs may cache for so many seconds.
pub fn document(content_type: &'static str, body: impl Into<Bytes>, max_age: u32) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    let caching = match max_age {
        0 => NO_STORE,
        seconds => HeaderValue::from_str(&format!("public, max-age={seconds}")).unwrap_or(NO_STORE),
    };
    reply.headers_mut().insert(CACHE_CONTROL, caching);
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

/// A reply of a status alone.
pub fn status(status: StatusCode) -> Reply {
    let mut reply = document("text/plain; charset=utf-8", format!("{status}\n"), 0);
    *reply.status_mut() = status;
    reply
}

#[cfg(test)]
mod tests;

//! The endpoints of Django that this server has too, with the same answers: `/validate_access/` and
//! `/.well-known/jwks.json`. A proxy passes requests for them on.

use std::time::{Instant, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use djwto_core::error::Failure;
use djwto_core::http::form::{self, Bounds};
use djwto_core::session::end::{Liveness, Standing, liveness};
use djwto_core::{Code, UnixTime};
use http_body_util::BodyExt as _;
use hyper::Method;
use hyper::body::Incoming;
use hyper::header::{
    ALLOW, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH,
    SET_COOKIE,
};
use hyper::http::StatusCode;
use hyper::http::request::Parts;
use tokio::time::timeout;

use crate::config::Peer;
use crate::decision::{Decision, Pass, Posted, Refused, Seen, validate};
use crate::forwarded;
use crate::guard::Guard;
use crate::logging;
use crate::respond::{self, Reply};
use crate::server::Server;

/// Says whether an access token is good.
pub const VALIDATE_ACCESS: &str = "/validate_access/";
/// The public keys of Django's tokens.
pub const JWKS: &str = "/.well-known/jwks.json";

/// How long verifiers may keep a JWK Set, in seconds. A key is published longer before it signs.
pub const JWKS_SECONDS: u32 = 300;
/// The content type of a JWK Set.
pub const JWK_SET: &str = "application/jwk-set+json";

/// The most bytes of a body where Django has no limit.
const MOST_BYTES: usize = 16 << 20;
/// The bytes beyond the limit that are read and dropped: a proxy that is still sending would not see the
/// refusal.
const DROPPED_BYTES: usize = 8 << 20;
const LETTERS_OF_METHOD: usize = 32;

/// `/validate_access/`: a token, its session in the database, and CSRF for a cookie.
pub async fn validate_access(server: &Server, peer: Peer, head: &Parts, body: Incoming) -> Reply {
    let started = Instant::now();
    let guard = server.guard();
    let Some(proxy) = guard.peers().proxy(peer) else {
        server.metrics().decided(Some(Code::PeerUnknown), started.elapsed());
        return respond::refused(None, &Refused::new(Code::PeerUnknown));
    };
    if head.method != Method::POST {
        return other_method(&head.method, "POST, OPTIONS");
    }
    let posted = Posted::new(&guard, forwarded::passed_on(proxy, head), &head.headers);
    let outcome = match &posted {
        Ok(posted) => checked(server, &guard, posted, head, body).await,
        Err(failure) => Err(failure.clone()),
    };
    let decision = Decision {
        method: Some("POST"),
        host: posted.as_ref().ok().map(Posted::host),
        rule: None,
        outcome: outcome.map(|()| Pass::default()).map_err(Refused::new),
    };
    let refused = decision.outcome.as_ref().err();
    server.metrics().decided(refused.map(Refused::code), started.elapsed());
    logging::decided(&head.headers, Some(proxy), &decision);
    let Some(refused) = refused else {
        return respond::document("application/json", VALID, 0);
    };
    let mut reply = respond::refused(None, refused);
    if refused.code() == Code::CookieAmbiguous {
        clear_doubled(&guard, decision.host.unwrap_or_default(), &head.headers, &mut reply);
    }
    reply
}

const VALID: &str = r#"{"msg": "Token is valid"}"#;

async fn checked(
    server: &Server,
    guard: &Guard,
    posted: &Posted<'_>,
    head: &Parts,
    body: Incoming,
) -> Result<(), Failure> {
    let limit = server.limits().request;
    let late = |_| Err(Failure::new(Code::BodyUnreadable, "it did not come in time"));
    let form = timeout(limit, form_of(guard, &head.headers, body)).await.unwrap_or_else(late)?;
    let now = || UnixTime::from(SystemTime::now());
    let seen = match validate(guard, posted, &form, now()) {
        Err(failure) if guard.may_miss_key(failure.code) => {
            if let Some(keys) = guard.remote_keys() {
                keys.wait().await;
            }
            let newer = server.guard();
            let seen = validate(&newer, posted, &form, now());
            let is_lacking = newer.lacks_keys();
            seen.map_err(
                |failure| if is_lacking { Code::StoreUnavailable.into() } else { failure },
            )?
        }
        seen => seen?,
    };
    let late = |_| Err(Code::StoreUnavailable.into());
    timeout(limit, check_live(server, guard, &seen)).await.unwrap_or_else(late)
}

/// The fields of a body.
async fn form_of(
    guard: &Guard,
    headers: &HeaderMap,
    body: Incoming,
) -> Result<Vec<(String, String)>, Failure> {
    let forms = guard.forms();
    let body = whole(headers, body, forms.max_bytes.unwrap_or(MOST_BYTES)).await?;
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let content_type = match (types.next(), types.next()) {
        (Some(only), None) => String::from_utf8_lossy(only.as_bytes()),
        _ => "".into(),
    };
    let bounds = Bounds { fields: forms.max_fields, files: forms.max_files };
    form::read(&content_type, &body, &bounds, &forms.name_field)
}

/// The whole body, if it has at most so many bytes.
async fn whole(headers: &HeaderMap, mut body: Incoming, most: usize) -> Result<Vec<u8>, Failure> {
    let early = || Failure::new(Code::BodyUnreadable, "it ended too early");
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let last = most.saturating_add(DROPPED_BYTES);
    if length.is_some_and(|length: usize| length > last) {
        return Err(Code::BodyTooLarge.into());
    }
    let (mut bytes, mut count) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| early())?;
        let piece = frame.into_data().unwrap_or_default();
        count = count.saturating_add(piece.len());
        if count > last {
            break;
        }
        if count <= most {
            bytes.extend_from_slice(&piece);
        } else {
            bytes = Vec::new();
        }
    }
    if count > most { Err(Code::BodyTooLarge.into()) } else { Ok(bytes) }
}

/// Asks the database about the session of a token, and about its user where the tables are known.
async fn check_live(server: &Server, guard: &Guard, seen: &Seen) -> Result<(), Failure> {
    let unavailable = || Failure::from(Code::StoreUnavailable);
    let database = server.database();
    let store = database.store().ok_or_else(unavailable)?;
    let ended = store.has_ended(seen.session).await.map_err(|_| unavailable())?;
    // Tokens of 0.0.4 that 0.0.4 itself has blacklisted count as in Django's guards: they are good.
    let standing = ended.map(|is_ended| Standing { is_ended, generation: 0 });
    let is_legacy = !seen.claims.has_session;
    let mut is_live = liveness(is_legacy, standing) != Liveness::Ended;
    if is_live && guard.reads_permissions() {
        let held = store.permissions(&seen.claims.user).await.map_err(|_| unavailable())?;
        is_live = held.is_some();
    }
    if is_live { Ok(()) } else { Err(Code::TokenBlacklisted.into()) }
}

/// Clears the cookies that another host of the domain has planted beside djwto's.
fn clear_doubled(guard: &Guard, host: &str, headers: &HeaderMap, reply: &mut Reply) {
    let lines: Vec<_> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    let turn = SystemTime::UNIX_EPOCH.elapsed().map(|since| since.as_secs()).unwrap_or_default();
    let transport = guard.engine().transport();
    for cookie in transport.clear_doubled(lines.as_slice(), host, VALIDATE_ACCESS, turn) {
        if let Ok(line) = HeaderValue::from_str(&cookie.to_string()) {
            reply.headers_mut().append(SET_COOKIE, line);
        }
    }
}

/// `/.well-known/jwks.json`: the public keys, or 304 for a client that has them.
pub fn jwks(guard: &Guard, head: &Parts) -> Reply {
    if head.method != Method::GET && head.method != Method::HEAD {
        return other_method(&head.method, "GET, HEAD, OPTIONS");
    }
    if guard.lacks_keys() {
        return respond::status(StatusCode::SERVICE_UNAVAILABLE);
    }
    let keys = guard.public_jwks();
    let hash = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, keys.as_bytes()));
    let tag = format!("\"{hash}\"");
    let mut reply = respond::document(JWK_SET, keys.to_owned(), JWKS_SECONDS);
    if has_tag(&head.headers, &tag) {
        *reply.status_mut() = StatusCode::NOT_MODIFIED;
        *reply.body_mut() = Bytes::new().into();
        reply.headers_mut().remove(CONTENT_TYPE);
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        reply.headers_mut().insert(ETAG, tag);
    }
    reply
}

/// Whether `If-None-Match` names a tag, weak or not (RFC 9110 §13.1.2).
fn has_tag(headers: &HeaderMap, tag: &str) -> bool {
    let lines = headers.get_all(IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    let mut given = lines.flat_map(|line| line.split(',')).map(str::trim);
    given.any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

/// The reply to `OPTIONS`, and to a method that is not taken.
fn other_method(method: &Method, allowed: &'static str) -> Reply {
    let mut reply = if method == Method::OPTIONS {
        respond::document("text/plain; charset=utf-8", Bytes::new(), 0)
    } else {
        let shown: String = method.as_str().chars().take(LETTERS_OF_METHOD).collect();
        respond::refused(None, &Refused::new(Failure::new(Code::MethodNotAllowed, shown)))
    };
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    reply
}

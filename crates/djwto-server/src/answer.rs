//! The answer to one request.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use djwto_core::{Code, UnixTime};
use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue};
use hyper::http::StatusCode;
use hyper::http::request::Parts;
use hyper::{Method, Request};

use crate::config::{Peer, Proxy};
use crate::decision::{Asked, Decision, Ended, Keys, Known, Refused, Step, Unavailable, decide};
use crate::endpoints::{self, JWK_SET, JWKS_SECONDS};
use crate::forwarded::{self, ENVOY_PREFIX};
use crate::guard::Guard;
use crate::keys;
use crate::logging;
use crate::metrics;
use crate::respond::{self, Reply};
use crate::server::Server;

/// Answers a request. Only `/validate_access/` reads its body.
///
/// # Errors
///
/// None.
pub async fn answer(
    server: Arc<Server>,
    peer: Peer,
    request: Request<Incoming>,
) -> Result<Reply, Infallible> {
    let _asked = server.metrics().asked();
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    if path == forwarded::PATH || path.starts_with(ENVOY_PREFIX) {
        return Ok(auth(&server, peer, &head).await);
    }
    // A proxy that asks about a request here is set up wrongly: its client chose the path.
    if head.headers.contains_key("x-forwarded-uri") {
        return Ok(respond::status(StatusCode::NOT_FOUND));
    }
    if path == endpoints::VALIDATE_ACCESS {
        return Ok(endpoints::validate_access(&server, peer, &head, body).await);
    }
    if path == endpoints::JWKS {
        return Ok(endpoints::jwks(&server.guard(), &head));
    }
    Ok(document(&server, &head))
}

/// The decision about the request that a proxy asks about.
async fn auth(server: &Server, peer: Peer, head: &Parts) -> Reply {
    let started = Instant::now();
    let guard = server.guard();
    let newer;
    let proxy = guard.peers().proxy(peer);
    let decision = match proxy {
        Some(proxy) => {
            let until = started + server.limits().request;
            let first = decided(server, &guard, proxy, head, Keys::MayChange, until).await;
            if let Ok(decision) = first {
                decision
            } else {
                newer = server.guard();
                let second = decided(server, &newer, proxy, head, Keys::Settled, until).await;
                second.unwrap_or_else(|Fetched| refusal(Code::StoreUnavailable))
            }
        }
        None => refusal(Code::PeerUnknown),
    };
    let refused = decision.outcome.as_ref().err();
    server.metrics().decided(refused.map(Refused::code), started.elapsed());
    if let Ok(pass) = &decision.outcome
        && pass.assertion.is_some()
    {
        server.metrics().asserted(pass.is_signed);
    }
    logging::decided(&head.headers, proxy, &decision);
    match (proxy, refused) {
        (Some(proxy), _) => respond::reply(proxy, &decision),
        (None, Some(refused)) => respond::refused(None, refused),
        (None, None) => respond::status(StatusCode::FORBIDDEN),
    }
}

fn refusal(code: Code) -> Decision<'static> {
    Decision::early(Refused::new(code))
}

/// The keys were fetched, so the guard may be another one.
struct Fetched;

/// Decides, and gets what the decision asks for.
async fn decided<'g>(
    server: &Server,
    guard: &'g Guard,
    proxy: Proxy,
    head: &Parts,
    keys: Keys,
    until: Instant,
) -> Result<Decision<'g>, Fetched> {
    let asked = Asked { forwarded: forwarded::read(proxy, head), headers: &head.headers };
    let database = server.database();
    let ended = if database.feed().is_fresh() { Ended::Fresh } else { Ended::Old };
    let mut known = Known { keys, ended, permissions: None };
    let step = match decide(guard, &asked, &known, now()) {
        Step::Done(decision) => return Ok(decision),
        step => step,
    };
    let rest = async {
        let mut step = step;
        loop {
            match step {
                Step::Done(decision) => return Ok(decision),
                Step::Fetch => {
                    if let Some(keys) = guard.remote_keys() {
                        keys.wait().await;
                    }
                    return Err(Fetched);
                }
                Step::Wait => {
                    let waited = database.feed().require().await;
                    known.ended = waited.map_or(Ended::Unknown, |()| Ended::Fresh);
                }
                Step::Ask(user) => {
                    let answer = match database.store() {
                        Some(store) => store.permissions(&user).await.map_err(|_| Unavailable),
                        None => Err(Unavailable),
                    };
                    known.permissions = Some(answer);
                }
            }
            step = decide(guard, &asked, &known, now());
        }
    };
    let decision = tokio::time::timeout_at(until.into(), rest).await;
    decision.unwrap_or_else(|_| Ok(refusal(Code::StoreUnavailable)))
}

fn now() -> UnixTime {
    UnixTime::from(SystemTime::now())
}

/// The pages beside `/auth`, for every peer. They say nothing about a person.
fn document(server: &Server, head: &Parts) -> Reply {
    let guard = server.guard();
    let reply = match head.uri.path() {
        "/healthz" => respond::status(StatusCode::OK),
        "/readyz" if server.is_ready() => respond::status(StatusCode::OK),
        "/readyz" => respond::status(StatusCode::SERVICE_UNAVAILABLE),
        "/metrics" => match server.metrics().page(&guard, &server.database().feed().state()) {
            Ok(page) => respond::document(metrics::CONTENT_TYPE, page, 0),
            Err(_) => respond::status(StatusCode::SERVICE_UNAVAILABLE),
        },
        "/.well-known/djwto-assertions.json" => match guard.assertions() {
            Some(issuer) => respond::document(JWK_SET, issuer.public(keys::now()), JWKS_SECONDS),
            None => respond::status(StatusCode::NOT_FOUND),
        },
        _ => return respond::status(StatusCode::NOT_FOUND),
    };
    if head.method == Method::GET || head.method == Method::HEAD {
        return reply;
    }
    let mut reply = respond::status(StatusCode::METHOD_NOT_ALLOWED);
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    reply
}

//! An axum extractor of ten lines: a handler that takes `Login` is guarded.
//!
//! `cargo run -p djwto-core --example axum_extractor`

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use djwto_core::engine::AuthenticateError;
use djwto_core::http::reply::Reply;
use djwto_core::{
    Algorithm, Engine, Key, KeyRing, Kind, Policy, PolicyOptions, Transport, TransportOptions,
};
use serde::Deserialize;
use serde_json::json;
use tower::ServiceExt as _;

#[derive(Deserialize)]
struct Claims {
    user: User,
}

#[derive(Deserialize)]
struct User {
    id: u64,
}

type App = Arc<Engine<Arc<Claims>>>;

/// Whose request this is.
struct Login(Arc<Claims>);

impl FromRequestParts<App> for Login {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, engine: &App) -> Result<Self, Self::Rejection> {
        // All lines of a header: a request that has two of them is not read by one alone.
        let lines = |name: HeaderName| -> Vec<&[u8]> {
            parts.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect()
        };
        let (authorization, cookie) = (lines(header::AUTHORIZATION), lines(header::COOKIE));
        let now = SystemTime::now().into();
        match engine.authenticate(&authorization[..], &cookie[..], Kind::Access, now) {
            Ok(seen) => Ok(Self(seen.claims)),
            Err(error) => Err(refused(&error)),
        }
    }
}

/// The reply of every djwto server: status, challenge, and JSON with the slug.
fn refused(error: &AuthenticateError) -> Response {
    let reply = Reply::from(error);
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::UNAUTHORIZED);
    let json = [(header::CONTENT_TYPE, "application/json")];
    let mut response = (status, json, reply.json()).into_response();
    for (name, value) in &reply.headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(*name, value);
        }
    }
    response
}

async fn hello(Login(claims): Login) -> String {
    format!("hello, user {}", claims.user.id)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // The default transport reads Bearer headers alone. Cookies need a check against CSRF too.
    let engine = Arc::new(Engine::new(
        KeyRing::new(Key::generate(Algorithm::EdDsa)?),
        Policy::new(PolicyOptions::default())?,
        Transport::new(TransportOptions::default())?,
    ));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    let access = engine.issue(&json!({
        "type": "access", "iat": now, "exp": now + 300, "jti": "4711", "user": { "id": 7 },
    }))?;
    let app = Router::new().route("/", get(hello)).with_state(engine);

    for authorization in [format!("Bearer {}", access.text()), "Bearer of nothing".to_owned()] {
        let request = Request::get("/").header(header::AUTHORIZATION, authorization);
        let reply = app.clone().oneshot(request.body(Body::empty())?).await?;
        let status = reply.status();
        let body = axum::body::to_bytes(reply.into_body(), 4096).await?;
        println!("{status}: {}", String::from_utf8_lossy(&body));
    }
    Ok(())
}

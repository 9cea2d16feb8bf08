//! A service that verifies the tokens of a Django project, and has only its public keys.
//!
//! `cargo run -p djwto-core --example verify_bearer`

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::Arc;
use std::time::SystemTime;

use djwto_core::key::JwkSet;
use djwto_core::{
    Algorithm, Engine, Key, KeyRing, Kind, Policy, PolicyOptions, Transport, TransportOptions,
};
use serde::Deserialize;
use serde_json::json;

/// What this service reads of a token.
#[derive(Debug, Deserialize)]
struct Claims {
    user: User,
}

#[derive(Debug, Deserialize)]
struct User {
    id: u64,
    perms: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let (jwks, header) = from_django()?;

    // Once, when the service starts: `jwks` is what `/.well-known/jwks.json` of the project says.
    let engine: Engine<Arc<Claims>> = Engine::new(
        JwkSet::parse(jwks.as_bytes())?.into_ring()?,
        Policy::new(PolicyOptions::default())?,
        Transport::new(TransportOptions::default())?,
    );

    // For each request: the lines of its headers go in, and claims or a refusal come out.
    let now = SystemTime::now().into();
    let seen = engine.authenticate(Some(header.as_bytes()), None, Kind::Access, now)?;
    println!("user {} may {:?}", seen.claims.user.id, seen.claims.user.perms);

    let changed = header.replace("Bearer ", "Bearer x");
    match engine.authenticate(Some(changed.as_bytes()), None, Kind::Access, now) {
        Ok(_) => Err("a changed token was taken".into()),
        Err(refused) => {
            println!("{} {}: {refused}", refused.code().status(), refused.code().slug());
            Ok(())
        }
    }
}

/// The project's public keys, and the header that a client got from its login.
fn from_django() -> Result<(String, String), Box<dyn Error>> {
    let keys = KeyRing::new(Key::generate(Algorithm::EdDsa)?.with_id("2026-11".to_owned()));
    let jwks = keys.to_public_jwks();
    let project: Engine = Engine::new(
        keys,
        Policy::new(PolicyOptions::default())?,
        Transport::new(TransportOptions::default())?,
    );
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    let access = project.issue(&json!({
        "type": "access", "iat": now, "exp": now + 300, "jti": "4711",
        "user": { "id": 7, "perms": ["shop.view_order"] },
    }))?;
    Ok((jwks, format!("Bearer {}", access.text())))
}

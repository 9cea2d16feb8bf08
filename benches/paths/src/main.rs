//! The hot paths, one at a time and so many times over, for `benches/counts.py` to count the
//! instructions of: `paths NAME TIMES`.

use std::sync::Arc;

use djwto_core::cache::{Lookup, TokenCache};
use djwto_core::draft::Draft;
use djwto_core::key::{Key, KeyRing};
use djwto_core::policy::{Audience, PolicyOptions};
use djwto_core::transport::TransportOptions;
use djwto_core::{Algorithm, Engine, Kind, Mode, Policy, Transport, UnixTime};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().ok_or("expected the name of a path")?;
    let times: usize = arguments.next().ok_or("expected a number")?.parse()?;
    let engine = engine()?;
    let now = UnixTime::new(1_800_000_000.0).ok_or("the time")?;
    let token = engine.sign_draft(draft())?.text().to_owned();
    let verify = || engine.verify(token.as_bytes(), Some(Kind::Access), now);
    let cookies = format!("csrftoken={}; jwt_access_token={token}; theme=dark", "c".repeat(32));
    let cache = TokenCache::<()>::new(16, 1 << 20).ok_or("the cache")?;
    let look = || cache.get(token.as_bytes(), &engine.demands(Some(Kind::Access), now));
    if let Lookup::Miss(place) = look() {
        cache.insert(place, token.as_bytes(), &verify()?, (), 0);
    }
    let path: Box<dyn Fn() -> bool> = match name.as_str() {
        "verify" => Box::new(|| verify().is_ok()),
        "hit" => Box::new(|| matches!(look(), Lookup::Hit(Ok(())))),
        "encode" => Box::new(|| engine.sign_draft(draft()).is_ok()),
        "cookies" => {
            Box::new(|| engine.transport.read(None, Some(cookies.as_bytes()), Kind::Access).is_ok())
        }
        "bearer" => {
            let header = format!("Bearer {token}");
            let transport = &engine.transport;
            Box::new(move || transport.read(Some(header.as_bytes()), None, Kind::Access).is_ok())
        }
        _ => return Err("no such path".into()),
    };
    if (0..times).all(|_| path()) { Ok(()) } else { Err("a path failed".into()) }
}

fn engine() -> Result<Engine, Box<dyn std::error::Error>> {
    let options = PolicyOptions {
        issuer: Some("https://auth.example".into()),
        subject: Some("portal".into()),
        audience: Some(Audience::One("api".into())),
        ..PolicyOptions::default()
    };
    Ok(Engine {
        keys: Arc::new(KeyRing::new(Key::secret(Algorithm::Hs256, &[7; 64])?)),
        policy: Policy::new(options)?,
        transport: Transport::new(TransportOptions {
            modes: vec![Mode::TwoCookies, Mode::Json],
            ..TransportOptions::default()
        })?,
        revocations: Arc::default(),
    })
}

const PERMISSIONS: [&str; 20] = ["app.view_model07"; 20];

/// The twelve claims and twenty permissions of `benches/tokens.py`.
fn draft() -> Draft {
    let mut draft = Draft::new();
    draft.object();
    for (name, value) in [("aud", "api"), ("email", "alice@example.com")] {
        draft.name(name);
        draft.text(value);
    }
    for (name, value) in [("exp", 1_800_003_600), ("iat", 1_800_000_000)] {
        draft.name(name);
        draft.integer(value);
    }
    for (name, value) in
        [("iss", "https://auth.example"), ("jti", "123e4567-e89b-12d3-a456-426614174000")]
    {
        draft.name(name);
        draft.text(value);
    }
    draft.name("refresh_iat");
    draft.integer(1_800_000_000);
    for (name, value) in
        [("sid", "123e4567-e89b-12d3-a456-426614174001"), ("sub", "portal"), ("type", "access")]
    {
        draft.name(name);
        draft.text(value);
    }
    draft.name("user");
    draft.object();
    draft.name("id");
    draft.integer(1);
    draft.name("perms");
    draft.array();
    for permission in PERMISSIONS {
        draft.text(permission);
    }
    draft.end();
    draft.name("username");
    draft.text("alice");
    draft.end();
    draft.name("user_id");
    draft.text("1");
    draft.end();
    draft
}

//! The hot paths, one at a time and so many times over, for `benches/counts.py` to count the
//! instructions of: `paths NAME TIMES`.

use std::convert::Infallible;

use djwto_core::engine::Face;
use djwto_core::http::TransportOptions;
use djwto_core::key::{Key, KeyRing};
use djwto_core::policy::{Audience, PolicyOptions, Subject};
use djwto_core::token::claims::Claims;
use djwto_core::token::claims_writer::{ClaimsJson, Names};
use djwto_core::{Algorithm, Engine, Kind, Mode, Policy, Transport, UnixTime};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().ok_or("expected the name of a path")?;
    let times: usize = arguments.next().ok_or("expected a number")?.parse()?;
    let engine = engine()?;
    let now = UnixTime::new(1_800_000_000.0).ok_or("the time")?;
    let names = names().ok_or("the names")?;
    let token = engine.sign_claims(claims(&names))?.text().to_owned();
    let verify = || engine.verify_by(token.as_bytes(), Some(Kind::Access), now, &mut Nothing(()));
    let cookies = format!("csrftoken={}; jwt_access_token={token}; theme=dark", "c".repeat(32));
    let cached = self::engine()?.with_cache(16, 1 << 20);
    let hit = || cached.verify_by(token.as_bytes(), Some(Kind::Access), now, &mut Nothing(()));
    hit()?; // the second sight puts it into the cache
    hit()?;
    let path: Box<dyn Fn() -> bool> = match name.as_str() {
        "verify" => Box::new(|| verify().is_ok()),
        "hit" => Box::new(|| hit().is_ok()),
        "encode" => Box::new(|| engine.sign_claims(claims(&names)).is_ok()),
        "cookies" => Box::new(|| {
            engine.transport().read(None, Some(cookies.as_bytes()), Kind::Access).is_ok()
        }),
        "bearer" => {
            let header = format!("Bearer {token}");
            let transport = engine.transport();
            Box::new(move || transport.read(Some(header.as_bytes()), None, Kind::Access).is_ok())
        }
        _ => return Err("no such path".into()),
    };
    if (0..times).all(|_| path()) { Ok(()) } else { Err("a path failed".into()) }
}

/// A face that wants no claims.
struct Nothing(());

impl Face<()> for Nothing {
    type Build = ();
    type Claims = ();

    fn builder(&mut self) -> &mut () {
        &mut self.0
    }

    fn claims(&mut self, _: &Claims<'_>, _: &[u8], (): ()) {}

    fn keep(&mut self, (): &(), _: &[u8]) -> Option<((), usize)> {
        Some(((), 0))
    }

    fn copy(&mut self, (): ()) {}
}

fn engine() -> Result<Engine<()>, Box<dyn std::error::Error>> {
    let options = PolicyOptions {
        issuer: Some("https://auth.example".into()),
        subject: Some(Subject::Text("portal".into())),
        audience: Some(Audience::One("api".into())),
        ..PolicyOptions::default()
    };
    let modes = vec![Mode::TwoCookies, Mode::Json];
    let engine = Engine::new(
        KeyRing::new(Key::secret(Algorithm::Hs256, &[7; 64])?),
        Policy::new(options)?,
        Transport::new(TransportOptions { modes, ..TransportOptions::default() })?,
    );
    Ok(engine.with_cache(0, 0))
}

const PERMISSIONS: [&str; 20] = ["app.view_model07"; 20];
const TEXTS: [(&str, &str); 8] = [
    ("iss", "https://auth.example"),
    ("sub", "portal"),
    ("aud", "api"),
    ("jti", "123e4567-e89b-12d3-a456-426614174000"),
    ("sid", "123e4567-e89b-12d3-a456-426614174001"),
    ("type", "access"),
    ("user_id", "1"),
    ("email", "alice@example.com"),
];
const TIMES: [(&str, i64); 3] =
    [("iat", 1_800_000_000), ("exp", 1_800_003_600), ("refresh_iat", 1_800_000_000)];

/// The names of the twelve claims of `benches/tokens.py`, and of `user`.
fn names() -> Option<(Names, Names)> {
    let texts = TEXTS.iter().map(|(name, _)| *name);
    let times = TIMES.iter().map(|(name, _)| *name);
    let claims = Names::new(texts.chain(times).chain(["user"]))?;
    Some((claims, Names::new(["username", "id", "perms"])?))
}

fn claims((claims, user): &(Names, Names)) -> ClaimsJson {
    let claims = ClaimsJson::write(|writer| {
        writer.object(claims, |writer, place| {
            if let Some((_, text)) = TEXTS.get(place) {
                Ok(writer.text(text))
            } else if let Some((_, time)) = TIMES.get(place - TEXTS.len()) {
                Ok(writer.integer(*time))
            } else {
                writer.object(user, |writer, place| match place {
                    0 => Ok(writer.text("alice")),
                    1 => Ok(writer.integer(1)),
                    _ => {
                        writer.array(PERMISSIONS, |writer, permission| Ok(writer.text(permission)))
                    }
                })
            }
        })
    });
    claims.unwrap_or_else(|never: Infallible| match never {})
}

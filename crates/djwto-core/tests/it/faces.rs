//! Claims as a face has them: typed, kept in the engine's cache, and never parsed at a hit.

use std::error::Error as _;
use std::sync::Arc;

use crate::support::{ACCESS, NOW, at, engine, keys, now, policy, transport};
use djwto_core::engine::{AuthenticateError, Face, JsonClaims, Revoked};
use djwto_core::http::reply::Reply;
use djwto_core::{Algorithm, Code, Engine, Kind, Mode, SessionId};
use serde::Deserialize;

#[derive(Debug, Deserialize, PartialEq)]
struct Claims {
    user: User,
    exp: i64,
}

#[derive(Debug, Deserialize, PartialEq)]
struct User {
    id: u64,
}

fn typed<T: serde::de::DeserializeOwned>() -> Engine<Arc<T>> {
    Engine::new(keys(Algorithm::Hs256), policy(|_| ()), transport(&[Mode::Json]))
}

#[test]
fn claims_have_the_type_of_the_service() {
    let engine = typed::<Claims>();
    let token = engine.sign(ACCESS).unwrap();
    let claims = engine.verify(token.text().as_bytes(), Some(Kind::Access), now()).unwrap();
    assert_eq!(*claims, Claims { user: User { id: 7 }, exp: NOW + 300 });
}

#[test]
fn claims_of_another_type_are_refused_and_the_log_says_why() {
    #[derive(Debug, Deserialize)]
    struct Other {
        #[expect(dead_code, reason = "it is read to be refused")]
        tenant: String,
    }
    let engine = typed::<Other>();
    let token = engine.sign(ACCESS).unwrap();
    for _ in 0..4 {
        let error = engine.verify(token.text().as_bytes(), None, now()).unwrap_err();
        assert!(matches!(error, AuthenticateError::Shape(_)));
        assert_eq!(error.code(), Code::ClaimInvalid);
        assert!(!error.to_string().contains("tenant"), "a client reads this: {error}");
        assert!(error.source().unwrap().to_string().contains("tenant"), "the log reads that");
    }
    assert_eq!(engine.cache_info().entries, 0);
}

#[test]
fn a_token_that_comes_again_is_not_parsed_again() {
    let engine = typed::<Claims>();
    let token = engine.sign(ACCESS).unwrap();
    let claims: Vec<_> = std::iter::repeat_with(|| {
        engine.verify(token.text().as_bytes(), Some(Kind::Access), now()).unwrap()
    })
    .take(4)
    .collect();
    // The second sight puts the claims into the cache, and all later ones are these very claims.
    assert!(!Arc::ptr_eq(&claims[0], &claims[1]));
    assert!(Arc::ptr_eq(&claims[1], &claims[2]) && Arc::ptr_eq(&claims[1], &claims[3]));
    let info = engine.cache_info();
    assert_eq!((info.entries, info.hits, info.misses), (1, 2, 2));
    assert!(info.bytes > token.text().len());
}

#[test]
fn what_can_change_is_asked_at_each_sight() {
    let engine = typed::<Claims>();
    let token = engine.sign(ACCESS).unwrap();
    let verify = |kind, time| engine.verify(token.text().as_bytes(), kind, time).map(drop);
    for _ in 0..3 {
        verify(Some(Kind::Access), now()).unwrap();
    }
    assert_eq!(engine.cache_info().entries, 1);
    assert_eq!(verify(Some(Kind::Refresh), now()).unwrap_err().code(), Code::TypeInvalid);
    engine.revocations().extend([(SessionId::of_legacy("j1"), NOW)]);
    assert_eq!(verify(None, now()).unwrap_err().code(), Code::TokenBlacklisted);
    #[expect(clippy::cast_precision_loss, reason = "a time of this century is exact")]
    let end = at((NOW + 300) as f64);
    assert_eq!(verify(None, end).unwrap_err().code(), Code::TokenExpired);
}

#[test]
fn an_engine_without_a_cache_verifies_each_time() {
    let engine = typed::<Claims>().with_cache(0, 0);
    let token = engine.sign(ACCESS).unwrap();
    for _ in 0..3 {
        engine.verify(token.text().as_bytes(), None, now()).unwrap();
    }
    assert_eq!(engine.cache_info(), djwto_core::token::cache::CacheInfo::default());
}

#[test]
fn a_header_gives_the_session_at_every_sight() {
    let engine = engine(Algorithm::Hs256);
    let token = engine.sign(ACCESS).unwrap();
    let header = format!("Bearer {}", token.text());
    for _ in 0..4 {
        let seen = engine.authenticate(Some(header.as_bytes()), None, Kind::Access, now()).unwrap();
        assert_eq!(seen.session, SessionId::of_legacy("j1"));
        assert_eq!(seen.claims["user"]["id"], 7);
    }
}

#[test]
fn a_second_logout_takes_the_token_of_an_ended_session() {
    let engine = engine(Algorithm::Hs256);
    let token = engine.sign(ACCESS).unwrap();
    let header = format!("Bearer {}", token.text());
    let header = Some(header.as_bytes());
    engine.revocations().extend([(SessionId::of_legacy("j1"), NOW)]);
    for _ in 0..3 {
        let refused = engine.authenticate(header, None, Kind::Access, now()).unwrap_err();
        assert_eq!(refused.code(), Code::TokenBlacklisted);
        let seen = engine.authenticate_revoked(header, None, Kind::Access, now()).unwrap();
        assert_eq!(seen.session, SessionId::of_legacy("j1"));
    }
}

#[test]
fn a_refusal_becomes_the_reply_of_every_server() {
    let engine = engine(Algorithm::Hs256);
    let refused = engine.authenticate(None, None, Kind::Access, now()).unwrap_err();
    let reply = Reply::from(&refused);
    assert_eq!(reply.status, 401);
    assert_eq!(reply.headers, [("WWW-Authenticate", "Bearer realm=api".to_owned())]);
    assert_eq!(reply.body[1], ("code", "authorization_missing".to_owned()));
}

/// Counts what the engine asks of a face whose objects are texts.
#[derive(Debug, Default)]
struct Texts {
    build: (),
    built: usize,
    kept: usize,
    copied: usize,
    detached: usize,
}

impl Face<Arc<str>> for Texts {
    type Build = ();
    type Claims = Arc<str>;

    fn builder(&mut self) -> &mut () {
        &mut self.build
    }

    fn claims(
        &mut self,
        _: &djwto_core::token::claims::Claims<'_>,
        payload: &[u8],
        (): (),
    ) -> Arc<str> {
        self.built += 1;
        String::from_utf8(payload.to_vec()).unwrap().into()
    }

    fn keep(&mut self, claims: &Arc<str>, payload: &[u8]) -> Option<(Arc<str>, usize)> {
        self.kept += 1;
        Some((Arc::clone(claims), payload.len()))
    }

    fn copy(&mut self, kept: Arc<str>) -> Arc<str> {
        self.copied += 1;
        kept
    }

    fn detached<R: Send>(&mut self, work: impl FnOnce() -> R + Send) -> R {
        self.detached += 1;
        work()
    }
}

#[test]
fn a_face_makes_claims_twice_keeps_them_once_and_copies_them_from_then_on() {
    let engine: Engine<Arc<str>> =
        Engine::new(keys(Algorithm::Hs256), policy(|_| ()), transport(&[Mode::Json]));
    let token = engine.sign(ACCESS).unwrap();
    let mut face = Texts::default();
    for _ in 0..5 {
        let claims = engine.verify_by(token.text().as_bytes(), None, now(), &mut face).unwrap();
        assert_eq!(&*claims, ACCESS);
    }
    assert_eq!((face.built, face.kept, face.copied, face.detached), (2, 1, 3, 2));
    assert!(engine.verify_by(b"a.b.c", None, now(), &mut face).is_err());
    assert_eq!(face.built, 2, "what is not good is not made");
}

#[test]
fn an_ended_session_counts_for_a_logout_alone() {
    let engine: Engine<Arc<str>> =
        Engine::new(keys(Algorithm::Hs256), policy(|_| ()), transport(&[Mode::OneCookie]));
    let refresh = ACCESS.replace("access", "refresh");
    let token = engine.sign(refresh).unwrap();
    let cookie = format!("jwt_refresh={0}; jwt_refresh={0}x; jwt_refresh={0}", token.text());
    let one = format!("jwt_refresh={}", token.text());
    engine.revocations().extend([(SessionId::of_legacy("j1"), NOW)]);
    let face = &mut Texts::default();
    let mut authenticate = |revoked| {
        engine
            .authenticate_by(None, Some(one.as_bytes()), Kind::Refresh, now(), revoked, face)
            .map(|seen| seen.session)
            .map_err(|error| error.code())
    };
    assert_eq!(authenticate(Revoked::Refuse), Err(Code::TokenBlacklisted));
    assert_eq!(authenticate(Revoked::Allow), Ok(SessionId::of_legacy("j1")));
    let each = engine.authenticate_each_by(Some(cookie.as_bytes()), Kind::Refresh, now(), face);
    assert_eq!(each.len(), 2, "what is not good is left out");
}

#[test]
fn json_claims_are_what_an_engine_has_where_no_type_is_named() {
    let engine: Engine = engine(Algorithm::Hs256);
    let token = engine.sign(ACCESS).unwrap();
    let claims: Arc<JsonClaims> = engine.verify(token.text().as_bytes(), None, now()).unwrap();
    assert_eq!(claims["jti"], "j1");
}

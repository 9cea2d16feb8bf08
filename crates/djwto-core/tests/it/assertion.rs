//! Assertions: signed, verified, handed out in time, and never mistaken for a token.

use crate::support::{
    ACCESS, NOW, at, engine_with, forge, forge_by, key, key_name, keys, now, policy, verified,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use djwto_core::algorithm::Family;
use djwto_core::token::assertion::{
    self, Asserted, Assertion, AssertionKeys, Facts, MAX_SECONDS, MIN_SECONDS, SharedSecret,
    SignError, TYP,
};
use djwto_core::token::claims::ClaimsError;
use djwto_core::token::issue::IssueError;
use djwto_core::token::verify::VerifyError;
use djwto_core::{Algorithm, Code, KeyRing, Kind, SessionId, UnixTime};
use proptest::prelude::*;
use serde_json::{Value, json};

/// [`NOW`], for fractions of it.
#[expect(clippy::cast_precision_loss, reason = "a time of this century is exact")]
const START: f64 = NOW as f64;
const ISSUER: &str = "https://portal.example.org";
const AUDIENCE: &str = "models";
const SID: &str = "0190a7b2-5c3e-4d1f-8a9b-0c1d2e3f4a5b";

fn pairs() -> impl Iterator<Item = Algorithm> {
    Algorithm::ALL.iter().copied().filter(|algorithm| algorithm.family() != Family::Hmac)
}

fn assertion_keys(algorithm: Algorithm) -> AssertionKeys {
    AssertionKeys::new(keys(algorithm)).unwrap()
}

fn facts() -> Facts<'static> {
    Facts {
        issuer: ISSUER,
        audience: AUDIENCE,
        user: "7",
        session: SessionId::parse(SID).unwrap(),
        access_expires: Some(at(START + 300.0)),
    }
}

fn signed(facts: &Facts<'_>, now: UnixTime) -> Assertion {
    assertion::sign(&assertion_keys(Algorithm::EdDsa), facts, now).unwrap()
}

fn read(text: &str) -> Result<Asserted, VerifyError> {
    let keys = assertion_keys(Algorithm::EdDsa);
    assertion::verify(text.as_bytes(), &keys, ISSUER, AUDIENCE, now())
}

/// Claims that are good as an assertion's, and as those of a token.
fn both(kind: &str) -> String {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "7", "sid": SID, "iat": NOW, "exp": NOW + 60,
        "jti": "j1", "type": kind, "user": {"id": 7},
    })
    .to_string()
}

/// An assertion of these claims, signed by the right key.
fn forged(claims: &Value) -> String {
    let header = format!(r#"{{"alg":"EdDSA","typ":"{TYP}"}}"#);
    forge_by(Algorithm::EdDsa, header.as_bytes(), claims.to_string().as_bytes())
}

fn good() -> Value {
    let text = signed(&facts(), now());
    part(text.text(), 1)
}

fn part(text: &str, place: usize) -> Value {
    let part = text.split('.').nth(place).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[test]
fn it_says_what_the_contract_lists_under_every_algorithm_of_key_pairs() {
    for algorithm in pairs() {
        let keys = assertion_keys(algorithm);
        let signed = assertion::sign(&keys, &facts(), now()).unwrap();
        let kid = keys.ring().signing().unwrap().id().unwrap();
        assert_eq!(
            part(signed.text(), 0),
            json!({"alg": algorithm.name(), "kid": kid, "typ": "djwto-assertion+jwt"})
        );
        assert_eq!(
            part(signed.text(), 1),
            json!({
                "iss": ISSUER, "aud": AUDIENCE, "sub": "7", "sid": SID,
                "iat": NOW, "exp": NOW + 60,
            })
        );
        let public = key(&format!("{}.public.pem", key_name(algorithm)));
        let public = KeyRing::load(algorithm, None, Some(&public)).unwrap();
        let public = AssertionKeys::new(public).unwrap();
        let text = signed.text().as_bytes();
        let read = assertion::verify(text, &public, ISSUER, AUDIENCE, now()).unwrap();
        assert_eq!(
            read,
            Asserted {
                user: "7".to_owned(),
                session: SessionId::parse(SID).unwrap(),
                issued_at: now(),
                expires: signed.expires().unwrap(),
            }
        );
        let error = assertion::sign(&public, &facts(), now()).unwrap_err();
        assert_eq!(error, SignError::Issue(IssueError::NoSigningKey));
        assert_eq!(error.code(), Code::ProcessingFailed);
    }
}

#[test]
fn a_shared_secret_signs_and_verifies_none() {
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        assert_eq!(AssertionKeys::new(keys(algorithm)).unwrap_err(), SharedSecret);
        let secret = djwto_core::Key::generate(algorithm).unwrap();
        let mixed = keys(Algorithm::EdDsa).with_fallback(secret);
        assert_eq!(AssertionKeys::new(mixed).unwrap_err(), SharedSecret);
    }
    let header = format!(r#"{{"alg":"HS256","typ":"{TYP}"}}"#);
    let text = forge(header.as_bytes(), both("access").as_bytes());
    assert_eq!(read(&text), Err(VerifyError::Algorithm));
}

#[test]
fn typ_parts_assertions_from_tokens_of_the_same_key_under_every_algorithm() {
    for &algorithm in Algorithm::ALL {
        let engine = engine_with(
            keys(algorithm),
            policy(|options| {
                options.audience = Some(djwto_core::policy::Audience::One(AUDIENCE.to_owned()));
            }),
        );
        let assertions = AssertionKeys::new(keys(algorithm)).ok();
        let is_token = |text: &str, kind| match verified(&engine, text.as_bytes(), kind, now()) {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.code(), Code::TokenMalformed, "{algorithm} {error:?}");
                false
            }
        };
        let is_assertion = |text: &str| {
            let keys = assertions.as_ref()?;
            Some(match assertion::verify(text.as_bytes(), keys, ISSUER, AUDIENCE, now()) {
                Ok(_) => true,
                Err(error) => {
                    assert_eq!(error.code(), Code::TokenMalformed, "{algorithm} {error:?}");
                    false
                }
            })
        };
        for kind in [Kind::Access, Kind::Refresh] {
            let typed = |typ: &str| {
                let header = format!(r#"{{"alg":"{algorithm}"{typ}}}"#);
                forge_by(algorithm, header.as_bytes(), both(kind.name()).as_bytes())
            };
            for typ in ["", r#","typ":"JWT""#, r#","typ":"at+jwt""#] {
                let text = typed(typ);
                assert!(is_token(&text, Some(kind)) && is_token(&text, None), "{typ}");
                assert_ne!(is_assertion(&text), Some(true), "{typ}");
            }
            for (name, is_ours) in [
                (TYP, true),
                ("DJWTO-Assertion+JWT", false),
                ("application/djwto-assertion+jwt", false),
                (" djwto-assertion+jwt", false),
                ("djwto-ended+jwt", false),
            ] {
                let text = typed(&format!(r#","typ":"{name}""#));
                assert!(!is_token(&text, Some(kind)) && !is_token(&text, None), "{name}");
                assert_eq!(is_assertion(&text), assertions.as_ref().map(|_| is_ours), "{name}");
            }
        }
    }
}

#[test]
fn exp_is_a_minute_away_and_never_after_that_of_the_access_token() {
    let now = START;
    for (at_, access, exp, usable_for) in [
        // now, the access token's `exp`, the assertion's, and for how long it may be handed out
        (now, None, now + 60.0, 40.0),
        (now, Some(now + 300.0), now + 60.0, 40.0),
        (now, Some(now + 61.0), now + 60.0, 40.0),
        (now, Some(now + 60.0), now + 60.0, 60.0),
        (now, Some(now + 59.0), now + 59.0, 59.0),
        (now, Some(now + 20.0), now + 20.0, 20.0),
        (now, Some(now + 1.0), now + 1.0, 1.0),
        (now, Some(now + 30.9), now + 30.0, 30.0),
        (now + 0.75, None, now + 60.0, 39.25),
        (now + 0.75, Some(now + 1.5), now + 1.0, 0.25),
    ] {
        let facts = Facts { access_expires: access.map(at), ..facts() };
        let signed = signed(&facts, at(at_));
        assert_eq!(signed.expires(), Some(at(exp)), "{access:?}");
        assert!(signed.is_usable(at(at_)) && signed.is_usable(at(at_ + usable_for - 0.01)));
        assert!(!signed.is_usable(at(at_ + usable_for)), "{access:?}");
        assert!(!signed.is_usable(at(exp - 60.5)), "a clock that was set back");
    }
    for access in [now, now - 1.0, now + 0.9, -1.0] {
        let facts = Facts { access_expires: Some(at(access)), ..facts() };
        let error = assertion::sign(&assertion_keys(Algorithm::EdDsa), &facts, at(now + 0.5));
        assert_eq!(error.unwrap_err(), SignError::Expired, "{access}");
    }
    assert_eq!(SignError::Expired.code(), Code::TokenExpired);
}

#[test]
fn what_cannot_be_said_is_not_signed() {
    let keys = assertion_keys(Algorithm::EdDsa);
    let long = "x".repeat(20_000);
    for (facts, error) in [
        (Facts { issuer: "", ..facts() }, IssueError::Missing("iss")),
        (Facts { audience: "", ..facts() }, IssueError::Missing("aud")),
        (Facts { user: "", ..facts() }, IssueError::Missing("sub")),
        (Facts { user: &long, ..facts() }, IssueError::TooLarge),
    ] {
        assert_eq!(assertion::sign(&keys, &facts, now()), Err(SignError::Issue(error)));
    }
}

#[test]
fn each_claim_is_required_and_checked() {
    let with = |name: &str, value: Value| {
        let mut claims = good();
        claims[name] = value;
        read(&forged(&claims))
    };
    assert!(read(&forged(&good())).is_ok());
    for name in ["iss", "aud", "sub", "sid", "iat", "exp"] {
        let mut claims = good();
        claims.as_object_mut().unwrap().remove(name);
        assert_eq!(read(&forged(&claims)), Err(VerifyError::Missing(name)));
        for wrong in [json!(null), json!(true), json!({})] {
            let error = VerifyError::Claims(ClaimsError::Invalid(name));
            assert_eq!(with(name, wrong), Err(error));
        }
    }
    for (name, value, error) in [
        ("iss", json!("https://other.example.org"), VerifyError::Issuer),
        ("iss", json!(""), VerifyError::Issuer),
        ("aud", json!("other"), VerifyError::Audience),
        ("aud", json!([AUDIENCE, "other"]), VerifyError::Audience),
        ("aud", json!([]), VerifyError::Audience),
        ("sub", json!(""), VerifyError::Subject),
        ("sid", json!("alice"), VerifyError::UnknownSession),
        ("nbf", json!(NOW + 1), VerifyError::NotYetValid),
        ("exp", json!(NOW), VerifyError::Expired),
        ("exp", json!(START + 0.9), VerifyError::Expired),
        ("exp", json!(NOW + 61), VerifyError::Claims(ClaimsError::Invalid("exp"))),
        ("iat", json!(NOW - 1), VerifyError::Claims(ClaimsError::Invalid("exp"))),
    ] {
        assert_eq!(with(name, value), Err(error), "{name}");
    }
    // The clock of the guard may be ahead.
    assert!(with("iat", json!(NOW + 30)).is_ok());
}

#[test]
fn another_key_verifies_none_and_an_older_one_does() {
    let text = signed(&facts(), now());
    let other = || djwto_core::Key::generate(Algorithm::EdDsa).unwrap();
    let verify = |ring| {
        let keys = AssertionKeys::new(ring).unwrap();
        assertion::verify(text.text().as_bytes(), &keys, ISSUER, AUDIENCE, now()).map(|_| ())
    };
    assert_eq!(verify(KeyRing::new(other())), Err(VerifyError::UnknownKey));
    let old = djwto_core::Key::private(Algorithm::EdDsa, &key("ed25519.pem")).unwrap();
    assert_eq!(verify(KeyRing::new(other()).with_fallback(old)), Ok(()));
}

#[test]
fn debug_never_shows_it() {
    let signed = signed(&facts(), now());
    let shown = format!("{signed:?} {:?}", assertion_keys(Algorithm::EdDsa));
    assert!(!signed.text().split('.').any(|part| shown.contains(part)), "{shown}");
}

fn any_pair() -> impl Strategy<Value = Algorithm> {
    prop::sample::select(pairs().filter(|a| a.family() != Family::Rsa).collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn an_assertion_is_no_token_and_a_token_no_assertion(
        algorithm in any_pair(), user in ".{1,40}", audience in ".{1,40}", sid in any::<[u8; 16]>(),
    ) {
        let session = SessionId::from_bytes(sid);
        let facts = Facts { user: &user, audience: &audience, session, ..facts() };
        let assertions = assertion_keys(algorithm);
        let signed = assertion::sign(&assertions, &facts, now()).unwrap();
        let text = signed.text().as_bytes();
        let read = assertion::verify(text, &assertions, ISSUER, &audience, now()).unwrap();
        prop_assert_eq!((read.user, read.session), (user, session));
        let engine = engine_with(keys(algorithm), policy(|_| ()));
        for kind in [Some(Kind::Access), Some(Kind::Refresh), None] {
            let error = verified(&engine, text, kind, now()).unwrap_err();
            prop_assert_eq!(error.code(), Code::TokenMalformed);
        }
        let token = engine.sign(ACCESS).unwrap();
        let error = assertion::verify(token.text().as_bytes(), &assertions, ISSUER, &audience, now());
        prop_assert_eq!(error.unwrap_err().code(), Code::TokenMalformed);
    }

    #[test]
    fn what_is_handed_out_lasts_neither_too_short_nor_too_long(
        start in 0.0..100.0, access in prop::option::of(0.0..300.0), later in -100.0..400.0,
    ) {
        let base = START;
        let access_expires = access.map(|access| at(base + access));
        let facts = Facts { access_expires, ..facts() };
        let keys = assertion_keys(Algorithm::EdDsa);
        let Ok(signed) = assertion::sign(&keys, &facts, at(base + start)) else {
            prop_assert!(access.is_some_and(|access: f64| access.floor() <= start));
            return Ok(());
        };
        prop_assert!(signed.is_usable(at(base + start)));
        let exp = signed.expires().unwrap().seconds();
        let left = exp - (base + later);
        let cap = access.map_or(f64::INFINITY, |access| (base + access).floor());
        let is_good = left > 0.0 && left <= MAX_SECONDS && (left > MIN_SECONDS || exp >= cap);
        prop_assert!(exp <= cap);
        prop_assert_eq!(signed.is_usable(at(base + later)), is_good);
    }

    #[test]
    fn no_bytes_are_an_assertion(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read(&String::from_utf8_lossy(&bytes)).is_err());
    }

    #[test]
    fn an_assertion_with_a_byte_changed_is_none(place in 0_usize..400, change in 1_u8..) {
        let mut bytes = signed(&facts(), now()).text().as_bytes().to_vec();
        let place = place % bytes.len();
        bytes[place] ^= change;
        let keys = assertion_keys(Algorithm::EdDsa);
        prop_assert!(assertion::verify(&bytes, &keys, ISSUER, AUDIENCE, now()).is_err());
    }
}

//! New tokens: their registered claims, and what is not signed.

use std::collections::HashSet;
use std::error::Error as _;
use std::time::{Duration, SystemTime};

use crate::support::{
    ACCESS, NOW, access_with, any_json, at, engine, key, keys, now, policy, verified,
};
use djwto_core::key::KeyError;
use djwto_core::policy::{Audience, Subject};
use djwto_core::session::login::{GivenClaims, NewSession, open};
use djwto_core::token::claims::ClaimsError;
use djwto_core::token::issue::{IssueError, RefreshLink, RefreshTokenSpec, RegisteredClaims, sign};
use djwto_core::{Algorithm, KeyRing, Kind, Mode, PolicyOptions, UnixTime};
use proptest::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::{Uuid, Version};

#[test]
fn a_refresh_token_has_what_the_policy_says() {
    let policy = policy(|options| {
        options.issuer = Some("i".to_owned());
        options.subject = Some(Subject::Text("s".to_owned()));
        options.audience = Some(Audience::Several(vec!["a".to_owned()]));
        options.not_before = Duration::from_secs(60);
    });
    let claims = RegisteredClaims::login(&policy, now()).unwrap();
    assert_eq!(claims.issuer.as_deref(), Some("i"));
    assert_eq!(claims.subject.as_deref(), Some("s"));
    assert_eq!(claims.audience, Some(Audience::Several(vec!["a".to_owned()])));
    assert_eq!(claims.issued_at, Some(NOW));
    assert_eq!(claims.not_before, Some(NOW + 60));
    assert_eq!(claims.expires, Some(NOW + 86_400));
    assert_eq!(claims.refresh_issued_at, None);
    assert_eq!(claims.kind, Kind::Refresh);
}

#[test]
fn what_is_off_is_left_out() {
    let policy = policy(|options| {
        options.issued_at = false;
        options.id = false;
        options.refresh_lifetime = None;
        options.not_before = Duration::from_millis(999);
    });
    let claims = RegisteredClaims::login(&policy, now()).unwrap();
    assert_eq!((claims.issuer, claims.subject, claims.audience), (None, None, None));
    assert_eq!(
        (claims.issued_at, claims.not_before, claims.expires, claims.id),
        (None, None, None, None)
    );
    assert!(!claims.session.is_empty());
}

#[test]
fn an_access_token_keeps_the_login_and_names_its_refresh_token() {
    let refresh = RegisteredClaims::login(&policy(|_| ()), now()).unwrap();
    let link = RefreshLink {
        session: Some(&refresh.session),
        issued_at: refresh.issued_at,
        expires: refresh.expires,
        ..RefreshLink::default()
    };
    let later = at(1_700_000_100.75);
    let access = RegisteredClaims::access(&policy(|_| ()), &link, later).unwrap();
    assert_eq!(access.session, refresh.session);
    assert_ne!(access.id, refresh.id);
    assert_eq!((access.kind, access.generation), (Kind::Access, None));
    assert_eq!(access.issued_at, Some(NOW + 100));
    assert_eq!(access.expires, Some(NOW + 400));
    assert_eq!(access.refresh_issued_at, Some(NOW));
    let ending = RefreshLink { ends: Some(NOW + 200), ..link };
    assert_eq!(
        RegisteredClaims::access(&policy(|_| ()), &ending, later).unwrap().expires,
        Some(NOW + 200)
    );
}

#[test]
fn the_only_tokens_of_a_generation_are_the_same_again_and_no_others() {
    let policy = policy(|_| ());
    let session = RegisteredClaims::login(&policy, now()).unwrap().session;
    let mut seen = HashSet::new();
    for generation in 1..50 {
        let spec = RefreshTokenSpec {
            session: &session,
            generation,
            issued_at: NOW,
            expires: None,
            has_derived_jti: true,
        };
        let link = RefreshLink {
            session: Some(&session),
            generation: Some(generation),
            ..RefreshLink::default()
        };
        let ids = || {
            let refresh = RegisteredClaims::refresh(&policy, &spec).unwrap();
            assert_eq!(refresh.generation, Some(generation));
            [refresh.id, RegisteredClaims::access(&policy, &link, now()).unwrap().id]
                .map(Option::unwrap)
        };
        assert_eq!(ids(), ids());
        for id in ids() {
            assert_eq!(Uuid::parse_str(&id).unwrap().get_version(), Some(Version::Custom));
            assert!(seen.insert(id));
        }
        let one_of_many = RefreshTokenSpec { has_derived_jti: false, ..spec };
        let id = RegisteredClaims::refresh(&policy, &one_of_many).unwrap().id.unwrap();
        assert_eq!(Uuid::parse_str(&id).unwrap().get_version(), Some(Version::Random));
    }
}

#[test]
fn without_a_lifetime_an_access_token_expires_with_its_refresh_token() {
    let policy = policy(|options| options.access_lifetime = None);
    for expires in [None, Some(NOW + 5)] {
        let link = RefreshLink { expires, ..RefreshLink::default() };
        assert_eq!(RegisteredClaims::access(&policy, &link, now()).unwrap().expires, expires);
    }
}

#[test]
fn each_login_is_a_session_of_its_own() {
    let mut seen = HashSet::new();
    for _ in 0..200 {
        let claims = RegisteredClaims::login(&policy(|_| ()), now()).unwrap();
        let uuid = Uuid::parse_str(&claims.session).unwrap();
        assert_eq!(uuid.get_version(), Some(Version::Random));
        assert_eq!(uuid.to_string(), claims.session);
        assert!(seen.insert(claims.session) && seen.insert(claims.id.unwrap()));
    }
}

#[test]
fn a_long_lifetime_does_not_overflow() {
    let policy = policy(|options: &mut PolicyOptions| {
        options.access_lifetime = Some(Duration::MAX);
        options.refresh_lifetime = Some(Duration::MAX);
        options.not_before = Duration::MAX.saturating_sub(Duration::from_secs(1));
    });
    for seconds in [f64::MIN, -1.0, 0.0, f64::MAX] {
        let claims = RegisteredClaims::login(&policy, at(seconds)).unwrap();
        assert!(claims.expires.is_some() && claims.not_before.is_some());
        RegisteredClaims::access(&policy, &RefreshLink::default(), at(seconds)).unwrap();
    }
}

#[test]
fn a_token_is_three_parts_of_which_the_second_is_the_claims() {
    for &algorithm in Algorithm::ALL {
        let token = sign(&keys(algorithm), ACCESS).unwrap();
        assert_eq!(token.text().split('.').count(), 3);
        assert_eq!(token.payload(), ACCESS);
        assert_eq!(token.expires(), Some(at(1_700_000_300.0)));
        let shown = format!("{token:?}");
        assert!(token.text().split('.').all(|part| !shown.contains(part)));
    }
    let forever = sign(&keys(Algorithm::Hs256), r#"{"type":"access","user":{"id":1}}"#).unwrap();
    assert_eq!(forever.expires(), None);
}

#[test]
fn the_signature_of_hmac_is_that_of_another_library() {
    let token = sign(&keys(Algorithm::Hs256), ACCESS).unwrap();
    let header = br#"{"alg":"HS256","typ":"JWT"}"#;
    assert_eq!(token.text(), crate::support::forge(header, ACCESS.as_bytes()));
}

#[test]
fn nothing_is_signed_that_would_not_be_read_back() {
    let keys = keys(Algorithm::Hs256);
    for text in ["", "[]", "null", "{", "{}x", "{\"a\":1,\"a\":2}", "{\"a\":NaN}", "{\"a\":1e400}"]
    {
        let error = sign(&keys, text).unwrap_err();
        assert!(matches!(error, IssueError::Claims(ClaimsError::Malformed(_))), "{text}");
        assert!(error.to_string().starts_with("the claims cannot be signed: "));
    }
    for (name, json) in [("exp", "\"soon\""), ("jti", "1"), ("type", "\"id\""), ("aud", "1")] {
        let error = sign(&keys, access_with(name, json)).unwrap_err();
        assert_eq!(error, IssueError::Claims(ClaimsError::Invalid(name)));
    }
}

#[test]
fn a_verifying_key_signs_nothing() {
    let public = KeyRing::load(Algorithm::Es256, None, Some(&key("p256.public.pem"))).unwrap();
    let error = sign(&public, ACCESS).unwrap_err();
    assert_eq!(error, IssueError::NoSigningKey);
    assert_eq!(error.to_string(), "there is no signing key, only a verifying key");
}

proptest! {
    #[test]
    fn any_text_that_is_no_object_is_refused(text in "[^{]*") {
        prop_assert!(sign(&keys(Algorithm::Hs256), &text).is_err());
    }

    #[test]
    fn whatever_is_signed_passes_the_signature(claims in any_json()) {
        let engine = engine(Algorithm::Hs256);
        if let Ok(token) = engine.sign(claims.to_string()) {
            let verdict = verified(&engine, token.text().as_bytes(), None, now()).map(drop);
            let code = verdict.err().map(|error| error.code().slug());
            prop_assert!(!matches!(
                code,
                Some("signature_invalid" | "algorithm_refused" | "token_malformed" | "claim_invalid")
            ));
        }
    }
}

#[test]
fn what_would_not_be_read_back_is_not_signed() {
    let keys = keys(Algorithm::Hs256);
    let unsigned = |claims: &str| sign(&keys, claims).unwrap_err().to_string();
    assert!(unsigned(r#"{"user":{"id":1}}"#).contains("\"type\""));
    assert!(unsigned(r#"{"type":"access","user":{}}"#).contains("\"user.id\""));
    let long = format!(r#"{{"type":"access","user":{{"id":1}},"x":"{}"}}"#, "x".repeat(13_000));
    assert!(unsigned(&long).contains("16384 bytes"));
}

/// The claims of a service's own type.
#[derive(Serialize)]
struct Typed {
    #[serde(flatten)]
    registered: RegisteredClaims,
    user: Value,
}

#[test]
fn claims_of_a_type_become_sorted_ascii_and_say_the_same() {
    let policy = policy(|options| {
        options.issuer = Some("i".to_owned());
        options.subject = Some(Subject::Text("s".to_owned()));
        options.audience = Some(Audience::One("a".to_owned()));
        options.not_before = Duration::from_secs(60);
    });
    let registered = RegisteredClaims::login(&policy, now()).unwrap();
    let session = registered.session.clone();
    let id = registered.id.clone();
    let claims = Typed { registered, user: json!({ "name": "Zoë 𝄞 \"\n", "id": 7 }) };
    let token = engine(Algorithm::Hs256).issue(&claims).unwrap();
    assert!(token.payload().is_ascii());
    let read: serde_json::Map<String, Value> = serde_json::from_str(token.payload()).unwrap();
    let expected = json!({
        "iss": "i", "sub": "s", "aud": "a", "iat": NOW, "nbf": NOW + 60, "exp": NOW + 86_400,
        "jti": id, "sid": session, "gen": 1, "type": "refresh",
        "user": { "name": "Zoë 𝄞 \"\n", "id": 7 },
    });
    assert_eq!(Value::Object(read.clone()), expected);
    let names: Vec<_> = read.keys().cloned().collect();
    let places = names.iter().map(|name| token.payload().find(&format!("\"{name}\":")).unwrap());
    assert!(places.is_sorted(), "{}", token.payload());
}

#[test]
fn what_is_off_is_in_no_json() {
    let policy = policy(|options| (options.issued_at, options.id) = (false, false));
    let link = RefreshLink { session: Some("s"), issued_at: Some(9), ..RefreshLink::default() };
    let access = RegisteredClaims::access(&policy, &link, now()).unwrap();
    let expected = json!({ "type": "access", "sid": "s", "refresh_iat": 9, "exp": NOW + 300 });
    assert_eq!(serde_json::to_value(access).unwrap(), expected);
}

#[test]
fn a_type_that_is_no_json_is_not_signed() {
    let engine = engine(Algorithm::Hs256);
    let named_by_lists: std::collections::BTreeMap<Vec<u8>, u8> = [(vec![1], 1)].into();
    assert_eq!(engine.issue(&named_by_lists).unwrap_err(), IssueError::NotJson);
    assert_eq!(
        engine.issue(&json!({ "type": "access" })).unwrap_err(),
        IssueError::Missing("user.id")
    );
}

#[test]
fn an_error_names_the_one_under_it() {
    let error = engine(Algorithm::Hs256).issue(&json!({ "exp": "soon" })).unwrap_err();
    assert!(error.source().unwrap().downcast_ref::<ClaimsError>().is_some(), "{error}");
    let files = [("signing".to_owned(), b"no key".to_vec())];
    let error = KeyRing::from_files(&files, Algorithm::Rs256).unwrap_err();
    assert!(error.source().unwrap().downcast_ref::<KeyError>().is_some(), "{error}");
}

#[test]
fn the_refresh_token_of_a_new_session_goes_with_its_row() {
    let policy = policy(|_| ());
    let new = NewSession { mode: Mode::Json, lifetime: Some(Duration::from_secs(500)) };
    let opened = open(&policy, &new, &GivenClaims::default(), now()).unwrap();
    let refresh = opened.refresh(&policy).unwrap();
    assert_eq!(refresh.session, opened.session.to_string());
    assert_eq!(refresh.generation, Some(opened.row.generation.unsigned_abs()));
    assert_eq!((refresh.issued_at, refresh.expires), (Some(NOW), Some(NOW + 500)));
    assert_eq!(opened.access.refresh_issued_at, Some(NOW));
}

#[test]
fn a_clock_gives_seconds_since_1970_or_before() {
    let second = Duration::from_millis(1500);
    for (time, seconds) in [
        (SystemTime::UNIX_EPOCH + second, 1.5),
        (SystemTime::UNIX_EPOCH, 0.0),
        (SystemTime::UNIX_EPOCH - second, -1.5),
    ] {
        assert_eq!(UnixTime::from(time), at(seconds));
    }
}

//! Keys by URL: which answers are accepted, how long they are kept, and when to fetch.

use djwto_core::key::JwkSetError;
use djwto_core::key::published::{
    FetchSchedule, LEAST_SECONDS, MOST_SECONDS, RETRY_SECONDS, UNKNOWN_SECONDS, USUAL_SECONDS,
    WAIT_SECONDS, seconds_of,
};
use djwto_core::{Algorithm, Key, KeyRing};
use proptest::prelude::*;
use serde_json::{Value, json};

fn read(keys: &Value) -> Result<KeyRing, JwkSetError> {
    KeyRing::from_published(json!({ "keys": keys }).to_string().as_bytes())
}

#[test]
fn a_published_set_has_only_public_keys() {
    let key = Key::generate(Algorithm::Es256).unwrap();
    let public: Value = serde_json::from_str(&key.to_public_jwk().unwrap()).unwrap();
    let private: Value = serde_json::from_str(&key.to_jwk().unwrap()).unwrap();
    let secret = json!({"kty": "oct", "alg": "HS256", "k": "AAAA"});
    let unknown = json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"});

    // Two keys of one `kid` are tried in turn, and one of an unknown kind is passed over.
    let ring = read(&json!([public, unknown, public])).unwrap();
    assert_eq!((ring.keys().len(), ring.can_sign()), (2, false));

    let mut verifying = private.clone();
    verifying["key_ops"] = json!(["verify"]);
    let hidden = json!({"kty": "AKP", "d": "AAAA"});
    for bad in [private, verifying, secret, hidden, json!({"kty": "oct"})] {
        assert_eq!(read(&json!([public, bad])).unwrap_err(), JwkSetError::Private, "{bad}");
    }
    assert!(matches!(read(&json!([unknown])), Err(JwkSetError::Unusable(_))));
    for bad in [json!([]), json!({}), json!([public, 5]), Value::Null] {
        assert_eq!(read(&bad).unwrap_err(), JwkSetError::NoKeys, "{bad}");
    }
    for bad in ["", "[]", "<html>", "{\"keys\": [", "{\"keys\": [], \"keys\": []}"] {
        let error = KeyRing::from_published(bad.as_bytes()).unwrap_err();
        assert!(matches!(error, JwkSetError::NotJson(_)), "{bad}: {error}");
    }
}

#[test]
fn an_empty_ring_refuses_every_token() {
    let ring = KeyRing::default();
    assert!(ring.keys().is_empty() && ring.signing().is_none());
    assert_eq!(ring.to_public_jwks(), r#"{"keys":[]}"#);
}

#[test]
fn an_answer_is_kept_as_it_says_within_bounds() {
    for (header, seconds) in [
        ("", USUAL_SECONDS),
        ("public", USUAL_SECONDS),
        ("max-age=600", 600.0),
        ("public, MAX-AGE = \"600\", immutable", 600.0),
        ("max-age=600, max-age=700", 600.0),
        ("s-maxage=900, max-age=600", 600.0),
        ("max-age=0", LEAST_SECONDS),
        ("max-age=600, no-cache", LEAST_SECONDS),
        ("no-store", LEAST_SECONDS),
        ("max-age=999999", MOST_SECONDS),
        ("max-age=99999999999999999999999999", MOST_SECONDS),
        ("max-age=-1", USUAL_SECONDS),
        ("max-age=inf", USUAL_SECONDS),
        ("max-age=", USUAL_SECONDS),
        ("max-age", USUAL_SECONDS),
    ] {
        assert_eq!(seconds_of(header).to_bits(), seconds.to_bits(), "{header}");
    }
}

#[test]
fn unknown_keys_start_one_fetch_at_a_time_and_seldom() {
    let mut schedule = FetchSchedule::default();
    let until_next = |schedule: &FetchSchedule, now| schedule.seconds_until_next(now).to_bits();
    assert_eq!(until_next(&schedule, 100.0), 0.0_f64.to_bits());
    schedule.begin(100.0);
    // Requests wait for the fetch that runs, and no longer than its bound.
    assert_eq!(schedule.unknown_key(100.5), Some(WAIT_SECONDS - 0.5));
    assert_eq!(schedule.unknown_key(100.0 + WAIT_SECONDS), None);
    schedule.succeeded(101.0, 600.0);
    assert_eq!(until_next(&schedule, 101.0), 600.0_f64.to_bits());
    for now in [101.0, 105.0, 100.0 + UNKNOWN_SECONDS - 0.1] {
        assert_eq!(schedule.unknown_key(now), None);
    }
    // The first one asks for a fetch, and the others wait for the same.
    let now = 100.0 + UNKNOWN_SECONDS;
    assert_eq!(schedule.unknown_key(now), Some(WAIT_SECONDS));
    assert_eq!(until_next(&schedule, now), 0.0_f64.to_bits());
    schedule.begin(now);
    assert_eq!(schedule.unknown_key(now + 1.0), Some(WAIT_SECONDS - 1.0));
    assert_eq!(until_next(&schedule, now), f64::INFINITY.to_bits());
    schedule.failed(now + 2.0);
    assert_eq!(until_next(&schedule, now + 2.0), LEAST_SECONDS.to_bits());
    // An operator may ask at any time, and also during a fetch.
    schedule.begin(200.0);
    schedule.ask(200.5);
    schedule.succeeded(201.0, 600.0);
    assert_eq!(until_next(&schedule, 201.0), 0.0_f64.to_bits());
}

#[test]
fn without_keys_a_fetch_is_repeated_soon() {
    let mut schedule = FetchSchedule::default();
    schedule.begin(0.0);
    schedule.failed(1.0);
    assert_eq!(schedule.seconds_until_next(1.0).to_bits(), RETRY_SECONDS.to_bits());
    assert_eq!(schedule.unknown_key(1.0), None);
}

proptest! {
    #[test]
    fn no_answer_is_a_panic(text in any::<Vec<u8>>(), header in any::<String>()) {
        let _ = KeyRing::from_published(&text);
        let seconds = seconds_of(&header);
        prop_assert!((LEAST_SECONDS..=MOST_SECONDS).contains(&seconds));
    }
}

//! Keys as JWK, sets of them, and which of a ring's keys a token may be verified with.

use crate::support::{ACCESS, engine_with, keys, now, policy};
use djwto_core::algorithm::Family;
use djwto_core::compact::Untrusted;
use djwto_core::key::{JwkSet, JwkSetError, KeyError, State};
use djwto_core::token::verify::{VerifyError, verify_signature};
use djwto_core::{Algorithm, Engine, Key, KeyRing};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

#[test]
fn a_key_of_every_algorithm_goes_out_and_comes_in_as_the_same_key() {
    for &algorithm in Algorithm::ALL {
        let jwk = private_jwk(algorithm);
        let key = read(&jwk).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        assert!(key.can_sign());
        assert_eq!(text(&key.to_jwk().unwrap()), jwk);
        let token = engine(KeyRing::new(key)).sign(ACCESS).unwrap();
        let verifying = match read(&jwk).unwrap().to_public_jwk() {
            Some(public) => read(&text(&public)).unwrap(),
            None => read(&jwk).unwrap(),
        };
        assert_eq!(verifying.can_sign(), algorithm.family() == Family::Hmac);
        engine(KeyRing::new(verifying)).verify(token.text().as_bytes(), None, now()).unwrap();
    }
}

/// RFC 7638 §3.1, RFC 8037 Appendix A.3.
#[test]
fn a_thumbprint_is_that_of_the_rfc() {
    let rsa = json!({
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1\
              L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4\
              QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbO\
              pbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csF\
              Cur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
        "alg": "RS256",
    });
    let okp = json!({
        "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    });
    for (jwk, thumbprint) in [
        (rsa, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
        (okp, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
    ] {
        let key = read(&jwk).unwrap();
        assert_eq!(key.thumbprint().as_deref(), Some(thumbprint));
        assert_eq!(key.id(), Some(thumbprint));
        let named = read(&with(&jwk, "kid", "a name")).unwrap();
        assert_eq!((named.thumbprint().as_deref(), named.id()), (Some(thumbprint), Some("a name")));
    }
}

#[test]
fn a_secret_has_no_thumbprint_and_no_public_half() {
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        let key = read(&private_jwk(algorithm)).unwrap();
        assert_eq!((key.thumbprint(), key.id(), key.to_public_jwk()), (None, None, None));
    }
}

#[test]
fn use_and_key_ops_are_kept() {
    for algorithm in [Algorithm::Hs256, Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
        let jwk = without(&private_jwk(algorithm), "use");
        for (name, value, wanted) in [
            ("use", json!("sig"), Ok(true)),
            ("use", json!("enc"), Err(KeyError::NotForSignatures)),
            ("use", json!("SIG"), Err(KeyError::NotForSignatures)),
            ("use", json!(1), Err(KeyError::Member("use"))),
            ("key_ops", json!(["sign"]), Ok(true)),
            ("key_ops", json!(["verify"]), Ok(false)),
            ("key_ops", json!(["verify", "sign", "unheard"]), Ok(true)),
            ("key_ops", json!(["encrypt"]), Err(KeyError::NotForSignatures)),
            ("key_ops", json!([]), Err(KeyError::NotForSignatures)),
            ("key_ops", json!("verify"), Err(KeyError::Member("key_ops"))),
            ("key_ops", json!(["verify", 1]), Err(KeyError::Member("key_ops"))),
        ] {
            let key = read(&with(&jwk, name, value.clone()));
            assert_eq!(key.map(|key| key.can_sign()), wanted, "{algorithm}: {name} {value}");
        }
    }
}

#[test]
fn a_jwk_without_alg_is_bound_when_it_is_loaded() {
    for (named, bound) in [
        (Algorithm::Ps384, Ok(Algorithm::Rs256)),
        (Algorithm::Es384, Ok(Algorithm::Es384)),
        (Algorithm::Es256K, Ok(Algorithm::Es256K)),
        (Algorithm::Ed25519, Ok(Algorithm::EdDsa)),
        // Which hash a secret is for cannot be told from it.
        (Algorithm::Hs256, Err(KeyError::NoMember("alg"))),
    ] {
        let key = read(&without(&private_jwk(named), "alg"));
        assert_eq!(key.map(|key| key.algorithm()), bound);
    }
}

#[test]
fn alg_must_be_one_of_the_keys_own() {
    for &algorithm in Algorithm::ALL {
        let jwk = private_jwk(algorithm);
        for &other in Algorithm::ALL {
            let fits = if algorithm.family() == Family::Ecdsa {
                other == algorithm
            } else {
                other.family() == algorithm.family()
            };
            let bound = read(&with(&jwk, "alg", other.name())).map(|key| key.algorithm());
            let wanted = if fits { Ok(other) } else { Err(KeyError::Member("alg")) };
            assert_eq!(bound, wanted, "{other} in the JWK of {algorithm}");
        }
        for unknown in ["none", "ES521", "RSA-OAEP", "dir", "", "hs256"] {
            let error = read(&with(&jwk, "alg", unknown)).unwrap_err();
            assert_eq!(error, KeyError::Unknown("alg"));
        }
    }
}

#[test]
fn a_jwk_of_another_kind_is_named() {
    for (jwk, wanted) in [
        (json!({}), KeyError::NoMember("kty")),
        (json!({"kty": "EC"}), KeyError::NoMember("crv")),
        (json!({"kty": "EC", "crv": "P-224"}), KeyError::Unknown("crv")),
        (json!({"kty": "OKP", "crv": "Ed448", "x": "AA"}), KeyError::Unknown("crv")),
        (json!({"kty": "OKP", "crv": "X25519", "x": "AA"}), KeyError::Unknown("crv")),
        (json!({"kty": "AKP", "alg": "RS256"}), KeyError::Unknown("kty")),
        (json!({"kty": "oct", "alg": "HS256", "k": ""}), KeyError::Missing),
        (json!({"kty": "oct", "alg": "HS256", "k": "AA=="}), KeyError::Member("k")),
        (json!({"kty": "RSA", "n": 1, "e": "AQAB"}), KeyError::Member("n")),
        (with(&private_jwk(Algorithm::Rs256), "oth", json!([])), KeyError::Unknown("oth")),
        (with(&private_jwk(Algorithm::Es256), "x", "AA"), KeyError::Member("x")),
    ] {
        assert_eq!(read(&jwk).unwrap_err(), wanted, "{jwk}");
    }
    for text in ["", "[]", "{", r#"{"kty":"oct","kty":"RSA"}"#, "\u{feff}{}"] {
        assert!(matches!(Key::from_jwk(text.as_bytes()), Err(KeyError::NotJson(_))), "{text}");
    }
}

#[test]
fn halves_that_do_not_belong_together_are_refused() {
    for (algorithm, half, other) in [
        (Algorithm::Es256, "x", Algorithm::Es256K),
        (Algorithm::EdDsa, "x", Algorithm::Es256),
        (Algorithm::Rs256, "p", Algorithm::Rs256),
    ] {
        let mut foreign = private_jwk(other);
        if half == "p" {
            foreign = with(&foreign, "p", foreign.get("q").unwrap().clone());
        }
        let mixed = with(&private_jwk(algorithm), half, foreign.get(half).unwrap().clone());
        assert_eq!(
            read(&mixed).unwrap_err(),
            KeyError::Mismatch(if half == "p" { "n" } else { "x" }),
            "{algorithm}"
        );
    }
}

#[test]
fn an_rsa_key_of_1024_bits_is_refused_as_a_jwk_too() {
    let small = json!({"kty": "RSA", "e": "AQAB", "n": format!("{}w", "u".repeat(170))});
    assert_eq!(read(&small).unwrap_err(), KeyError::RsaBits { bits: 1024, public: true });
}

#[test]
fn a_jwk_as_the_secret_of_hmac_is_refused() {
    for &algorithm in Algorithm::ALL {
        let jwk = private_jwk(algorithm);
        for text in [jwk.to_string(), json!({ "keys": [jwk] }).to_string(), format!("\n{jwk} ")] {
            for hmac in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
                let error = Key::weak_secret(hmac, text.as_bytes()).unwrap_err();
                assert_eq!(error, KeyError::KeyAsSecret(hmac));
            }
        }
    }
}

#[test]
fn a_set_keeps_what_it_can_use_and_names_the_rest() {
    let set = json!({"keys": [
        private_jwk(Algorithm::Es256),
        {"kty": "AKP", "alg": "ML-DSA-44"},
        "no key",
        with(&private_jwk(Algorithm::EdDsa), "use", "enc"),
        with(&private_jwk(Algorithm::Rs256), "djwto_state", "sleeping"),
    ]});
    let set = JwkSet::parse(set.to_string().as_bytes()).unwrap();
    assert_eq!(set.members.len(), 1);
    let skipped: Vec<_> = set.skipped.iter().map(|key| key.place).collect();
    assert_eq!(skipped, [1, 2, 3, 4]);
}

#[test]
fn a_set_without_a_key_that_can_be_used_is_refused() {
    for (text, wanted) in [
        (json!({}), JwkSetError::NoKeys),
        (json!({"keys": {}}), JwkSetError::NoKeys),
        (json!({"keys": []}), JwkSetError::NoKeys),
        (json!({"kty": "AKP"}), JwkSetError::OneKey),
    ] {
        assert_eq!(JwkSet::parse(text.to_string().as_bytes()).unwrap_err(), wanted, "{text}");
    }
    assert!(matches!(JwkSet::parse(b"[]").unwrap_err(), JwkSetError::NotJson(_)));
}

#[test]
fn a_set_that_mixes_secrets_and_key_pairs_is_refused() {
    let keys = json!({"keys": [private_jwk(Algorithm::Hs256), private_jwk(Algorithm::EdDsa)]});
    assert_eq!(JwkSet::parse(keys.to_string().as_bytes()).unwrap_err(), JwkSetError::Mixed);
}

#[test]
fn a_kid_twice_in_a_ring_is_refused() {
    let same = |algorithm| with(&private_jwk(algorithm), "kid", "a");
    let keys = json!({"keys": [same(Algorithm::Es256), same(Algorithm::EdDsa)]});
    assert_eq!(JwkSet::parse(keys.to_string().as_bytes()).unwrap_err(), JwkSetError::SameId);
}

#[test]
fn the_active_key_signs_or_the_only_one_that_can() {
    let [ec, ed] = [Algorithm::Es256, Algorithm::EdDsa].map(private_jwk);
    let state = |jwk: &Value, state: State| with(jwk, "djwto_state", state.name());
    let signing = |keys: Value| {
        let set = JwkSet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap();
        set.into_ring().map(|ring| ring.signing().map(Key::algorithm))
    };
    assert_eq!(
        signing(json!([state(&ec, State::Next), state(&ed, State::Active)])),
        Ok(Some(Algorithm::EdDsa))
    );
    assert_eq!(signing(json!([ec.clone()])), Ok(Some(Algorithm::Es256)));
    assert_eq!(signing(json!([state(&ec, State::Next), ed.clone()])), Ok(None));
    assert_eq!(signing(json!([state(&ec, State::Retired)])), Ok(None));
    assert_eq!(signing(json!([ec.clone(), ed.clone()])), Err(JwkSetError::Signing));
    let both = json!([state(&ec, State::Active), state(&ed, State::Active)]);
    assert_eq!(signing(both), Err(JwkSetError::Signing));
}

#[test]
fn an_exported_set_has_no_private_member() {
    let pairs = Algorithm::ALL.iter().filter(|one| one.family() != Family::Hmac);
    let pairs: Vec<_> = pairs.map(|one| with(&private_jwk(*one), "kid", one.name())).collect();
    let count = pairs.len();
    let states = pairs.iter().map(|jwk| with(jwk, "djwto_state", "next")).collect::<Vec<_>>();
    let set = JwkSet::parse(json!({ "keys": states }).to_string().as_bytes()).unwrap();
    let exported = text(&set.into_ring().unwrap().to_public_jwks());
    let exported = exported.get("keys").and_then(Value::as_array).unwrap();
    assert_eq!(exported.len(), count);
    for jwk in exported {
        assert!(PRIVATE.iter().all(|name| jwk.get(name).is_none()), "{jwk}");
        assert!(!read(jwk).unwrap().can_sign());
    }
    assert_eq!(keys(Algorithm::Hs256).to_public_jwks(), r#"{"keys":[]}"#);
}

#[test]
fn an_unknown_kid_is_refused_and_no_other_key_is_tried() {
    let jwk = private_jwk(Algorithm::Es256);
    let ring = || {
        let set = json!({"keys": [with(&jwk, "kid", "a")]}).to_string();
        JwkSet::parse(set.as_bytes()).unwrap().into_ring().unwrap()
    };
    assert_eq!(verdict(&signed(&with(&jwk, "kid", "a")), &ring()), Ok(()));
    for kid in ["b", "", "A", "a ", "a\0", "../../a", "' OR 1=1 --"] {
        // The signature is the key's own, and holds.
        let token = signed(&with(&jwk, "kid", kid));
        assert_eq!(verdict(&token, &ring()), Err(VerifyError::UnknownKey), "{kid:?}");
    }
}

#[test]
fn without_a_kid_every_key_of_the_algorithm_is_tried_and_no_other() {
    let secret = |byte: u8| Key::secret(Algorithm::Hs256, &[byte; 32]).unwrap();
    let ring = KeyRing::new(secret(1))
        .with_fallback(secret(2))
        .with_fallback(secret(3))
        .with_fallback(Key::secret(Algorithm::Hs512, &[4; 64]).unwrap());
    let token = |key: Key| engine(KeyRing::new(key)).sign(ACCESS).unwrap().text().to_owned();
    for byte in 1..=3 {
        assert_eq!(verdict(&token(secret(byte)), &ring), Ok(()));
    }
    assert_eq!(verdict(&token(secret(4)), &ring), Err(VerifyError::Signature));
    let other = token(Key::secret(Algorithm::Hs384, &[1; 48]).unwrap());
    assert_eq!(verdict(&other, &ring), Err(VerifyError::Algorithm));
}

/// An operator may give an older key under the name that its successor has.
#[test]
fn fallbacks_of_one_kid_are_all_tried() {
    let named =
        |byte: u8| Key::secret(Algorithm::Hs256, &[byte; 32]).unwrap().with_id("main".to_owned());
    let ring = KeyRing::new(named(1)).with_fallback(named(2));
    for (byte, wanted) in [(1, Ok(())), (2, Ok(())), (3, Err(VerifyError::Signature))] {
        let token = engine(KeyRing::new(named(byte))).sign(ACCESS).unwrap();
        assert_eq!(verdict(token.text(), &ring), wanted);
    }
}

#[test]
fn a_key_of_the_ring_verifies_its_own_algorithm_alone() {
    // One RSA key, bound to PS256 under one kid; the ring knows RS256 too, by another key.
    let rsa = with(&private_jwk(Algorithm::Ps256), "kid", "a");
    let set = json!({"keys": [
        with(&rsa, "djwto_state", "active"),
        with(&public_of_another(), "djwto_state", "next"),
    ]});
    let ring = JwkSet::parse(set.to_string().as_bytes()).unwrap().into_ring().unwrap();
    assert_eq!(verdict(&signed(&rsa), &ring), Ok(()));
    for other in [Algorithm::Rs256, Algorithm::Ps384, Algorithm::Rs512] {
        let token = signed(&with(&rsa, "alg", other.name()));
        assert_eq!(verdict(&token, &ring), Err(VerifyError::Algorithm), "{other}");
    }
}

proptest! {
    #[test]
    fn any_members_are_a_key_or_refused(
        algorithm in prop::sample::select(Algorithm::ALL),
        name in prop::sample::select(vec![
            "kty", "crv", "alg", "use", "key_ops", "kid", "n", "e", "d", "p", "q", "dp", "dq",
            "qi", "x", "y", "k", "oth",
        ]),
        value in crate::support::any_json(),
    ) {
        let jwk = with(&private_jwk(algorithm), name, value);
        if let Ok(key) = read(&jwk) {
            let _ = engine(KeyRing::new(key)).sign(ACCESS);
        }
    }
}

fn engine(keys: KeyRing) -> Engine {
    engine_with(keys, policy(|_| ()))
}

/// A token that the key of a JWK has signed.
fn signed(jwk: &Value) -> String {
    engine(KeyRing::new(read(jwk).unwrap())).sign(ACCESS).unwrap().text().to_owned()
}

fn verdict(token: &str, ring: &KeyRing) -> Result<(), VerifyError> {
    verify_signature(&Untrusted::parse(token.as_bytes()).unwrap(), ring).map(|_| ())
}

fn private_jwk(algorithm: Algorithm) -> Value {
    text(&keys(algorithm).signing().unwrap().to_jwk().unwrap())
}

/// The public key of RFC 7515 A.2, for RS256.
fn public_of_another() -> Value {
    let file = crate::support::json(&crate::support::vectors().join("rfc_keys.json"));
    let all = file.get("keys").and_then(Value::as_array).unwrap();
    let pem = all.iter().find(|key| key.get("id").unwrap() == "rfc7515-A.2").unwrap();
    let pem = pem.get("public_pem").and_then(Value::as_str).unwrap();
    let key = Key::public(Algorithm::Rs256, pem.as_bytes()).unwrap();
    text(&key.to_public_jwk().unwrap())
}

fn read(jwk: &Value) -> Result<Key, KeyError> {
    Key::from_jwk(jwk.to_string().as_bytes())
}

fn text(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

fn with(jwk: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut members: Map<String, Value> = jwk.as_object().unwrap().clone();
    members.insert(name.to_owned(), value.into());
    Value::Object(members)
}

fn without(jwk: &Value, name: &str) -> Value {
    let mut members = jwk.as_object().unwrap().clone();
    members.remove(name);
    Value::Object(members)
}

//! Keys as JSON: loading never panics, nothing shows a key, what goes out is read again as the same
//! key and holds no private member where it is called public, and no JWK is a secret.

#![no_main]

mod signing;

use djwto_core::algorithm::Family;
use djwto_core::key::{JwkSet, KeyError};
use djwto_core::{Algorithm, Key, KeyRing};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use signing::works;

const PUBLIC: &[&str] = &["alg", "use", "kid", "kty", "n", "e", "crv", "x", "y"];
const PRIVATE: &[&str] = &["d", "p", "q", "dp", "dq", "qi", "k"];
/// Longer than any word in our sentences, shorter than any key.
const RUN: usize = 20;

fuzz_target!(|text: &[u8]| {
    one_key(text);
    several_keys(text);
});

fn one_key(text: &[u8]) {
    let key = match Key::from_jwk(text) {
        Ok(key) => key,
        Err(error) => return shows_nothing(&format!("{error:?} {error}"), text),
    };
    let members: Map<String, Value> = serde_json::from_slice(text).expect("JSON to all");
    for name in PRIVATE {
        if let Some(Value::String(value)) = members.get(*name) {
            // The `kid` is the sender's own, and shown on purpose.
            let shown = format!("{key:?}").replace(&format!("{:?}", key.id()), "");
            shows_nothing(&shown, value.as_bytes());
        }
    }
    assert_eq!(
        Key::weak_secret(Algorithm::Hs256, text).err(),
        Some(KeyError::KeyAsSecret(Algorithm::Hs256))
    );
    let is_secret = key.algorithm().family() == Family::Hmac;
    assert_eq!(key.thumbprint().is_none(), is_secret);
    assert_eq!(key.to_public_jwk().is_none(), is_secret);
    if let Some(public) = key.to_public_jwk() {
        let public_key = Key::from_jwk(public.as_bytes()).expect("written by us");
        assert!(!public_key.can_sign());
        same(&key, &public_key);
        shows_public_members_alone(&public);
    }
    let whole = Key::from_jwk(key.to_jwk().expect("every key can be written").as_bytes());
    let whole = whole.expect("written by us");
    same(&key, &whole);
    assert!(is_secret || key.can_sign() == whole.can_sign());
    if key.can_sign() {
        works(KeyRing::new(key));
    }
}

fn several_keys(text: &[u8]) {
    let set = match JwkSet::parse(text) {
        Ok(set) => set,
        Err(error) => return shows_nothing(&format!("{error:?} {error}"), text),
    };
    for error in set.skipped.iter().map(|key| &key.error) {
        shows_nothing(&format!("{error:?} {error}"), text);
    }
    let count = set.members.len();
    let secrets = set.members.iter().filter(|one| one.key.algorithm().family() == Family::Hmac);
    assert!([0, count].contains(&secrets.count()), "secrets share a set with key pairs");
    let Ok(ring) = set.into_ring() else { return };
    assert_eq!(ring.keys().len(), count);
    let published = ring.to_public_jwks();
    let Value::Object(document) = serde_json::from_str(&published).expect("written by us") else {
        panic!("not an object")
    };
    for jwk in document["keys"].as_array().expect("a list") {
        shows_public_members_alone(&jwk.to_string());
    }
    if let Ok(again) = JwkSet::parse(published.as_bytes()) {
        assert!(again.skipped.is_empty() && !again.into_ring().expect("none signs").can_sign());
    }
    if ring.can_sign() {
        works(ring);
    }
}

fn same(one: &Key, other: &Key) {
    assert_eq!(one.algorithm(), other.algorithm());
    assert_eq!(one.id(), other.id());
    assert_eq!(one.thumbprint(), other.thumbprint());
}

fn shows_public_members_alone(jwk: &str) {
    let members: Map<String, Value> = serde_json::from_str(jwk).expect("an object");
    assert!(members.keys().all(|name| PUBLIC.contains(&name.as_str())), "a private member");
}

fn shows_nothing(shown: &str, text: &[u8]) {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    for run in shown.as_bytes().windows(RUN).filter(|run| run.iter().all(is_base64)) {
        assert!(!text.windows(RUN).any(|window| window == run), "a key is shown");
    }
}

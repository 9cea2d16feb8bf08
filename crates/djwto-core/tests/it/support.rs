//! What the tests share: the keys of `vectors/keys`, engines, and tokens that only a forger makes.

use std::path::{Path, PathBuf};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::{hmac, signature};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use djwto_core::algorithm::Family;
use djwto_core::compact::Untrusted;
use djwto_core::token::verify::{Requirements, Verified, VerifyError};
use djwto_core::{
    Algorithm, Engine, KeyRing, Kind, Mode, Policy, PolicyOptions, Transport, TransportOptions,
    UnixTime, Wanted,
};
use proptest::prelude::*;
use serde_json::Value;

/// The moment of every test, in seconds.
pub(crate) const NOW: i64 = 1_700_000_000;
/// The header that the engine itself writes for HS256.
pub(crate) const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
/// A good access token's claims.
pub(crate) const ACCESS: &str =
    r#"{"exp":1700000300,"iat":1700000000,"jti":"j1","type":"access","user":{"id":7}}"#;

#[expect(clippy::cast_precision_loss, reason = "a time of this century is exact")]
pub(crate) fn now() -> UnixTime {
    at(NOW as f64)
}

pub(crate) fn at(seconds: f64) -> UnixTime {
    UnixTime::new(seconds).unwrap()
}

/// A file of `vectors/keys`.
pub(crate) fn key(name: &str) -> Vec<u8> {
    std::fs::read(vectors().join("keys").join(name)).unwrap()
}

pub(crate) fn vectors() -> PathBuf {
    repository().join("vectors")
}

pub(crate) fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The bytes that hexadecimal text stands for.
pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect()
}

/// The name of the key that an algorithm works with, without its ending.
pub(crate) fn key_name(algorithm: Algorithm) -> &'static str {
    match (algorithm.family(), algorithm) {
        (Family::Hmac, _) => "hmac",
        (Family::Rsa, _) => "rsa",
        (Family::Eddsa, _) => "ed25519",
        (_, Algorithm::Es256) => "p256",
        (_, Algorithm::Es384) => "p384",
        (_, Algorithm::Es512) => "p521",
        _ => "secp256k1",
    }
}

/// Keys that sign and verify.
pub(crate) fn keys(algorithm: Algorithm) -> KeyRing {
    let name = key_name(algorithm);
    let ending = if algorithm.family() == Family::Hmac { "txt" } else { "pem" };
    KeyRing::load(algorithm, Some(&key(&format!("{name}.{ending}"))), None).unwrap()
}

pub(crate) fn policy(change: impl FnOnce(&mut PolicyOptions)) -> Policy {
    let mut options = PolicyOptions::default();
    change(&mut options);
    Policy::new(options).unwrap()
}

pub(crate) fn transport(modes: &[Mode]) -> Transport {
    Transport::new(TransportOptions { modes: modes.to_vec(), ..TransportOptions::default() })
        .unwrap()
}

/// An engine with the default policy, in `JSON` mode.
pub(crate) fn engine(algorithm: Algorithm) -> Engine {
    engine_with(keys(algorithm), policy(|_| ()))
}

/// An engine in `JSON` mode.
pub(crate) fn engine_with(keys: KeyRing, policy: Policy) -> Engine {
    Engine::new(keys, policy, transport(&[Mode::Json]))
}

/// Verifies a token by an engine's rules, without its cache.
pub(crate) fn verified<'a, V: Clone>(
    engine: &'a Engine<V>,
    token: &[u8],
    wanted: impl Into<Wanted<'a, Option<Kind>>>,
    now: UnixTime,
) -> Result<Verified, VerifyError> {
    let token = Untrusted::parse(token)?;
    djwto_core::token::verify::verify(&token, engine.keys(), &engine.requirements(wanted, now))
}

/// What a policy requires of a token at a moment, while no session was ended.
pub(crate) fn requirements(policy: &Policy, kind: Option<Kind>, now: UnixTime) -> Requirements<'_> {
    Requirements { policy, revocations: None, kind, tenant: None, now }
}

/// Signs any bytes as HS256 with the secret of the test keys, for any header.
pub(crate) fn forge(header: &[u8], payload: &[u8]) -> String {
    let (header, payload) = (URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    sign_text(&format!("{header}.{payload}"))
}

/// Adds an HS256 signature to the text of the first two parts as it stands.
pub(crate) fn sign_text(message: &str) -> String {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, &key("hmac.txt"));
    let tag = hmac::sign(&secret, message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

/// Signs any bytes with the test key of any algorithm, for any header, by the library alone.
pub(crate) fn forge_by(algorithm: Algorithm, header: &[u8], payload: &[u8]) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let name = key_name(algorithm);
    let der = || {
        let pem = pem::parse(key(&format!("{name}.pem"))).unwrap();
        assert_eq!(pem.tag(), "PRIVATE KEY");
        pem.into_contents()
    };
    let random = SystemRandom::new();
    let by_curve = |signer| {
        let pair = signature::EcdsaKeyPair::from_pkcs8(signer, &der()).unwrap();
        pair.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec()
    };
    let by_rsa = |padding: &'static dyn signature::RsaEncoding| {
        let pair = signature::RsaKeyPair::from_pkcs8(&der()).unwrap();
        let mut made = vec![0; pair.public_modulus_len()];
        pair.sign(padding, &random, message.as_bytes(), &mut made).unwrap();
        made
    };
    let by_secret = |hash| {
        let secret = hmac::Key::new(hash, &key("hmac.txt"));
        hmac::sign(&secret, message.as_bytes()).as_ref().to_vec()
    };
    let made = match algorithm {
        Algorithm::Hs256 => by_secret(hmac::HMAC_SHA256),
        Algorithm::Hs384 => by_secret(hmac::HMAC_SHA384),
        Algorithm::Hs512 => by_secret(hmac::HMAC_SHA512),
        Algorithm::Rs256 => by_rsa(&signature::RSA_PKCS1_SHA256),
        Algorithm::Rs384 => by_rsa(&signature::RSA_PKCS1_SHA384),
        Algorithm::Rs512 => by_rsa(&signature::RSA_PKCS1_SHA512),
        Algorithm::Ps256 => by_rsa(&signature::RSA_PSS_SHA256),
        Algorithm::Ps384 => by_rsa(&signature::RSA_PSS_SHA384),
        Algorithm::Ps512 => by_rsa(&signature::RSA_PSS_SHA512),
        Algorithm::Es256 => by_curve(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
        Algorithm::Es384 => by_curve(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
        Algorithm::Es512 => by_curve(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
        Algorithm::Es256K => by_curve(&signature::ECDSA_P256K1_SHA256_FIXED_SIGNING),
        _ => {
            let pair = signature::Ed25519KeyPair::from_pkcs8(&der()).unwrap();
            pair.sign(message.as_bytes()).as_ref().to_vec()
        }
    };
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(made))
}

/// The claims of a good access token, with one set to this JSON text.
pub(crate) fn access_with(name: &str, json: &str) -> String {
    let mut claims: serde_json::Map<String, Value> = serde_json::from_str(ACCESS).unwrap();
    claims.remove(name);
    let mut text = Value::Object(claims).to_string();
    text.pop();
    format!("{text},\"{name}\":{json}}}")
}

/// Any JSON value: nested, with numbers of every size and any letters.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|object| Value::Object(object.into_iter().collect())),
        ]
    })
}

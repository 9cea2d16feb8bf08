//! A token: whatever is taken apart has one spelling, and its `alg` is what another reader sees.

#![no_main]

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use djwto_core::compact::{MAX_TOKEN_BYTES, Untrusted};
use djwto_core::token::verify::verify_signature;
use djwto_core::{Algorithm, KeyRing};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

const SECRET: &[u8] = b"a secret of the fuzzer, of 32 bytes and more";

/// Reads what careless libraries read: with or without padding, with any spare bits.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

fuzz_target!(|token: &[u8]| {
    one_spelling(token);
    let mut parts = token.split(|byte| *byte == b'.');
    if let (Some(header), Some(payload)) = (parts.next(), parts.next()) {
        signed_by_us([header, payload].join(&b'.'));
    }
});

fn one_spelling(token: &[u8]) {
    let Ok(untrusted) = Untrusted::parse(token) else { return };
    let Ok(seen) = untrusted.header() else { return };
    assert!(token.len() <= MAX_TOKEN_BYTES);
    let parts: Vec<_> = token.split(|byte| *byte == b'.').collect();
    let [header, _, signature] = parts.as_slice() else { panic!("not three parts") };
    assert!(!header.is_empty() && !signature.is_empty());
    for part in [header, signature] {
        let bytes = LENIENT.decode(part).expect("what the strict read, the lenient read");
        assert_eq!(URL_SAFE_NO_PAD.encode(bytes).as_bytes(), *part);
    }
    let header = LENIENT.decode(header).expect("decoded above");
    let header: BTreeMap<String, &RawValue> = from_json(&header).expect("JSON to all");
    let alg: String = from_json(header["alg"].get().as_bytes()).expect("a text");
    assert_eq!(alg, seen.algorithm);
    assert!(!header.contains_key("crit"));
    assert!(!shows(&format!("{untrusted:?}"), signature));
}

/// The same two parts under a signature that holds: only then is the payload decoded.
fn signed_by_us(message: Vec<u8>) {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, &message));
    let token = [message.as_slice(), signature.as_bytes()].join(&b'.');
    one_spelling(&token);
    let Ok(untrusted) = Untrusted::parse(&token) else { return };
    let keys = KeyRing::load(Algorithm::Hs256, Some(SECRET), None).expect("a good secret");
    let Ok(signed) = verify_signature(&untrusted, &keys) else { return };
    assert_eq!(untrusted.header().expect("read before").algorithm, "HS256");
    let spelling = message.split(|byte| *byte == b'.').nth(1);
    assert_eq!(Some(URL_SAFE_NO_PAD.encode(signed.into_payload()).as_bytes()), spelling);
}

fn from_json<'j, T: serde::Deserialize<'j>>(text: &'j [u8]) -> serde_json::Result<T> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    reader.disable_recursion_limit();
    T::deserialize(&mut reader)
}

/// Whether a text shows a part of a token, long enough not to be there by chance.
fn shows(text: &str, part: &[u8]) -> bool {
    part.len() >= 16 && text.as_bytes().windows(part.len()).any(|window| window == part)
}

//! The examples of RFC 7515 Appendix A and RFC 8037 Appendix A, which no one here wrote.
//!
//! They lie in the folder `$DJWTO_VECTORS`, or `../shared/vectors` beside the repository. Where it
//! is missing, each test says that it was skipped. Their keys are in `vectors/rfc_keys.json`.

use std::path::PathBuf;

use djwto_core::compact::Untrusted;
use djwto_core::token::verify::{VerifyError, verify_signature};
use djwto_core::{Algorithm, Code, KeyRing};
use serde_json::Value;

/// Each example's id and payload.
const VALID: [(&str, &str); 5] = [
    ("rfc7515-A.1", JOE),
    ("rfc7515-A.2", JOE),
    ("rfc7515-A.3", JOE),
    ("rfc7515-A.4", "Payload"),
    ("rfc8037-A.4", "Example of Ed25519 signing"),
];
const JOE: &str =
    "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";

#[test]
fn valid_examples_verify_or_are_skipped() {
    let Some(examples) = examples("valid_examples_verify") else { return };
    for (id, payload) in VALID {
        let untrusted = Untrusted::parse(examples.jws(id).as_bytes()).unwrap();
        let found = verify_signature(&untrusted, &key(id)).unwrap().into_payload();
        assert_eq!(String::from_utf8(found).unwrap(), payload, "{id}");
    }
    let valid = examples.all().filter(|example| example["result"] == "valid").count();
    assert_eq!(valid, VALID.len());
}

#[test]
fn examples_under_each_others_keys_are_refused_or_are_skipped() {
    let Some(examples) = examples("examples_under_each_others_keys_are_refused") else { return };
    for (id, _) in VALID {
        let untrusted = Untrusted::parse(examples.jws(id).as_bytes()).unwrap();
        for (other, _) in VALID.iter().filter(|(other, _)| *other != id) {
            assert_eq!(verify_signature(&untrusted, &key(other)), Err(VerifyError::Algorithm));
        }
    }
}

#[test]
fn examples_with_another_payload_are_refused_or_are_skipped() {
    let Some(examples) = examples("examples_with_another_payload_are_refused") else { return };
    for (id, _) in VALID {
        let parts: Vec<_> = examples.jws(id).split('.').collect();
        let [header, _, signature] = parts[..] else { panic!("{id}") };
        let changed = format!("{header}.e30.{signature}");
        let untrusted = Untrusted::parse(changed.as_bytes()).unwrap();
        assert_eq!(verify_signature(&untrusted, &key(id)), Err(VerifyError::Signature), "{id}");
    }
}

/// RFC 7515 A.5 is conformant, and must be refused all the same.
#[test]
fn the_unsecured_example_is_refused_or_is_skipped() {
    let Some(examples) = examples("the_unsecured_example_is_refused") else { return };
    let token = examples.jws("rfc7515-A.5");
    assert_eq!(Untrusted::parse(token.as_bytes()).unwrap_err().code(), Code::TokenMalformed);
    let signed = format!("{token}AA");
    let untrusted = Untrusted::parse(signed.as_bytes()).unwrap();
    for (id, _) in VALID {
        assert_eq!(verify_signature(&untrusted, &key(id)), Err(VerifyError::Algorithm));
    }
}

struct Examples(Value);

impl Examples {
    fn all(&self) -> impl Iterator<Item = &Value> {
        self.0["jws"].as_array().unwrap().iter()
    }

    fn jws(&self, id: &str) -> &str {
        self.all().find(|example| example["id"] == id).unwrap()["jws"].as_str().unwrap()
    }
}

fn examples(test: &str) -> Option<Examples> {
    let folder = std::env::var_os("DJWTO_VECTORS")
        .map_or_else(|| crate::support::repository().join("../shared/vectors"), PathBuf::from);
    let path = folder.join("rfc/rfc_jose_examples.json");
    if path.exists() {
        return Some(Examples(crate::support::json(&path)));
    }
    eprintln!("SKIPPED {test}: no rfc/rfc_jose_examples.json in $DJWTO_VECTORS");
    None
}

fn key(id: &str) -> KeyRing {
    let file = crate::support::json(&crate::support::vectors().join("rfc_keys.json"));
    let key = file["keys"].as_array().unwrap().iter().find(|key| key["id"] == id).unwrap();
    let algorithm = Algorithm::from_name(key["algorithm"].as_str().unwrap()).unwrap();
    match key["secret_hex"].as_str() {
        Some(hex) => KeyRing::load(algorithm, Some(&crate::support::bytes(hex)), None).unwrap(),
        None => {
            KeyRing::load(algorithm, None, Some(key["public_pem"].as_str().unwrap().as_bytes()))
                .unwrap()
        }
    }
}

//! The JWS cases of C2SP/wycheproof, which no one here wrote. `vectors/wycheproof.json` tells where
//! a strict verifier must not follow their labels.
//!
//! They lie in the folder `$DJWTO_VECTORS`, or `../shared/vectors` beside the repository. Where it
//! is missing, the test says that it was skipped.

use std::collections::BTreeSet;
use std::path::PathBuf;

use djwto_core::compact::Untrusted;
use djwto_core::token::verify::verify_signature;
use djwto_core::{Key, KeyRing};
use serde_json::Value;

#[test]
fn exactly_the_right_cases_verify_or_it_is_skipped() {
    let folder = std::env::var_os("DJWTO_VECTORS")
        .map_or_else(|| crate::support::repository().join("../shared/vectors"), PathBuf::from);
    let path = folder.join("wycheproof/json_web_signature_test.json");
    if !path.exists() {
        eprintln!("SKIPPED wycheproof: no {} in $DJWTO_VECTORS", path.display());
        return;
    }
    let (file, ours) = (
        crate::support::json(&path),
        crate::support::json(&crate::support::vectors().join("wycheproof.json")),
    );
    let (mut wanted, mut verifying, mut cases) = (BTreeSet::new(), BTreeSet::new(), 0);
    for group in list(&file, "testGroups") {
        let jwk = group.get("public").or(group.get("private")).unwrap().to_string();
        for case in list(group, "tests") {
            cases += 1;
            let id = case.get("tcId").and_then(Value::as_u64).unwrap();
            if is_wanted(id, case.get("result").unwrap() == "valid", &ours) {
                wanted.insert(id);
            }
            if verifies(&jwk, case.get("jws").and_then(Value::as_str).unwrap_or_default()) {
                verifying.insert(id);
            }
        }
    }
    assert_eq!(verifying, wanted);
    assert_eq!(ours.get("verifying").and_then(Value::as_u64), Some(verifying.len() as u64));
    assert_eq!(ours.get("cases").and_then(Value::as_u64), Some(cases));
}

fn verifies(jwk: &str, jws: &str) -> bool {
    let Ok(key) = Key::from_jwk(jwk.as_bytes()) else { return false };
    let Ok(token) = Untrusted::parse(jws.as_bytes()) else { return false };
    verify_signature(&token, &KeyRing::new(key)).is_ok()
}

fn is_wanted(id: u64, is_valid: bool, ours: &Value) -> bool {
    let named = |list: &str| ours.get(list).and_then(|list| list.get(id.to_string())).is_some();
    named("verify_though_invalid") || (is_valid && !named("refused_though_valid"))
}

fn list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value.get(name).and_then(Value::as_array).unwrap().iter()
}

//! The cases of `vectors/paths.json`.

use std::collections::BTreeSet;

use djwto_server::rules::{Reading, Readings};
use serde_json::{Value, json};

#[test]
fn paths_are_read_as_the_vectors_say() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/paths.json");
    let file: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let mut wrong = Vec::new();
    let mut names = BTreeSet::new();
    for case in file["cases"].as_array().unwrap() {
        let uri = case["uri"].as_str().unwrap();
        assert!(names.insert(case["name"].as_str().unwrap()), "{case}: the name is taken");
        // One letter stands for one byte.
        let bytes: Vec<_> = uri.chars().map(|letter| u8::try_from(letter).unwrap()).collect();
        let found = match Readings::of(&bytes) {
            Ok(readings) => {
                let texts: BTreeSet<_> = readings.iter().map(Reading::text).collect();
                let folded: BTreeSet<_> = readings.iter().map(Reading::folded).collect();
                let mut found = json!({ "name": case["name"], "uri": uri, "readings": texts });
                if folded != texts {
                    found["any_case"] = json!(folded);
                }
                found
            }
            Err(error) => json!({ "name": case["name"], "uri": uri, "refused": error.name() }),
        };
        if found != *case {
            wrong.push(found.to_string());
        }
    }
    assert!(wrong.is_empty(), "found:\n{}", wrong.join(",\n"));
}

#[test]
fn a_plain_path_is_not_copied() {
    for uri in ["/", "/a/b-c_d/e.f?x", "/a/", "/@a:b!$&'()*+,=~"] {
        let readings = Readings::of(uri.as_bytes()).unwrap();
        let start = uri.as_ptr();
        assert!(readings.iter().all(|reading| reading.text().as_ptr() == start), "{uri}");
        assert!(readings.iter().all(Reading::is_folded));
        let expected = if uri == "/a/" { 2 } else { 1 };
        assert_eq!(readings.iter().count(), expected, "{uri}");
    }
}

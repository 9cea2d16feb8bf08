//! `KeyRing` and tokens: nothing prints them, our copies are wiped, and a MAC is compared in one place.

use std::convert::Infallible;
use std::fmt::{Debug, Display};
use std::path::Path;

use crate::support::{ACCESS, engine, key, key_name, now, transport, verified};
use djwto_core::compact::Untrusted;
use djwto_core::http::{Delivery, Pair};
use djwto_core::token::claims::Claims;
use djwto_core::token::claims_writer::{ClaimsJson, Names};
use djwto_core::{Algorithm, KeyRing, Kind, Mode};

#[test]
fn no_public_type_prints_a_token() {
    let engine = engine(Algorithm::Hs256);
    let token = engine.sign(ACCESS).unwrap();
    let text = token.text();
    let bearer = format!("Bearer {text}");
    let seen = engine.authenticate(Some(bearer.as_bytes()), None, Kind::Access, now()).unwrap();
    let pair = Pair { refresh: Some(&token), access: &token };
    let cookies = transport(&[Mode::TwoCookies]).deliver(Mode::TwoCookies, &pair, None, "", now());
    let Delivery::Cookies(list) = &cookies else { panic!("two cookies are cookies") };
    let names = Names::new(["user"]).unwrap();
    let claims = ClaimsJson::write(|writer| {
        writer.object(&names, |writer, _| Ok::<_, Infallible>(writer.text("alice")))
    });
    let things: [&dyn Debug; 9] = [
        &token,
        &claims,
        &Untrusted::parse(text.as_bytes()).unwrap(),
        &seen,
        &seen.found,
        &verified(&engine, text.as_bytes(), None, now()).unwrap(),
        &pair,
        &cookies,
        list,
    ];
    for thing in things {
        for shown in [format!("{thing:?}"), format!("{thing:#?}")] {
            assert!(text.split('.').all(|part| !shown.contains(part)), "{shown}");
            assert!(!has_bytes(&shown, text.as_bytes()) && !has_bytes(&shown, ACCESS.as_bytes()));
            assert!(!shown.contains("alice"), "{shown}");
        }
    }
}

#[test]
fn no_public_type_prints_a_key() {
    for &algorithm in Algorithm::ALL {
        let ending = if algorithm.min_secret_bytes().is_some() { "txt" } else { "pem" };
        let text = key(&format!("{}.{ending}", key_name(algorithm)));
        let keys = KeyRing::load(algorithm, Some(&text), None).unwrap();
        shows_no_line(&keys, &text);
        shows_no_line(&engine(algorithm), &text);
    }
}

#[test]
fn no_refusal_of_a_key_prints_it() {
    let folder = |name| std::fs::read_dir(crate::support::vectors().join(name)).unwrap();
    let files = folder("keys").chain(folder("found_keys"));
    let texts: Vec<_> = files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    let mut refused = 0;
    for &algorithm in Algorithm::ALL {
        for text in &texts {
            let damaged = text.get(..text.len().saturating_sub(40)).unwrap_or_default();
            let pairs = [(Some(&**text), None), (None, Some(&**text)), (Some(damaged), None)];
            for (signing, verifying) in pairs {
                if let Err(error) = KeyRing::load(algorithm, signing, verifying) {
                    refused += 1;
                    shows_no_line(&error, text);
                    says_no_line(&error, text);
                }
            }
        }
    }
    assert!(refused > 500);
}

#[test]
fn no_refusal_of_claims_prints_them() {
    for claim in ["iss", "sub", "aud", "jti", "sid", "type", "exp", "nbf", "iat"] {
        let text = format!(r#"{{"{claim}":{{"secret":"do not print this line of claims"}}}}"#);
        let error = Claims::parse(text.as_bytes()).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("do not print"));
        let error = engine(Algorithm::Hs256).sign(&text).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("do not print"));
    }
}

/// `hmac::verify` of aws-lc-rs compares in constant time. It stands in one line of ours, and no
/// other line makes a tag to compare it with a signature.
#[test]
fn a_mac_is_compared_by_the_library_alone() {
    let lines = source_lines();
    let with = |what: &str| -> Vec<&str> {
        lines.iter().filter(|(_, line)| line.contains(what)).map(|(file, _)| &**file).collect()
    };
    assert_eq!(with("hmac::verify("), ["algorithm/hmac.rs"]);
    assert_eq!(with("hmac::sign("), ["algorithm/hmac.rs"]);
    assert_eq!(with("verify_sig("), ["key/mod.rs"]);
    for what in ["signature ==", "signature !=", "== signature", "!= signature", "tag ==", "== tag"]
    {
        assert_eq!(with(what), [""; 0], "{what}");
    }
    // Only the keys get the signature of a request.
    for file in with(".signature()") {
        assert!(file == "verify.rs" || file.starts_with("key/"), "{file} looks at a signature");
    }
}

/// What a PEM file holds is decoded into a buffer that is wiped when it is dropped.
#[test]
fn decoded_private_keys_are_wiped() {
    let lines = source_lines();
    let taken: Vec<_> = lines.iter().filter(|(_, line)| line.contains("into_contents()")).collect();
    assert_eq!(taken.len(), 1);
    assert!(taken.iter().all(|(_, line)| line.contains("Zeroizing::new(")), "{taken:?}");
}

fn source_lines() -> Vec<(String, String)> {
    let mut lines = Vec::new();
    collect(&crate::support::repository().join("crates/djwto-core/src"), "", &mut lines);
    assert!(lines.len() > 1500);
    lines
}

fn collect(folder: &Path, prefix: &str, lines: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            collect(&path, &format!("{name}/"), lines);
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            lines.extend(code.map(|line| (name.clone(), line.to_owned())));
        }
    }
}

fn shows_no_line(thing: &dyn Debug, text: &[u8]) {
    no_line_of(text, &format!("{thing:?} {thing:#?}"));
}

fn says_no_line(thing: &dyn Display, text: &[u8]) {
    no_line_of(text, &thing.to_string());
}

fn no_line_of(text: &[u8], shown: &str) {
    assert!(!has_bytes(shown, text));
    let text = String::from_utf8_lossy(text);
    for line in text.lines().filter(|line| line.len() > 15 && !line.starts_with("-----")) {
        assert!(!shown.contains(line), "{shown}");
    }
}

/// Whether a text shows bytes the way a derived `Debug` does, as numbers.
fn has_bytes(shown: &str, bytes: &[u8]) -> bool {
    let numbers = format!("{:?}", bytes.get(..8).unwrap_or(bytes));
    let compact: String = shown.split_whitespace().collect();
    compact.contains(numbers.trim_matches(['[', ']']).replace(' ', "").as_str())
}

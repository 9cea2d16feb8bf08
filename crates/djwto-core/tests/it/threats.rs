//! Attacks of `manual/threats.rs` that no other file makes; and that each test it names exists.

use crate::support::{
    ACCESS, HEADER, access_with, engine, engine_with, forge, key, keys, now, policy, verified,
};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use djwto_core::compact::MalformedToken;
use djwto_core::policy::{Audience, Subject};
use djwto_core::token::claims::ClaimsError;
use djwto_core::token::verify::VerifyError;
use djwto_core::{Algorithm, Engine, KeyRing};

#[test]
fn none_is_refused_in_any_letters_and_with_any_signature() {
    for algorithm in [Algorithm::Hs256, Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
        let good = engine(algorithm).sign(ACCESS).unwrap();
        let real = good.text().rsplit_once('.').unwrap().1;
        for alg in ["none", "None", "NONE", "nOnE", "noNe", "none ", " none", "", "null"] {
            let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#));
            let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(ACCESS));
            for signature in ["AA", "AAAA", real] {
                let error = refusal(&engine(algorithm), &format!("{message}.{signature}"));
                assert_eq!(error, VerifyError::Algorithm, "{alg:?}");
            }
            for token in [format!("{message}."), message.clone()] {
                let error = refusal(&engine(algorithm), &token);
                assert_eq!(error, VerifyError::Malformed(MalformedToken::NotThreeParts));
            }
        }
    }
}

#[test]
fn an_encrypted_token_is_refused_unopened() {
    for header in [
        r#"{"alg":"dir","enc":"A256GCM"}"#,
        r#"{"alg":"RSA-OAEP","enc":"A256GCM","zip":"DEF"}"#,
        r#"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647,"p2s":"AAAA"}"#,
        r#"{"alg":"ECDH-ES","enc":"A128GCM","epk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}}"#,
    ] {
        let part = URL_SAFE_NO_PAD.encode(header);
        for algorithm in [Algorithm::Hs256, Algorithm::Rs256, Algorithm::Es256] {
            let error = refusal(&engine(algorithm), &format!("{part}.AAAA.AAAA.AAAA.AAAA"));
            assert_eq!(error, VerifyError::Malformed(MalformedToken::NotThreeParts));
            // Cut to three parts it is a token of an algorithm that is not ours.
            let error = refusal(&engine(algorithm), &format!("{part}.AAAA.AAAA"));
            assert_eq!(error, VerifyError::Algorithm);
        }
    }
}

#[test]
fn a_compressed_payload_is_not_inflated() {
    // The claims as one stored block of DEFLATE: what an inflating reader would take for them.
    let size = u16::try_from(ACCESS.len()).unwrap();
    let mut deflated = vec![1];
    deflated.extend(size.to_le_bytes());
    deflated.extend((!size).to_le_bytes());
    deflated.extend(ACCESS.as_bytes());
    let engine = engine(Algorithm::Hs256);
    let header = r#"{"alg":"HS256","zip":"DEF"}"#;
    let error = refusal(&engine, &forge(header.as_bytes(), &deflated));
    assert!(matches!(error, VerifyError::Claims(ClaimsError::Malformed(_))));
    let plain = forge(header.as_bytes(), ACCESS.as_bytes());
    assert_eq!(
        verified(&engine, plain.as_bytes(), None, now()).unwrap().payload(),
        ACCESS.as_bytes()
    );
}

#[test]
fn a_json_serialization_is_refused_though_it_splits_at_dots() {
    let engine = engine(Algorithm::Hs256);
    let good = engine.sign(ACCESS).unwrap();
    let parts: Vec<&str> = good.text().split('.').collect();
    let [header, payload, signature] = parts.as_slice() else { panic!("three parts") };
    let forged = URL_SAFE_NO_PAD.encode(access_with("user", r#"{"id":1}"#));
    let flat =
        format!(r#"{{"payload":"{payload}","protected":"{header}","signature":"{signature}"}}"#);
    let general = format!(
        r#"{{"payload":"{payload}","signatures":[{{"protected":"{header}","signature":"{signature}"}}]}}"#
    );
    // One text that is a good JWS as JSON, and that a split at the dots reads otherwise.
    let polyglot = format!(
        r#"{{"x":".{forged}.","payload":"{payload}","protected":"{header}","signature":"{signature}"}}"#
    );
    for text in [flat, general, polyglot] {
        assert!(matches!(refusal(&engine, &text), VerifyError::Malformed(_)), "{text}");
    }
}

#[test]
fn a_point_off_the_curve_is_no_key() {
    let text = String::from_utf8(key("p256.public.pem")).unwrap();
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(body).unwrap();
    let load = |der: &[u8]| {
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(der)
        );
        KeyRing::load(Algorithm::Es256, None, Some(pem.as_bytes()))
    };
    assert!(load(&der).is_ok());
    for bit in 0..8 {
        let mut off = der.clone();
        if let Some(last) = off.last_mut() {
            *last ^= 1 << bit;
        }
        assert!(load(&off).is_err());
    }
    let start = der.split_at(der.len() - 64).0;
    for byte in [0, 0xff] {
        assert!(load(&[start, &[byte; 64]].concat()).is_err());
    }
}

#[test]
fn no_two_signatures_of_ecdsa_share_a_nonce() {
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512, Algorithm::Es256K] {
        let engine = engine(algorithm);
        let mut seen = std::collections::HashSet::new();
        for number in 0..32 {
            let token = engine.sign(access_with("x", &number.to_string())).unwrap();
            let signature = token.text().rsplit_once('.').unwrap().1;
            let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
            // The first half is the nonce's point: twice the same gives the key away.
            assert!(seen.insert(bytes.split_at(bytes.len() / 2).0.to_vec()), "{algorithm}");
        }
    }
}

#[test]
fn signatures_of_zeros_are_refused_by_every_algorithm() {
    for &algorithm in Algorithm::ALL {
        let engine = engine(algorithm);
        let good = engine.sign(ACCESS).unwrap();
        let (message, signature) = good.text().rsplit_once('.').unwrap();
        let size = URL_SAFE_NO_PAD.decode(signature).unwrap().len();
        for byte in [0, 1, 0xff] {
            let zeros = URL_SAFE_NO_PAD.encode(vec![byte; size]);
            let error = refusal(&engine, &format!("{message}.{zeros}"));
            assert_eq!(error, VerifyError::Signature, "{algorithm}");
        }
        let hash = digest::digest(&digest::SHA256, message.as_bytes());
        let unkeyed = URL_SAFE_NO_PAD.encode(hash.as_ref());
        let error = refusal(&engine, &format!("{message}.{unkeyed}"));
        assert_eq!(error, VerifyError::Signature, "{algorithm}");
    }
}

#[test]
fn part_of_an_issuer_subject_or_audience_is_none() {
    let wanted = "https://issuer.example";
    let engine = engine_with(
        keys(Algorithm::Hs256),
        policy(|options| {
            options.issuer = Some(wanted.to_owned());
            options.subject = Some(Subject::Text(wanted.to_owned()));
            options.audience = Some(Audience::Several(vec![wanted.to_owned()]));
        }),
    );
    let verify = |iss: &str, sub: &str, aud: &str| {
        let claims = format!(
            r#"{},"iss":"{iss}","sub":"{sub}","aud":"{aud}"}}"#,
            ACCESS.strip_suffix('}').unwrap()
        );
        let token = forge(HEADER.as_bytes(), claims.as_bytes());
        verified(&engine, token.as_bytes(), None, now()).map(|_| ())
    };
    assert_eq!(verify(wanted, wanted, wanted), Ok(()));
    let longer = format!("{wanted}.evil");
    for other in ["", "h", "https://issuer.exampl", "issuer", &longer, "HTTPS://issuer.example"] {
        assert_eq!(verify(other, wanted, wanted), Err(VerifyError::Issuer), "{other}");
        assert_eq!(verify(wanted, other, wanted), Err(VerifyError::Subject), "{other}");
        assert_eq!(verify(wanted, wanted, other), Err(VerifyError::Audience), "{other}");
    }
}

#[test]
fn a_time_of_a_wrong_type_is_refused_where_none_is_required() {
    let engine = engine_with(
        keys(Algorithm::Hs256),
        policy(|options| {
            options.access_lifetime = None;
            options.refresh_lifetime = None;
            options.issued_at = false;
        }),
    );
    let bare = r#"{"jti":"j1","type":"access","user":{"id":7}}"#;
    verified(&engine, forge(HEADER.as_bytes(), bare.as_bytes()).as_bytes(), None, now()).unwrap();
    for claim in ["exp", "nbf", "iat"] {
        for value in [r#""99999999999""#, r#""1""#, "null", "true", "[1]", "{}", r#""""#] {
            let claims = format!(r#"{},"{claim}":{value}}}"#, bare.strip_suffix('}').unwrap());
            let error = refusal(&engine, &forge(HEADER.as_bytes(), claims.as_bytes()));
            assert_eq!(error, VerifyError::Claims(ClaimsError::Invalid(claim)), "{value}");
        }
    }
}

#[test]
fn every_test_that_the_essay_names_exists() {
    let essay = crate::support::repository().join("crates/djwto-core/src/manual/threats.rs");
    let essay = std::fs::read_to_string(essay).unwrap();
    let mut named = 0;
    let rows = essay.lines().filter(|line| line.starts_with("//! | ") && !is_head(line));
    for row in rows {
        let cell = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let tests: Vec<_> = cell.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "no test: {row}");
        for test in tests {
            named += 1;
            assert!(exists(test), "{test} is named and is not there: {row}");
        }
    }
    assert!(named > 80, "{named}");
}

fn is_head(row: &str) -> bool {
    row.ends_with("| test |")
}

fn exists(named: &str) -> bool {
    let (file, name) = named.split_once("::").unwrap_or((named, ""));
    let folder = if file.contains('/') { "" } else { "crates/djwto-core/tests/it/" };
    let path = crate::support::repository().join(format!("{folder}{file}"));
    let source = std::fs::read_to_string(path).unwrap_or_default();
    let defined = |keyword: &str| source.contains(&format!("{keyword} {name}("));
    if name.is_empty() { !source.is_empty() } else { defined("fn") || defined("def") }
}

fn refusal(engine: &Engine, token: &str) -> VerifyError {
    verified(engine, token.as_bytes(), None, now()).unwrap_err()
}

//! The compact serialization: one spelling, bounded, and nothing that panics.

use crate::support::{ACCESS, HEADER, engine, forge, now, sign_text, verified};
use djwto_core::Algorithm;
use djwto_core::compact::{MAX_TOKEN_BYTES, MalformedToken, Untrusted};
use djwto_core::error::Code;
use djwto_core::token::verify::VerifyError;
use proptest::prelude::*;

#[test]
fn names_the_algorithm_and_shows_nothing_else() {
    let token = forge(HEADER.as_bytes(), ACCESS.as_bytes());
    let untrusted = Untrusted::parse(token.as_bytes()).unwrap();
    assert_eq!(untrusted.header().unwrap().algorithm, "HS256");
}

#[test]
fn debug_shows_no_part_of_the_token() {
    let token = forge(HEADER.as_bytes(), br#"{"secret":"hidden"}"#);
    let shown = format!("{:?}", Untrusted::parse(token.as_bytes()).unwrap());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let payload = message.split_once('.').unwrap().1;
    for part in [payload, signature] {
        assert!(!shown.contains(part));
        assert!(!shown.contains(&format!("{:?}", part.as_bytes()).replace(['[', ']'], "")));
    }
}

#[test]
fn the_longest_token_is_read_and_a_byte_more_is_not() {
    let parts = |payload: usize| format!("e30.{}.AA", "A".repeat(payload));
    let longest = parts(MAX_TOKEN_BYTES - 7);
    assert_eq!(longest.len(), MAX_TOKEN_BYTES);
    assert_eq!(fault(longest.as_bytes()), MalformedToken::Header("has no \"alg\""));
    assert_eq!(fault(parts(MAX_TOKEN_BYTES - 6).as_bytes()), MalformedToken::TooLarge);
    assert_eq!(fault(&vec![b'.'; 50_000_000]), MalformedToken::TooLarge);
}

#[test]
fn a_token_of_any_size_up_to_the_bound_verifies() {
    let engine = engine(Algorithm::Hs256);
    for size in [0, 1, 1000, 8000, 12_000] {
        let claims = crate::support::access_with("x", &format!("\"{}\"", "a".repeat(size)));
        let token = engine.sign(&claims).unwrap();
        verified(&engine, token.text().as_bytes(), None, now()).unwrap();
    }
}

#[test]
fn deep_nesting_is_refused_and_does_not_overflow_the_stack() {
    for levels in [201, 500, 1000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
            let value = format!("{}1{}", open.repeat(levels), close.repeat(levels));
            let header = format!(r#"{{"alg":"HS256","x":{value}}}"#);
            refused(&forge(header.as_bytes(), ACCESS.as_bytes()));
            refused(&forge(HEADER.as_bytes(), crate::support::access_with("x", &value).as_bytes()));
        }
        refused(&forge(HEADER.as_bytes(), "[".repeat(levels).as_bytes()));
    }
    let hundred_thousand = "[".repeat(100_000);
    assert_eq!(code(&forge(HEADER.as_bytes(), hundred_thousand.as_bytes())), Code::TokenTooLarge);
    // Claims are also read without a token around them, when they are signed.
    assert!(engine(Algorithm::Hs256).sign(&hundred_thousand).is_err());
    assert!(engine(Algorithm::Hs256).sign(format!("{{\"a\":{hundred_thousand}")).is_err());
}

#[test]
fn white_space_and_line_ends_are_refused_at_every_place() {
    let token = forge(HEADER.as_bytes(), ACCESS.as_bytes());
    let engine = engine(Algorithm::Hs256);
    for place in 0..=token.len() {
        for blank in [" ", "\t", "\n", "\r", "\0", "=", "%20", "\u{200b}"] {
            let mut changed = token.clone();
            changed.insert_str(place, blank);
            assert!(
                verified(&engine, changed.as_bytes(), None, now()).is_err(),
                "{blank:?} at {place}"
            );
        }
    }
}

#[test]
fn every_part_has_one_spelling_even_where_the_signature_covers_another() {
    let good = forge(HEADER.as_bytes(), ACCESS.as_bytes());
    let message = good.rsplit_once('.').unwrap().0;
    let (header, payload) = message.split_once('.').unwrap();
    for (header, payload) in [
        (format!("{header}="), payload.to_owned()),
        (header.to_owned(), format!("{payload}=")),
        (header.to_owned(), format!("{payload}==")),
        (header.to_owned(), format!("{payload}\n")),
        (header.to_owned(), format!(" {payload}")),
        (header.to_owned(), format!("{payload}+")),
        (header.to_owned(), format!("{payload}/")),
        (header.to_owned(), format!("{payload}%3D")),
    ] {
        refused(&sign_text(&format!("{header}.{payload}")));
    }
}

#[test]
fn any_bit_changed_in_a_token_of_any_algorithm_is_refused() {
    for &algorithm in Algorithm::ALL {
        let engine = engine(algorithm);
        let token = engine.sign(ACCESS).unwrap().text().as_bytes().to_vec();
        verified(&engine, &token, None, now()).unwrap();
        for place in 0..token.len() {
            let bits = if algorithm == Algorithm::Hs256 { 0..8 } else { place % 8..place % 8 + 1 };
            for bit in bits {
                let mut changed = token.clone();
                if let Some(byte) = changed.get_mut(place) {
                    *byte ^= 1 << bit;
                }
                assert!(
                    verified(&engine, &changed, None, now()).is_err(),
                    "{algorithm}: bit {bit} of byte {place}"
                );
            }
        }
    }
}

#[test]
fn a_token_cut_or_lengthened_anywhere_is_refused() {
    let engine = engine(Algorithm::Hs256);
    let token = engine.sign(ACCESS).unwrap().text().to_owned();
    for end in 0..token.len() {
        let (head, tail) = token.split_at(end);
        assert!(verified(&engine, head.as_bytes(), None, now()).is_err(), "cut at {end}");
        if end > 0 {
            assert!(verified(&engine, tail.as_bytes(), None, now()).is_err(), "begun at {end}");
        }
        let doubled = format!("{token}{tail}");
        assert!(verified(&engine, doubled.as_bytes(), None, now()).is_err(), "with {end} again");
    }
}

#[test]
fn sentences_say_what_is_wrong_and_quote_nothing() {
    for (token, sentence) in [
        ("a.b", "The token is malformed: expected three parts"),
        ("e30=.b.AA", "The token is malformed: expected base64url without padding"),
        ("W10.b.AA", "The token is malformed: header is not a JSON object"),
        ("e30.b.AA", "The token is malformed: header has no \"alg\""),
    ] {
        assert_eq!(fault(token.as_bytes()).to_string(), sentence);
    }
    let crit = forge(br#"{"alg":"HS256","crit":["exp"]}"#, ACCESS.as_bytes());
    assert_eq!(fault(crit.as_bytes()), MalformedToken::Critical);
    assert_eq!(fault(crit.as_bytes()).to_string(), Code::TokenCritical.sentence());
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(token in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Untrusted::parse(&token);
        prop_assert!(engine(Algorithm::Hs256).verify(&token, None, now()).is_err());
    }

    #[test]
    fn any_letters_of_a_token_are_read_or_refused(token in "[A-Za-z0-9_=.-]{0,200}") {
        prop_assert!(engine(Algorithm::Hs256).verify(token.as_bytes(), None, now()).is_err());
    }

    #[test]
    fn any_signed_header_is_read_or_refused(header in prop::collection::vec(any::<u8>(), 1..100)) {
        let token = forge(&header, ACCESS.as_bytes());
        prop_assert!(engine(Algorithm::Hs256).verify(token.as_bytes(), None, now()).is_err());
    }

    #[test]
    fn any_header_of_json_is_read_or_refused(header in crate::support::any_json()) {
        let token = forge(header.to_string().as_bytes(), ACCESS.as_bytes());
        prop_assert!(engine(Algorithm::Hs256).verify(token.as_bytes(), None, now()).is_err());
    }

    #[test]
    fn any_signed_payload_is_read_or_refused(payload in prop::collection::vec(any::<u8>(), 1..100)) {
        let token = forge(HEADER.as_bytes(), &payload);
        prop_assert!(engine(Algorithm::Hs256).verify(token.as_bytes(), None, now()).is_err());
    }

    #[test]
    fn unknown_header_parameters_change_nothing(name in "x[a-z]{1,12}", value in crate::support::any_json()) {
        let header = format!(r#"{{"alg":"HS256","{name}":{value}}}"#);
        let token = forge(header.as_bytes(), ACCESS.as_bytes());
        prop_assert!(engine(Algorithm::Hs256).verify(token.as_bytes(), None, now()).is_ok());
    }
}

fn fault(token: &[u8]) -> MalformedToken {
    Untrusted::parse(token).and_then(|untrusted| untrusted.header()).unwrap_err()
}

fn refused(token: &str) {
    assert_eq!(code(token), Code::TokenMalformed);
}

fn code(token: &str) -> Code {
    match verified(&engine(Algorithm::Hs256), token.as_bytes(), None, now()) {
        Ok(_) => panic!("it was taken"),
        Err(error @ VerifyError::Malformed(_)) => error.code(),
        Err(error) => VerifyError::code(error),
    }
}

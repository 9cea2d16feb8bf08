//! What makes a token good: signature, claims, times. `vectors/verify.json` has the single cases.

use std::time::Duration;

use crate::support::{
    ACCESS, HEADER, NOW, access_with, any_json, at, engine, forge, keys, now, policy, requirements,
    verified,
};
use djwto_core::compact::{MalformedToken, Untrusted};
use djwto_core::policy::{Audience, MAX_LEEWAY, PolicyError, Subject};
use djwto_core::token::claims::{Claims, ClaimsError, MAX_ID_BYTES};
use djwto_core::token::verify::{VerifyError, verify, verify_signature};
use djwto_core::types::UserId;
use djwto_core::{Algorithm, Code, Kind, Policy, PolicyOptions, UnixTime};
use proptest::prelude::*;
use serde_json::Value;

#[test]
fn leeway_moves_exp_and_nbf_and_no_further() {
    let policy = policy(|options| options.leeway = Duration::from_secs(10));
    let verdict = |claim, seconds: i64| check(&access_with(claim, &seconds.to_string()), &policy);
    assert_eq!(verdict("exp", NOW - 9), Ok(()));
    assert_eq!(verdict("exp", NOW - 10), Err(VerifyError::Expired));
    assert_eq!(verdict("nbf", NOW + 10), Ok(()));
    assert_eq!(verdict("nbf", NOW + 11), Err(VerifyError::NotYetValid));
}

#[test]
fn leeway_is_bounded() {
    let build = |leeway| Policy::new(PolicyOptions { leeway, ..PolicyOptions::default() });
    assert!(build(MAX_LEEWAY).is_ok());
    let error = build(MAX_LEEWAY + Duration::from_nanos(1)).unwrap_err();
    assert_eq!((error, error.field()), (PolicyError::Leeway, "leeway"));
    assert_eq!(error.to_string(), "expected at most 300 seconds");
}

#[test]
fn a_policy_that_demands_nothing_cannot_be_written_by_mistake() {
    let build = |change: fn(&mut PolicyOptions)| {
        let mut options = PolicyOptions::default();
        change(&mut options);
        Policy::new(options).unwrap_err().field()
    };
    assert_eq!(build(|o| o.issuer = Some(String::new())), "issuer");
    assert_eq!(build(|o| o.subject = Some(Subject::Text(String::new()))), "subject");
    assert_eq!(build(|o| o.audience = Some(Audience::One(String::new()))), "audience");
    assert_eq!(build(|o| o.audience = Some(Audience::Several(Vec::new()))), "audience");
    assert_eq!(
        build(|o| o.audience = Some(Audience::Several(vec!["a".into(), String::new()]))),
        "audience"
    );
    assert_eq!(build(|o| o.access_lifetime = Some(Duration::ZERO)), "access_lifetime");
    assert_eq!(
        build(|o| o.refresh_lifetime = Some(Duration::from_millis(999))),
        "refresh_lifetime"
    );
}

#[test]
fn expiry_is_required_where_a_lifetime_is_set() {
    let day = Some(Duration::from_secs(86_400));
    for (access, refresh, wanted) in [
        (day, day, (true, true)),
        (day, None, (true, false)),
        (None, day, (true, true)),
        (None, None, (false, false)),
    ] {
        let policy = policy(|options| {
            options.access_lifetime = access;
            options.refresh_lifetime = refresh;
        });
        let required = |kind| policy.requires_expiry(kind);
        assert_eq!((required(Kind::Access), required(Kind::Refresh)), wanted);
    }
}

#[test]
fn time_is_finite() {
    for seconds in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(UnixTime::new(seconds).is_none());
    }
    assert_eq!(at(-1.5).seconds().to_bits(), (-1.5_f64).to_bits());
}

#[test]
fn the_clock_may_stand_anywhere() {
    let policy = policy(|_| ());
    let token = forge(HEADER.as_bytes(), ACCESS.as_bytes());
    let untrusted = Untrusted::parse(token.as_bytes()).unwrap();
    let keys = keys(Algorithm::Hs256);
    for (seconds, expired) in [
        (f64::MIN, false),
        (-1.0, false),
        (0.0, false),
        (1_700_000_299.999, false),
        (1_700_000_300.0, true),
        (f64::MAX, true),
    ] {
        let verdict =
            verify(&untrusted, &keys, &requirements(&policy, None, at(seconds))).map(drop);
        assert_eq!(verdict, if expired { Err(VerifyError::Expired) } else { Ok(()) });
    }
}

#[test]
fn sentences_are_those_of_the_contract() {
    for (error, sentence) in [
        (VerifyError::Expired, "Signature has expired"),
        (VerifyError::NotYetValid, "The token is not yet valid (nbf)"),
        (VerifyError::Signature, "Signature verification failed"),
        (VerifyError::Issuer, "Invalid issuer"),
        (VerifyError::Audience, "Audience doesn't match"),
        (VerifyError::Subject, "Invalid subject"),
        (VerifyError::Missing("iss"), "Token is missing the \"iss\" claim"),
        (VerifyError::NoUser, "Failed to validate token."),
        (VerifyError::Type(Kind::Access), "Token must be of type \"access\""),
        (
            VerifyError::Claims(ClaimsError::Invalid("exp")),
            "Claim \"exp\" has the wrong type or an impossible value",
        ),
    ] {
        assert_eq!(error.to_string(), sentence);
        assert_eq!(error.code().status(), 401);
    }
}

#[test]
fn the_signature_comes_before_everything_that_it_covers() {
    let good = forge(HEADER.as_bytes(), b"no JSON");
    let untrusted = Untrusted::parse(good.as_bytes()).unwrap();
    assert_eq!(
        verify_signature(&untrusted, &keys(Algorithm::Hs256)).unwrap().into_payload(),
        b"no JSON"
    );
    let error =
        verify(&untrusted, &keys(Algorithm::Hs256), &requirements(&policy(|_| ()), None, now()));
    let wanted = MalformedToken::Payload("is not valid JSON");
    assert_eq!(error.unwrap_err(), VerifyError::Claims(ClaimsError::Malformed(wanted)));
    let message = good.rsplit_once('.').unwrap().0;
    let forged = format!("{message}.{}", "A".repeat(43));
    let untrusted = Untrusted::parse(forged.as_bytes()).unwrap();
    for error in [
        verify_signature(&untrusted, &keys(Algorithm::Hs256)).map(drop),
        verify(&untrusted, &keys(Algorithm::Hs256), &requirements(&policy(|_| ()), None, now()))
            .map(drop),
    ] {
        assert_eq!(error, Err(VerifyError::Signature));
    }
}

#[test]
fn a_token_of_one_algorithm_is_good_for_no_other() {
    for &ours in Algorithm::ALL {
        let engine = engine(ours);
        for &theirs in Algorithm::ALL {
            let token = crate::support::engine(theirs).sign(ACCESS).unwrap();
            let verdict = verified(&engine, token.text().as_bytes(), None, now()).map(drop);
            // EdDSA and Ed25519 are two names of one thing (RFC 9864 §2.2).
            if ours.family() == theirs.family() && crate::support::key_name(ours) == "ed25519"
                || ours == theirs
            {
                assert_eq!(verdict, Ok(()), "{theirs} where {ours} is wanted");
            } else {
                assert_eq!(verdict, Err(VerifyError::Algorithm), "{theirs} where {ours} is wanted");
            }
        }
    }
}

#[test]
fn claims_are_what_was_written() {
    let text = r#"{"iss":"\u0069ss","sub":"sub","aud":["a","b"],"exp":3,"nbf":-2.5,"iat":1,
        "jti":"j","sid":"s","type":"refresh","user":{"id":"x"},"more":[{}]}"#;
    let claims = Claims::parse(text.as_bytes()).unwrap();
    assert_eq!(claims.issuer.as_deref(), Some("iss"));
    assert_eq!(claims.subject.as_deref(), Some("sub"));
    assert_eq!(claims.audience.unwrap(), ["a", "b"]);
    assert_eq!(claims.expires, Some(at(3.0)));
    assert_eq!(claims.not_before, Some(at(-2.5)));
    assert_eq!(claims.issued_at, Some(at(1.0)));
    assert_eq!(claims.id.as_deref(), Some("j"));
    assert_eq!(claims.session.as_deref(), Some("s"));
    assert_eq!(claims.kind, Some(Kind::Refresh));
    assert_eq!(claims.user, UserId::text("x"));
}

#[test]
fn a_subject_is_the_users_key_where_the_policy_says_so() {
    let policy = policy(|options| options.subject = Some(Subject::User));
    for (sub, user, is_good) in [
        ("\"7\"", "7", true),
        ("\"7\"", "\"7\"", true),
        ("\"-12345678901234567890123\"", "-12345678901234567890123", true),
        ("\"é\"", "\"\\u00e9\"", true),
        ("\"8\"", "7", false),
        ("\"\"", "7", false),
        ("\"7 \"", "7", false),
        ("\"07\"", "7", false),
    ] {
        let text = access_with("sub", sub).replace("\"id\":7", &format!("\"id\":{user}"));
        let token = forge(HEADER.as_bytes(), text.as_bytes());
        let token = Untrusted::parse(token.as_bytes()).unwrap();
        let verdict =
            verify(&token, &keys(Algorithm::Hs256), &requirements(&policy, None, now())).map(drop);
        let expected = if is_good { Ok(()) } else { Err(VerifyError::Subject) };
        assert_eq!(verdict, expected, "{sub} {user}");
    }
    // A token of before stays good.
    let token = forge(HEADER.as_bytes(), ACCESS.as_bytes());
    let token = Untrusted::parse(token.as_bytes()).unwrap();
    assert!(verify(&token, &keys(Algorithm::Hs256), &requirements(&policy, None, now())).is_ok());
}

#[test]
fn a_duplicate_name_is_found_among_many() {
    for size in [1, 2, 8, 9, 16, 17, 64, 500] {
        let names: Vec<_> = (0..size).map(|n| format!("\"n{n}\":{n}")).collect();
        let good = format!("{{{}}}", names.join(","));
        Claims::parse(good.as_bytes()).unwrap();
        for twice in [0, size / 2, size - 1] {
            let bad = format!("{{{},\"n{twice}\":0}}", names.join(","));
            for text in [bad.clone(), format!("{{\"user\":{bad}}}"), format!("{{\"a\":[1,{bad}]}}")]
            {
                let error = Claims::parse(text.as_bytes()).unwrap_err();
                assert_eq!(
                    error.to_string(),
                    "The token is malformed: payload has a duplicate name"
                );
                assert_eq!(error.code(), Code::TokenMalformed);
            }
        }
    }
}

#[test]
fn identifiers_fit_their_column() {
    for claim in ["jti", "sid"] {
        let verdict = |id: &str| {
            Claims::parse(format!("{{\"{claim}\":{}}}", Value::from(id)).as_bytes()).map(drop)
        };
        assert_eq!(verdict(&"a".repeat(MAX_ID_BYTES)), Ok(()));
        assert_eq!(verdict(&"a".repeat(MAX_ID_BYTES + 1)), Err(ClaimsError::Invalid(claim)));
        assert_eq!(verdict(&"𝔞".repeat(64)), Err(ClaimsError::Invalid(claim)));
        for control in ['\0', '\n', '\u{7f}', '\u{9f}'] {
            assert_eq!(verdict(&format!("a{control}b")), Err(ClaimsError::Invalid(claim)));
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_claims_or_refused(payload in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Claims::parse(&payload);
    }

    #[test]
    fn any_json_is_claims_or_refused(payload in any_json()) {
        let text = payload.to_string();
        let parsed = Claims::parse(text.as_bytes());
        prop_assert!(payload.is_object() || parsed.is_err());
    }

    #[test]
    fn a_registered_claim_of_any_type_is_taken_or_refused(
        name in prop::sample::select(
            vec!["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "type", "user"]
        ),
        value in any_json(),
    ) {
        let _ = check(&access_with(name, &value.to_string()), &policy(|_| ()));
    }

    #[test]
    fn exp_and_nbf_agree_with_arithmetic(distance in -100_000_i64..100_000) {
        let open = policy(|_| ());
        let exp = check(&access_with("exp", &(NOW + distance).to_string()), &open);
        prop_assert_eq!(exp.is_ok(), distance > 0);
        let nbf = check(&access_with("nbf", &(NOW + distance).to_string()), &open);
        prop_assert_eq!(nbf.is_ok(), distance <= 0);
    }

    #[test]
    fn any_other_issuer_is_refused(issuer in any::<String>()) {
        prop_assume!(issuer != "wanted");
        let wanted = policy(|options| options.issuer = Some("wanted".to_owned()));
        let text = access_with("iss", &Value::from(issuer).to_string());
        prop_assert_eq!(check(&text, &wanted), Err(VerifyError::Issuer));
    }
}

proptest! {
    // RSA signs slowly, and there are 15 algorithms.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_claims_come_back_as_they_were_signed(extra in any_json()) {
        let claims = access_with("extra", &extra.to_string());
        for &algorithm in Algorithm::ALL {
            let engine = engine(algorithm);
            let token = engine.sign(&claims).unwrap();
            let verified = verified(&engine, token.text().as_bytes(), Some(Kind::Access), now()).unwrap();
            prop_assert_eq!(verified.payload(), claims.as_bytes());
        }
    }
}

fn check(payload: &str, policy: &Policy) -> Result<(), VerifyError> {
    let token = forge(HEADER.as_bytes(), payload.as_bytes());
    let untrusted = Untrusted::parse(token.as_bytes())?;
    verify(&untrusted, &keys(Algorithm::Hs256), &requirements(policy, Some(Kind::Access), now()))
        .map(drop)
}

//! Messages of ended sessions: signed, verified as tokens are, and never mistaken for one.

use crate::support::{
    ACCESS, NOW, at, engine, forge, key, keys, now, policy, requirements, verified,
};
use djwto_core::session::messages::{self, Heard, MAX_AGE_SECONDS, MAX_PUBLISHED, TYP, WAKE_UP};
use djwto_core::token::revoked::MAX_HEARD;
use djwto_core::token::verify::VerifyError;
use djwto_core::{Algorithm, Code, Key, KeyRing, Kind, Revocations, SessionId};
use proptest::prelude::*;

fn some(number: u128) -> SessionId {
    SessionId::from_bytes(number.to_be_bytes())
}

fn typed(media_type: &str) -> Vec<u8> {
    format!(r#"{{"alg":"HS256","typ":"{media_type}"}}"#).into_bytes()
}

fn payload(entries: &str) -> Vec<u8> {
    format!(r#"{{"iat":{NOW},"ended":{entries}}}"#).into_bytes()
}

fn read(message: &str) -> Result<Vec<messages::Entry>, VerifyError> {
    messages::read(&keys(Algorithm::Hs256), message.as_bytes(), now())
}

#[test]
fn what_was_signed_is_read_back_by_every_algorithm_and_in_as_many_messages_as_it_takes() {
    let told: Vec<_> = (0..400).map(|number| (some(number), NOW + 300)).collect();
    for algorithm in [Algorithm::Hs256, Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
        let keys = keys(algorithm);
        let messages = messages::sign(&keys, &told, now()).unwrap();
        assert_eq!(messages.len(), 3);
        let heard =
            messages.iter().map(|text| messages::read(&keys, text.as_bytes(), now()).unwrap());
        assert_eq!(heard.collect::<Vec<_>>().concat(), told);
    }
    assert_eq!(messages::sign(&keys(Algorithm::Hs256), &[], now()).unwrap(), Vec::<String>::new());
}

#[test]
fn who_can_only_verify_signs_nothing() {
    let public = KeyRing::load(Algorithm::Rs256, None, Some(&key("rsa.public.pem"))).unwrap();
    let told = [(some(1), NOW)];
    assert!(messages::sign(&public, &told, now()).is_err());
    let messages = messages::sign(&keys(Algorithm::Rs256), &told, now()).unwrap();
    assert_eq!(messages::read(&public, messages[0].as_bytes(), now()).unwrap(), told);
}

#[test]
fn a_message_is_no_token_and_a_token_is_no_message() {
    let engine = engine(Algorithm::Hs256);
    let token = engine.sign(ACCESS).unwrap();
    assert_eq!(read(token.text()).unwrap_err().code(), Code::TokenMalformed);
    let policy = policy(|_| ());
    for name in [TYP, "DJWTO-ended+JWT", "application/djwto-ended+jwt", "djwto-assertion+jwt"] {
        // The claims of a good token, signed by the right key.
        let message = forge(&typed(name), ACCESS.as_bytes());
        let refused = verified(&engine, message.as_bytes(), Some(Kind::Access), now()).unwrap_err();
        assert_eq!(refused.code(), Code::TokenMalformed);
    }
    // Every other `typ` is as good as it was.
    for name in ["JWT", "at+jwt", "application/at+jwt", "djwt"] {
        let token = forge(&typed(name), ACCESS.as_bytes());
        let token = djwto_core::compact::Untrusted::parse(token.as_bytes()).unwrap();
        let requirements = requirements(&policy, Some(Kind::Access), now());
        djwto_core::token::verify::verify(&token, engine.keys(), &requirements).unwrap();
        assert!(read(&forge(&typed(name), &payload("[]"))).is_err());
    }
    assert!(read(&forge(&typed("application/djwto-ended+jwt"), &payload("[]"))).is_err());
    assert_eq!(read(&forge(&typed(TYP), &payload("[]"))).unwrap(), []);
}

#[test]
fn keys_that_verify_no_longer_verify_no_message() {
    let old = Key::secret(Algorithm::Hs256, b"another secret of at least 32 bytes").unwrap();
    let messages = messages::sign(&KeyRing::new(old), &[(some(1), NOW)], now()).unwrap();
    assert_eq!(read(&messages[0]), Err(VerifyError::Signature));
    // While it is a fallback it does.
    let old = Key::secret(Algorithm::Hs256, b"another secret of at least 32 bytes").unwrap();
    let both = keys(Algorithm::Hs256).with_fallback(old);
    assert_eq!(messages::read(&both, messages[0].as_bytes(), now()).unwrap(), [(some(1), NOW)]);
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "a time of this century is exact")]
fn a_message_of_another_day_is_not_heard() {
    let keys = keys(Algorithm::Hs256);
    for (after, good) in [(-301.0, false), (-299.0, true), (299.0, true), (301.0, false)] {
        let moment = at(NOW as f64 + after / 300.0 * MAX_AGE_SECONDS);
        let message = messages::sign(&keys, &[(some(1), NOW)], moment).unwrap();
        assert_eq!(read(&message[0]).is_ok(), good, "{after}");
    }
}

#[test]
fn entries_that_are_none_are_refused() {
    let id = some(7).to_string();
    for entries in [
        "{}",
        "7",
        "[7]",
        "[[]]",
        "[[\"alice\",7]]",
        &format!("[[\"{id}\"]]"),
        &format!("[[\"{id}\",\"7\"]]"),
        &format!("[[\"{id}\",7.5]]"),
        &format!("[[\"{id}\",9223372036854775808]]"),
        &format!("[[\"{id}\",7,7]]"),
        &format!("[[\"{id}\",7],null]"),
    ] {
        assert!(read(&forge(&typed(TYP), &payload(entries))).is_err(), "{entries}");
    }
    assert!(read(&forge(&typed(TYP), b"{\"ended\":[]}")).is_err());
    assert!(read(&forge(&typed(TYP), b"{\"iat\":\"now\",\"ended\":[]}")).is_err());
    assert!(read(&forge(&typed(TYP), b"")).is_err());
}

#[test]
fn what_cannot_be_signed_and_too_many_at_once_wake_the_others() {
    let told: Vec<_> = (0..=MAX_PUBLISHED as u128).map(|number| (some(number), NOW)).collect();
    let hs256 = keys(Algorithm::Hs256);
    assert_eq!(messages::publish(&hs256, &told, now()), [WAKE_UP]);
    let signed = messages::publish(&hs256, &told[1..], now());
    assert_eq!(signed.len(), MAX_PUBLISHED / 150);
    assert!(signed.iter().all(|message| read(message).is_ok()));
    let public = KeyRing::load(Algorithm::Rs256, None, Some(&key("rsa.public.pem"))).unwrap();
    assert_eq!(messages::publish(&public, &told[..1], now()), [WAKE_UP]);
}

#[test]
fn a_message_that_is_not_signed_ends_nothing_and_is_a_reason_to_look() {
    let set = Revocations::default();
    for message in ["", WAKE_UP, &forge(&typed("JWT"), &payload("[]"))] {
        let heard = messages::hear(read(message), &set);
        assert!(matches!(heard, Heard::Unsigned(_)), "{message}");
        assert!(heard.needs_look() && heard.pause_seconds() > 0.0);
    }
    assert!(set.is_empty());
    let signed = messages::publish(&keys(Algorithm::Hs256), &[(some(1), NOW)], now());
    let heard = messages::hear(read(&signed[0]), &set);
    assert_eq!((heard, heard.needs_look(), heard.pause_seconds()), (Heard::All, false, 0.0));
    assert!(set.contains(some(1)));
}

#[test]
fn a_set_that_is_full_is_left_to_the_store() {
    let set = Revocations::default();
    set.extend((0..MAX_HEARD as u128).map(|number| (some(number), NOW)));
    let heard = messages::hear(Ok(vec![(some(7), NOW), (some(u128::MAX), NOW)]), &set);
    assert_eq!(heard, Heard::LeftOut(1));
    assert!(heard.needs_look() && heard.pause_seconds() <= 0.0);
}

proptest! {
    #[test]
    fn no_bytes_are_a_message(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(messages::read(&keys(Algorithm::Hs256), &bytes, now()).is_err());
    }

    #[test]
    fn a_message_with_a_byte_changed_is_none(place in 0_usize..200, change in 1_u8..) {
        let keys = keys(Algorithm::Hs256);
        let mut bytes = messages::sign(&keys, &[(some(1), NOW)], now()).unwrap().remove(0).into_bytes();
        let place = place % bytes.len();
        bytes[place] ^= change;
        prop_assert!(messages::read(&keys, &bytes, now()).is_err());
    }
}

//! Claims that a face writes: what becomes of them, and what is not signed.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::convert::Infallible;

use djwto_core::Algorithm;
use djwto_core::claims::ClaimsError;
use djwto_core::draft::{Done, Draft, Names, Slot};
use djwto_core::issue::{IssueError, Token};
use support::engine;

type Written<'s> = Result<Done<'s>, Infallible>;

fn signed(claims: impl FnOnce(Slot<'_>) -> Written<'_>) -> Result<Token, IssueError> {
    let Ok(draft) = Draft::write(claims);
    engine(Algorithm::Hs256).sign_draft(draft)
}

/// Signs the claims that every token must have, and one more.
fn signed_with(
    name: &str,
    mut value: impl FnMut(Slot<'_>) -> Written<'_>,
) -> Result<Token, IssueError> {
    let (names, user) = (Names::new(["type", "user", name]).unwrap(), Names::new(["id"]).unwrap());
    signed(|slot| {
        slot.object(&names, |slot, place| match place {
            0 => Ok(slot.text("access")),
            1 => slot.object(&user, |slot, _| Ok(slot.integer(7))),
            _ => value(slot),
        })
    })
}

#[test]
fn names_are_sorted_and_each_once() {
    let names = Names::new(["b", "a", "é", "a\""]).unwrap();
    let token = signed_with("x", |slot| {
        slot.object(&names, |slot, place| Ok(slot.integer(i64::try_from(place).unwrap())))
    });
    let object = r#"{"a":1,"a\"":3,"b":0,"\u00e9":2}"#;
    let payload = format!(r#"{{"type":"access","user":{{"id":7}},"x":{object}}}"#);
    assert_eq!(token.unwrap().payload(), payload);
    assert!(Names::new(["a", "b", "a"]).is_none());
}

#[test]
fn an_entry_of_an_audience_is_a_text_and_no_list() {
    let flat =
        signed_with("aud", |slot| slot.array(["a", "b"], |slot, entry| Ok(slot.text(entry))));
    assert!(flat.is_ok());
    let nested = signed_with("aud", |slot| {
        slot.array(["a"], |slot, entry| slot.array([entry], |slot, entry| Ok(slot.text(entry))))
    });
    assert_eq!(nested.err(), Some(IssueError::Claims(ClaimsError::Invalid("aud"))));
}

#[test]
fn nothing_but_an_object_is_claims() {
    let refused = signed(|slot| Ok(slot.text("{"))).err();
    assert!(matches!(refused, Some(IssueError::Claims(ClaimsError::Malformed(_)))));
}

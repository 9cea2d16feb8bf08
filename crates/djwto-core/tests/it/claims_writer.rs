//! Claims that a face writes: what becomes of them, and what is not signed.

use std::convert::Infallible;

use crate::support::engine;
use djwto_core::Algorithm;
use djwto_core::token::claims::ClaimsError;
use djwto_core::token::claims_writer::{ClaimsJson, Names, ValueWriter, Written};
use djwto_core::token::issue::{IssueError, Token};

type Write<'s> = Result<Written<'s>, Infallible>;

fn signed(claims: impl FnOnce(ValueWriter<'_>) -> Write<'_>) -> Result<Token, IssueError> {
    let Ok(claims) = ClaimsJson::write(claims);
    engine(Algorithm::Hs256).sign_claims(claims)
}

/// Signs the claims that every token must have, and one more.
fn signed_with(
    name: &str,
    mut value: impl FnMut(ValueWriter<'_>) -> Write<'_>,
) -> Result<Token, IssueError> {
    let (names, user) = (Names::new(["type", "user", name]).unwrap(), Names::new(["id"]).unwrap());
    signed(|writer| {
        writer.object(&names, |writer, place| match place {
            0 => Ok(writer.text("access")),
            1 => writer.object(&user, |writer, _| Ok(writer.integer(7))),
            _ => value(writer),
        })
    })
}

#[test]
fn names_are_sorted_and_each_once() {
    let names = Names::new(["b", "a", "é", "a\""]).unwrap();
    let token = signed_with("x", |writer| {
        writer.object(&names, |writer, place| Ok(writer.integer(i64::try_from(place).unwrap())))
    });
    let object = r#"{"a":1,"a\"":3,"b":0,"\u00e9":2}"#;
    let payload = format!(r#"{{"type":"access","user":{{"id":7}},"x":{object}}}"#);
    assert_eq!(token.unwrap().payload(), payload);
    assert!(Names::new(["a", "b", "a"]).is_none());
}

#[test]
fn an_entry_of_an_audience_is_a_text_and_no_list() {
    let flat = signed_with("aud", |writer| {
        writer.array(["a", "b"], |writer, entry| Ok(writer.text(entry)))
    });
    assert!(flat.is_ok());
    let nested = signed_with("aud", |writer| {
        writer.array(["a"], |writer, entry| {
            writer.array([entry], |writer, entry| Ok(writer.text(entry)))
        })
    });
    assert_eq!(nested.err(), Some(IssueError::Claims(ClaimsError::Invalid("aud"))));
}

#[test]
fn nothing_but_an_object_is_claims() {
    let refused = signed(|writer| Ok(writer.text("{"))).err();
    assert!(matches!(refused, Some(IssueError::Claims(ClaimsError::Malformed(_)))));
}

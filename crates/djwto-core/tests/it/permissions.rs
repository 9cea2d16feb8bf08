//! Which permissions let a request in.

use std::collections::HashSet;

use djwto_core::Code;
use djwto_core::token::permissions::{Carried, Permissions, Verdict, check};
use proptest::prelude::*;

#[test]
fn a_star_grants_everything() {
    for list in [&["*"][..], &["a.b", "*"], &["*", "a.b"]] {
        assert_eq!(check(&["x.y", "z"], Carried::List(list)), Ok(Verdict::Granted), "{list:?}");
    }
}

#[test]
fn only_a_star_by_itself_stands_for_all() {
    for list in [&["**"][..], &["a.*"], &[" *"], &["*.b"], &[""]] {
        let refused = check(&["a.b"], Carried::List(list));
        assert_eq!(refused, Err(Code::PermissionsInsufficient), "{list:?}");
    }
}

#[test]
fn the_list_of_a_token_is_a_list_of_texts_and_nothing_else() {
    for (json, expected) in [
        (r#"["a.b", "c.d"]"#, Some(&["a.b", "c.d"][..])),
        (r#" [ "" , "\u00e9\n.b" , "" ] "#, Some(&["", "é\n.b", ""])),
        ("[]", Some(&[])),
        (r#"["a.b", 1]"#, None),
        (r#"["a.b", null]"#, None),
        (r#"["a.b", ["c.d"]]"#, None),
        (r#"["a.b"] []"#, None),
        (r#"["a.b""#, None),
        (r#"{"a.b": "c.d"}"#, None),
        (r#""a.b""#, None),
        ("true", None),
        ("null", None),
        ("", None),
    ] {
        let found = Permissions::parse(json.as_bytes());
        let found = found.as_ref().map(|list| list.iter().collect::<Vec<_>>());
        assert_eq!(found.as_deref(), expected, "{json}");
    }
}

#[test]
fn a_star_that_is_required_is_no_wildcard() {
    assert_eq!(check(&["*"], Carried::List(["a.b"])), Err(Code::PermissionsInsufficient));
    assert_eq!(check(&["*"], Carried::List(["*"])), Ok(Verdict::Granted));
}

#[test]
fn permissions_that_a_token_does_not_carry_are_asked_of_the_store() {
    assert_eq!(check(&["a.b"], Carried::<[&str; 0]>::Omitted), Ok(Verdict::AskStore));
    let nothing: [&str; 0] = [];
    assert_eq!(check(&nothing, Carried::<[&str; 0]>::Omitted), Ok(Verdict::AskStore));
}

#[test]
fn a_token_without_a_list_is_refused_whatever_is_required() {
    let nothing: [&str; 0] = [];
    for refused in [
        check(&["a.b"], Carried::<[&str; 0]>::Invalid),
        check(&nothing, Carried::<[&str; 0]>::Invalid),
    ] {
        assert_eq!(refused, Err(Code::PermissionsInvalid));
    }
}

proptest! {
    /// The rule by sets, and no order or repetition changes it.
    #[test]
    fn every_required_permission_must_be_there(
        required in prop::collection::vec("[a-d]", 0..5),
        carried in prop::collection::vec("[a-d]", 0..8),
    ) {
        let has: HashSet<_> = carried.iter().collect();
        let expected = if required.iter().all(|one| has.contains(one)) {
            Ok(Verdict::Granted)
        } else {
            Err(Code::PermissionsInsufficient)
        };
        prop_assert_eq!(check(&required, Carried::List(&carried)), expected);
    }
}

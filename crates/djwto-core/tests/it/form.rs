//! What text a form may hold.

use djwto_core::Code;
use djwto_core::error::Failure;
use djwto_core::http::form::{
    Bounds, FieldsError, MAX_FIELD_LETTERS, account_name, check_charset, check_fields, check_text,
    not_unicode, part_text, read,
};
use proptest::prelude::*;

const ODD_CHARSETS: [&str; 9] =
    ["utf-7", "utf-16", "latin-1", "cp1252", "bogus", "", "utf-8-sig", "utf_8", "utf\u{2010}8"];

fn unreadable(detail: &str) -> Result<(), Failure> {
    Err(Failure::new(Code::BodyUnreadable, detail))
}

#[test]
fn fields_that_decide_are_named_once() {
    for name in ["username", "password", "mode", "jwt_type", "email"] {
        let doubled = unreadable(&format!("the field \"{name}\" is there twice"));
        assert_eq!(check_fields(&[(name, "a"), ("x", ""), (name, "a")], &[], "email"), doubled);
        // A file under that name is a second value too.
        assert_eq!(check_fields(&[(name, "a")], &[name], "email"), doubled);
        assert_eq!(check_fields(&[], &[name, name], "email"), doubled);
        assert_eq!(check_fields(&[(name, "a")], &["x"], "email"), Ok(()));
    }
    assert_eq!(check_fields(&[("x", "1"), ("x", "2")], &["x", "x"], "email"), Ok(()));
    assert_eq!(check_fields(&[("username", "a")], &[], "username"), Ok(()));
}

#[test]
fn text_is_bounded_and_without_a_null_character() {
    let most = "é".repeat(MAX_FIELD_LETTERS);
    let more = format!("{most}x");
    let refused = |start: &str| Err(Failure::new(Code::FieldInvalid, start));
    assert_eq!(check_text("x", &most), Ok(()));
    assert_eq!(check_text(&most, "x"), Ok(()));
    assert_eq!(check_text("x", &more), refused("x"));
    // The sentence holds the start of the name alone.
    assert_eq!(check_text(&more, "x"), refused(&"é".repeat(64)));
    assert_eq!(check_text("x", "a\0b"), refused("x"));
    assert_eq!(check_text("a\0b", "x"), refused("ab"));
    assert_eq!(check_fields(&[("x", "1"), ("y", "\0")], &[], "email"), refused("y"));
}

#[test]
fn a_name_in_two_fields_is_one_name() {
    for (username, own, name) in
        [("", "", ""), ("alice", "", "alice"), ("", "alice", "alice"), ("alice", "alice", "alice")]
    {
        assert_eq!(account_name(username, own, "email"), Ok(name));
    }
    let differ = "the fields \"username\" and \"email\" are both there, and differ";
    assert_eq!(account_name("alice", "Alice", "email").map(drop), unreadable(differ));
}

#[test]
fn a_body_is_utf_8_by_one_of_its_names() {
    for charset in ["utf-8", "UTF8", " utf-8 ", "us-ascii", "ASCII"] {
        assert_eq!(check_charset(charset), Ok(()), "{charset}");
    }
    for charset in ODD_CHARSETS {
        assert_eq!(check_charset(charset), unreadable("its charset is not UTF-8"), "{charset}");
    }
}

#[test]
fn a_part_of_another_charset_is_read_where_it_is_ascii() {
    let other = unreadable("a part is of a charset that is not UTF-8");
    for charset in ["ISO-8859-1", "iso-8859-15", "latin1", " windows-1252"] {
        assert_eq!(part_text(b"alice", Some(charset)), Ok("alice"));
        assert_eq!(part_text("é".as_bytes(), Some(charset)).map(drop), other);
        assert_eq!(part_text(b"\xe9", Some(charset)).map(drop), other);
    }
    for charset in ODD_CHARSETS {
        assert_eq!(part_text(b"alice", Some(charset)).map(drop), other, "{charset}");
    }
    for charset in [None, Some("utf-8"), Some("us-ascii")] {
        assert_eq!(part_text("é".as_bytes(), charset), Ok("é"));
        for bytes in [&b"\xe9"[..], b"\xed\xa0\x80", b"\xc0\x80"] {
            assert_eq!(part_text(bytes, charset).map(drop), unreadable("a part is not UTF-8"));
        }
    }
}

#[test]
fn faults_of_a_body_are_one_code_with_a_reason() {
    assert_eq!(Failure::from(FieldsError::Doubled).detail, "a field is there twice");
    for failure in [not_unicode(), Failure::from(FieldsError::NotJson)] {
        assert_eq!(failure.code, Code::BodyUnreadable);
        assert!(!failure.detail.is_empty());
    }
}

const MULTIPART: &str = "multipart/form-data; boundary=b";

proptest! {
    #[test]
    fn what_a_browser_writes_comes_back(
        fields in prop::collection::vec(("[a-z ]{1,5}", "[^\\x00]{0,9}"), 0..6),
    ) {
        let head = "--b\r\nContent-Disposition: form-data; name=";
        let written: Vec<_> =
            fields.iter().map(|(name, text)| format!("{head}\"{name}\"\r\n\r\n{text}\r\n")).collect();
        prop_assume!(!fields.iter().any(|(_, text)| text.contains("--b")));
        let expected: Vec<_> = fields
            .iter()
            .map(|(name, text)| (name.trim().to_owned(), text.clone()))
            .collect();
        let body = format!("{}--b--\r\n", written.concat());
        let found = read(MULTIPART, body.as_bytes(), &Bounds::default(), "email");
        prop_assert_eq!(found, Ok(expected.clone()));
        // Cut off anywhere, it is no shorter form.
        let cut = body.len() - body.len() % 7 - 7.min(body.len());
        if cut > 0 {
            prop_assert!(read(MULTIPART, &body.as_bytes()[..cut], &Bounds::default(), "email").is_err());
        }
    }

    #[test]
    fn no_body_panics(
        content_type in "(application/(json|x-www-form-urlencoded)|multipart/form-data)(; ?(charset|boundary)=[\"ub;*'%-]{0,4})?",
        body in prop::collection::vec(prop::sample::select(b"--b\r\n:;=\"\\%&{}[]a0\xff ".to_vec()), 0..60),
    ) {
        let _ = read(&content_type, &body, &Bounds { fields: Some(3), files: Some(1) }, "email");
    }

    #[test]
    fn a_form_is_good_where_each_text_is_and_each_name_is_there_once(
        names in prop::collection::vec("[\\x00a-z]{1,3}|username|mode|email", 0..6),
        value in any::<String>(),
    ) {
        let fields: Vec<_> = names.iter().map(|name| (name.as_str(), value.as_str())).collect();
        let is_text = fields.iter().all(|(name, value)| check_text(name, value).is_ok());
        let is_single =
            |name: &str| names.iter().filter(|found| found.as_str() == name).count() < 2;
        let is_once = ["username", "mode", "email"].iter().all(|name| is_single(name));
        prop_assert_eq!(check_fields(&fields, &[], "email").is_ok(), is_text && is_once);
    }
}

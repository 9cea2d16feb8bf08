//! Forms: the text that a request may hold, the fields that djwto reads, and JSON objects as forms.
//!
//! [`read`] reads a whole body of any kind.

use std::collections::HashSet;
use std::fmt;

use jiter::{Jiter, Peek};

use super::multipart::{self, Part, Value};
use super::parameters::{Parameters, percent_decoded};
use crate::error::{Code, Failure};
use crate::types::Kind;

/// The most characters of a field or its name. No login name or password is longer, and a password
/// hash should not have to read more.
pub const MAX_FIELD_LETTERS: usize = 4096;

/// Fields that a form may have only once, because a proxy may see the other value. The field of the
/// login name is one more.
const ONCE: [&str; 4] = ["username", "password", "mode", "jwt_type"];

/// Charsets that are read as UTF-8.
const UTF8_CHARSETS: [&str; 4] = ["utf-8", "utf8", "us-ascii", "ascii"];

/// Other charsets that a part of a form may claim. Some libraries add one of them to every field, for
/// any content. ASCII is the same in all of them.
const ASCII_SUPERSETS: [&str; 4] = ["iso-8859-1", "iso-8859-15", "latin1", "windows-1252"];

/// The bounds of a form: Django's `DATA_UPLOAD_MAX_NUMBER_FIELDS` and `DATA_UPLOAD_MAX_NUMBER_FILES`. `None`:
/// any number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The most fields.
    pub fields: Option<usize>,
    /// The most files.
    pub files: Option<usize>,
}

/// Reads a body by its content type: a form, or a JSON object. Returns its fields, without files, in their
/// order; a `null` of JSON is left out. An empty body of any type has none.
///
/// `name_field` is the field of the account's name, as for [`check_fields`].
///
/// # Errors
///
/// [`Code::MediaTypeUnsupported`], [`Code::BodyUnreadable`] and [`Code::FieldInvalid`].
pub fn read(
    content_type: &str,
    body: &[u8],
    bounds: &Bounds,
    name_field: &str,
) -> Result<Vec<(String, String)>, Failure> {
    if body.is_empty() {
        return Ok(Vec::new());
    }
    let kind = Parameters::parse(content_type)
        .map_err(|_| unreadable("its content type cannot be read"))?;
    check_charset(kind.get("charset").unwrap_or("utf-8"))?;
    let (fields, files) = match kind.word.as_str() {
        "application/json" => {
            let members = read_fields(body, bounds.fields)?.into_iter();
            let fields = members.filter_map(|(name, value)| Some((name, value?)));
            (fields.collect(), Vec::new())
        }
        "application/x-www-form-urlencoded" => (read_urlencoded(body, bounds.fields)?, Vec::new()),
        "multipart/form-data" => {
            read_multipart(body, kind.get("boundary").unwrap_or_default(), bounds)?
        }
        _ => return Err(Code::MediaTypeUnsupported.into()),
    };
    let borrowed: Vec<_> =
        fields.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let files: Vec<_> = files.iter().map(String::as_str).collect();
    check_fields(&borrowed, &files, name_field)?;
    Ok(fields)
}

/// Reads `application/x-www-form-urlencoded` (WHATWG URL §5.1), but refuses what is not UTF-8.
///
/// # Errors
///
/// [`Code::BodyUnreadable`], also where there are more than `most` fields.
pub fn read_urlencoded(body: &[u8], most: Option<usize>) -> Result<Vec<(String, String)>, Failure> {
    if most.is_some_and(|most| memchr::memchr_iter(b'&', body).count() >= most.max(1)) {
        return Err(FieldsError::TooMany.into());
    }
    let decoded = |text: &[u8]| {
        let spaced: Vec<u8> =
            text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        let text = String::from_utf8(percent_decoded(&spaced).into_owned());
        text.map_err(|_| unreadable("it is not UTF-8"))
    };
    let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    let read = |pair: &[u8]| {
        let equals = memchr::memchr(b'=', pair).unwrap_or(pair.len());
        let (name, value) = pair.split_at_checked(equals).unwrap_or((pair, &[]));
        Ok((decoded(name)?, decoded(value.get(1..).unwrap_or_default())?))
    };
    pairs.map(read).collect()
}

/// The fields, and the name of the field of each file.
type FieldsAndFiles = (Vec<(String, String)>, Vec<String>);

fn read_multipart(body: &[u8], boundary: &str, bounds: &Bounds) -> Result<FieldsAndFiles, Failure> {
    let (mut fields, mut files) = (Vec::new(), Vec::new());
    for Part { name, value } in multipart::read_parts(body, boundary, bounds)? {
        match value {
            Value::Text(text) => fields.push((name, text)),
            Value::File(_) => files.push(name),
        }
    }
    Ok((fields, files))
}

/// Checks the fields of a form, however they came: pairs of a name and a text. `files` are the names
/// of the fields that hold files. `name_field` is the field of the account's name, beside
/// `username`.
///
/// # Errors
///
/// [`Code::FieldInvalid`] and [`Code::BodyUnreadable`].
pub fn check_fields(
    fields: &[(&str, &str)],
    files: &[&str],
    name_field: &str,
) -> Result<(), Failure> {
    for (name, value) in fields {
        check_text(name, value)?;
    }
    let names = || fields.iter().map(|(name, _)| name).chain(files);
    for name in ONCE.into_iter().chain([name_field]) {
        if names().filter(|found| **found == name).nth(1).is_some() {
            return Err(unreadable(format!("the field \"{name}\" is there twice")));
        }
    }
    Ok(())
}

/// Checks the text of one field, or the name of a file in it.
///
/// # Errors
///
/// [`Code::FieldInvalid`]
pub fn check_text(name: &str, value: &str) -> Result<(), Failure> {
    // Bytes first, which are counted at once: a text has no more characters than bytes.
    let is_long =
        |text: &str| text.len() > MAX_FIELD_LETTERS && text.chars().count() > MAX_FIELD_LETTERS;
    if [name, value].iter().any(|text| is_long(text) || text.contains('\0')) {
        let start = name.chars().take(64).filter(|letter| *letter != '\0');
        return Err(Failure::new(Code::FieldInvalid, start.collect::<String>()));
    }
    Ok(())
}

/// The failure of a field that is no Unicode text, as where half a surrogate pair is in it. A Rust
/// text is none, so this is for faces of languages whose texts may be.
pub fn not_unicode() -> Failure {
    unreadable("a field is not Unicode text")
}

/// The account's name of a form that may have it in two fields: `username`, and `own`, which is
/// called `name_field`. Empty ones count as absent; "" where both are.
///
/// # Errors
///
/// [`Code::BodyUnreadable`] where both are there, and differ.
pub fn account_name<'f>(
    username: &'f str,
    own: &'f str,
    name_field: &str,
) -> Result<&'f str, Failure> {
    match (username, own) {
        ("", name) | (name, "") => Ok(name),
        (name, own) if name == own => Ok(name),
        _ => Err(unreadable(format!(
            "the fields \"username\" and \"{name_field}\" are both there, and differ"
        ))),
    }
}

/// Checks the charset that a request claims for its body, which is read as UTF-8.
///
/// # Errors
///
/// [`Code::BodyUnreadable`]
pub fn check_charset(charset: &str) -> Result<(), Failure> {
    if is_utf8(&normal(charset)) {
        return Ok(());
    }
    Err(unreadable("its charset is not UTF-8"))
}

/// Reads the content of a part of `multipart/form-data` (RFC 7578 §5.1.2) that is no file, by the
/// charset that it claims.
///
/// # Errors
///
/// [`Code::BodyUnreadable`]
pub fn part_text<'b>(content: &'b [u8], charset: Option<&str>) -> Result<&'b str, Failure> {
    let charset = charset.map_or_else(|| "utf-8".to_owned(), normal);
    let is_ascii = || ASCII_SUPERSETS.contains(&charset.as_str()) && content.is_ascii();
    if !is_utf8(&charset) && !is_ascii() {
        return Err(unreadable("a part is of a charset that is not UTF-8"));
    }
    str::from_utf8(content).map_err(|_| unreadable("a part is not UTF-8"))
}

fn normal(charset: &str) -> String {
    charset.trim().to_ascii_lowercase()
}

fn is_utf8(charset: &str) -> bool {
    UTF8_CHARSETS.contains(&charset)
}

fn unreadable(detail: impl Into<String>) -> Failure {
    Failure::new(Code::BodyUnreadable, detail)
}

/// Checks the field `jwt_type` of an endpoint that takes a token of this kind from a cookie. Without
/// the field it is `access`.
///
/// # Errors
///
/// [`Code::JwtTypeUnknown`] and [`Code::JwtTypeWrong`].
pub fn check_jwt_type(given: Option<&str>, wanted: Kind) -> Result<(), Failure> {
    let kind = match given {
        None => Some(Kind::Access),
        Some(name) => Kind::from_name(name),
    };
    match (kind, wanted) {
        (Some(kind), _) if kind == wanted => Ok(()),
        (None, Kind::Access) => Err(unknown_jwt_type(given.unwrap_or_default())),
        _ => Err(Failure::new(Code::JwtTypeWrong, wanted.name())),
    }
}

/// The kind that the field `jwt_type` names; without the field it is `access`.
///
/// # Errors
///
/// [`Code::JwtTypeUnknown`]
pub fn jwt_type(given: Option<&str>) -> Result<Kind, Failure> {
    match given {
        None => Ok(Kind::Access),
        Some(name) => Kind::from_name(name).ok_or_else(|| unknown_jwt_type(name)),
    }
}

fn unknown_jwt_type(given: &str) -> Failure {
    Failure::new(Code::JwtTypeUnknown, given.chars().take(64).collect::<String>())
}

/// Why a JSON text is no form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldsError {
    /// Not JSON (RFC 8259), or with half a surrogate pair, or with a number beyond every float.
    NotJson,
    /// JSON, and no object.
    NotAnObject,
    /// A member is an array or an object.
    Nested,
    /// Two members have one name.
    Doubled,
    /// More members than are allowed.
    TooMany,
}

impl fmt::Display for FieldsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotJson => "it is not JSON",
            Self::NotAnObject => "it is not a JSON object",
            Self::Nested => "a field holds a list or an object",
            Self::Doubled => "a field is there twice",
            Self::TooMany => "it has too many fields",
        })
    }
}

impl std::error::Error for FieldsError {}

impl From<FieldsError> for Failure {
    fn from(error: FieldsError) -> Self {
        unreadable(error.to_string())
    }
}

/// A name with its value, which is `None` for `null`.
pub type Field = (String, Option<String>);

/// Reads the members of one JSON object, in their order, as a form would have sent them: a number
/// as it is written, `true` or `false` in words.
///
/// Stops at the first fault, so that the rest of a hostile text costs nothing.
///
/// # Errors
///
/// [`FieldsError`]; [`FieldsError::TooMany`] where there are more members than `most`.
pub fn read_fields(text: &[u8], most: Option<usize>) -> Result<Vec<Field>, FieldsError> {
    let mut json = Jiter::new(text);
    if json.peek().map_err(not_json)? != Peek::Object {
        json.next_skip().map_err(not_json)?;
        json.finish().map_err(not_json)?;
        return Err(FieldsError::NotAnObject);
    }
    let (mut fields, mut names) = (Vec::new(), HashSet::new());
    let mut next = json.known_object();
    while let Some(name) = next.map_err(not_json)? {
        let name = name.to_owned();
        if !names.insert(name.clone()) {
            return Err(FieldsError::Doubled);
        }
        if most.is_some_and(|most| names.len() > most) {
            return Err(FieldsError::TooMany);
        }
        fields.push((name, value(&mut json)?));
        next = json.next_key();
    }
    json.finish().map_err(not_json)?;
    Ok(fields)
}

fn value(json: &mut Jiter<'_>) -> Result<Option<String>, FieldsError> {
    match json.peek().map_err(not_json)? {
        Peek::Array | Peek::Object => Err(FieldsError::Nested),
        Peek::String => json.known_str().map(|text| Some(text.to_owned())).map_err(not_json),
        Peek::Null => json.known_null().map(|()| None).map_err(not_json),
        peek @ (Peek::True | Peek::False) => {
            json.known_bool(peek).map(|value| Some(value.to_string())).map_err(not_json)
        }
        peek => {
            let digits = json.known_number_bytes(peek).map_err(not_json)?;
            let number = str::from_utf8(digits).map_err(|_| FieldsError::NotJson)?;
            let is_finite = number.parse::<f64>().is_ok_and(f64::is_finite);
            if is_finite { Ok(Some(number.to_owned())) } else { Err(FieldsError::NotJson) }
        }
    }
}

fn not_json(_: jiter::JiterError) -> FieldsError {
    FieldsError::NotJson
}

#[cfg(test)]
mod tests {
    use super::{Bounds, FieldsError, read, read_fields};
    use crate::error::Code;

    #[test]
    fn a_body_is_read_by_its_type() {
        let bounds = Bounds { fields: Some(2), files: Some(0) };
        let form = "application/x-www-form-urlencoded";
        let multipart = "multipart/form-data; boundary=b";
        let part = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--b--";
        let file = part.replace("name=a", "name=a; filename=f");
        for (content_type, body, expected) in [
            ("text/plain", "", Ok("")),
            ("text/plain", "x", Err(Code::MediaTypeUnsupported)),
            ("application/jsonp", "{}", Err(Code::MediaTypeUnsupported)),
            ("text/plain; charset=x", "x", Err(Code::BodyUnreadable)),
            ("Application/JSON; charset=\"UTF8\"; x; =; ;", r#"{"a": 1, "b": null}"#, Ok("a=1")),
            ("application/json; charset=", "{}", Err(Code::BodyUnreadable)),
            ("application/json", "x", Err(Code::BodyUnreadable)),
            (form, "a=%31&b=c+d", Ok("a=1 b=c d")),
            (form, "a=1&", Ok("a=1")),
            (form, "a=1&b=2&", Err(Code::BodyUnreadable)),
            (form, "a", Ok("a=")),
            (form, "a=%zz", Ok("a=%zz")),
            (form, "a=%ff", Err(Code::BodyUnreadable)),
            (form, "a=%00", Err(Code::FieldInvalid)),
            (form, "email=1&email=2", Err(Code::BodyUnreadable)),
            (multipart, part, Ok("a=1")),
            (multipart, &file, Err(Code::BodyUnreadable)),
            ("multipart/form-data", part, Err(Code::BodyUnreadable)),
        ] {
            let found = read(content_type, body.as_bytes(), &bounds, "email");
            let shown = |fields: Vec<(String, String)>| {
                let pairs: Vec<_> = fields.iter().map(|(n, v)| format!("{n}={v}")).collect();
                pairs.join(" ")
            };
            let found = found.map(shown).map_err(|failure| failure.code);
            assert_eq!(found, expected.map(str::to_owned), "{content_type} {body}");
        }
    }

    #[test]
    fn plain_values_become_text() {
        let text = br#" {"a": "x", "b": -1.50e2, "c": true, "d": null, "": "\ud83d\ude00"} "#;
        let fields = read_fields(text, Some(5)).unwrap();
        let seen: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_deref())).collect();
        let expected = [
            ("a", Some("x")),
            ("b", Some("-1.50e2")),
            ("c", Some("true")),
            ("d", None),
            ("", Some("\u{1f600}")),
        ];
        assert_eq!(seen, expected);
        assert_eq!(read_fields(b"{}", Some(0)), Ok(vec![]));
    }

    #[test]
    fn names_are_compared_as_they_are_read() {
        for text in [r#"{"a": 1, "a": 1}"#, r#"{"a": 1, "\u0061": 2}"#, r#"{"a": null, "a": null}"#]
        {
            assert_eq!(read_fields(text.as_bytes(), None), Err(FieldsError::Doubled), "{text}");
        }
    }

    #[test]
    fn the_number_of_members_is_bounded() {
        let text = br#"{"a": 1, "b": 2, "c": [}"#;
        assert_eq!(read_fields(text, Some(1)), Err(FieldsError::TooMany));
        assert_eq!(read_fields(text, None), Err(FieldsError::Nested));
    }

    #[test]
    fn what_is_no_object_is_told_from_what_is_no_json() {
        for text in ["[]", "1", "null", "\"x\"", "[[[1]]]"] {
            assert_eq!(read_fields(text.as_bytes(), None), Err(FieldsError::NotAnObject), "{text}");
        }
        let nine = "9".repeat(400_000);
        let deep = "[".repeat(100_000);
        for text in [
            "",
            " ",
            "{",
            "{} x",
            "{'a': 1}",
            "{\"a\": 1,}",
            "{\"a\"}",
            "{\"a\": NaN}",
            "{\"a\": -Infinity}",
            "{\"a\": Infinity}",
            "{\"a\": 1e999}",
            "{\"a\": 01}",
            "{\"a\": +1}",
            "{\"a\": 1.}",
            "{\"a\": .5}",
            "{\"a\": 0x1}",
            "{\"a\": -}",
            "{\"a\": \"\\ud800\"}",
            "{\"a\": \"\\udc00\\ud800\"}",
            "{\"\\ud800\": 1}",
            "{\"a\": \"\n\"}",
            "\u{feff}{}",
            &format!("{{\"a\": {nine}}}"),
            &deep,
        ] {
            let start: String = text.chars().take(20).collect();
            assert_eq!(read_fields(text.as_bytes(), None), Err(FieldsError::NotJson), "{start}");
        }
        assert_eq!(read_fields(b"{\"a\": \"\xff\"}", None), Err(FieldsError::NotJson));
        assert_eq!(read_fields(b"{\"\xed\xa0\x80\": 1}", None), Err(FieldsError::NotJson));
    }
}

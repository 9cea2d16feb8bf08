//! `multipart/form-data` (RFC 7578), read strictly from a body that is in memory.
//!
//! Lenient readers drop a part whose head they cannot read, and replace bytes that are not text. Two programs
//! may then see two forms.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::form::{Bounds, FieldsError, check_text, part_text};
use super::parameters::{Malformed, Parameters};
use crate::error::{Code, Failure};

/// The longest head of a part, in bytes. Browsers write some hundred.
pub const MAX_HEAD_BYTES: usize = 4096;
const MAX_BOUNDARY_BYTES: usize = 201;

/// One field, or one file.
#[derive(Clone, PartialEq, Eq)]
pub struct Part<'b> {
    /// The name of the field.
    pub name: String,
    /// What it holds.
    pub value: Value<'b>,
}

/// What a part holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Value<'b> {
    /// The text of a field.
    Text(String),
    /// A file.
    File(File<'b>),
}

/// A file of a form.
#[derive(Clone, PartialEq, Eq)]
pub struct File<'b> {
    /// The name, without folders.
    pub name: String,
    /// The content.
    pub content: Cow<'b, [u8]>,
    /// The content type in lower case, without parameters; empty if the part has none.
    pub content_type: String,
    /// The parameters of the content type.
    pub parameters: Vec<(String, String)>,
}

impl fmt::Debug for Part<'_> {
    /// Never shows what a client has typed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").finish_non_exhaustive()
    }
}

/// Reads all parts.
///
/// # Errors
///
/// [`Code::BodyUnreadable`], also where there are more parts than the bounds allow; and
/// [`Code::FieldInvalid`]. The sentence holds nothing of the body but the name of a field.
pub fn read_parts<'b>(
    body: &'b [u8],
    boundary: &str,
    bounds: &Bounds,
) -> Result<Vec<Part<'b>>, Failure> {
    let (mut found, mut fields, mut files) = (Vec::new(), 0_usize, 0_usize);
    for part in parts(body, boundary)? {
        let part = part?;
        match part.value {
            Value::Text(_) => fields += 1,
            Value::File(_) => files += 1,
        }
        let is_over = |count, most: Option<usize>| most.is_some_and(|most| count > most);
        if is_over(fields, bounds.fields) || is_over(files, bounds.files) {
            return Err(FieldsError::TooMany.into());
        }
        found.push(part);
    }
    Ok(found)
}

/// The boundary is that of RFC 2046 §5.1.1. A fault is the last item.
fn parts<'b>(
    body: &'b [u8],
    boundary: &str,
) -> Result<impl Iterator<Item = Result<Part<'b>, Failure>>, Failure> {
    let is_boundary = boundary.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && (1..=MAX_BOUNDARY_BYTES).contains(&boundary.len())
        && !boundary.ends_with(' ');
    if !is_boundary {
        return Err(unreadable("its content type has no valid boundary"));
    }
    Ok(Parts {
        rest: Some(body),
        delimiter: format!("\r\n--{boundary}").into_bytes(),
        is_first: true,
    })
}

struct Parts<'b> {
    /// What follows the last delimiter; `None` behind the last part or a fault.
    rest: Option<&'b [u8]>,
    delimiter: Vec<u8>,
    is_first: bool,
}

impl<'b> Iterator for Parts<'b> {
    type Item = Result<Part<'b>, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let next = self.part(rest);
        match next {
            Ok(None) => None,
            Ok(Some((part, rest))) => {
                self.rest = Some(rest);
                Some(Ok(part))
            }
            Err(failure) => Some(Err(failure)),
        }
    }
}

impl Parts<'_> {
    fn part<'b>(&mut self, rest: &'b [u8]) -> Result<Option<(Part<'b>, &'b [u8])>, Failure> {
        let early = || unreadable("it ended too early");
        let rest = if std::mem::take(&mut self.is_first) {
            // The line break before a delimiter is the delimiter's (RFC 2046 §5.1.1), and the first needs none.
            match rest.strip_prefix(self.delimiter.get(2..).unwrap_or_default()) {
                Some(rest) => rest,
                None => cut(rest, &self.delimiter).ok_or_else(early)?.1,
            }
        } else {
            rest
        };
        if rest.starts_with(b"--") {
            return Ok(None);
        }
        let no_head = || unreadable("a part has no head");
        let (line, rest) = cut(rest, b"\r\n").ok_or_else(no_head)?;
        if !line.iter().all(|byte| matches!(byte, b' ' | b'\t')) {
            return Err(no_head());
        }
        let window = rest.get(..MAX_HEAD_BYTES).unwrap_or(rest);
        let (head, _) = cut(window, b"\r\n\r\n").ok_or_else(no_head)?;
        // Where a value is empty, some leave its own line break out: the delimiter may begin with the head's.
        let content = rest.get(head.len() + 2..).unwrap_or_default();
        let (content, rest) = cut(content, &self.delimiter).ok_or_else(early)?;
        let content = content.get(2..).unwrap_or_default();
        part(head, content).map(|part| Some((part, rest)))
    }
}

fn cut<'b>(text: &'b [u8], mark: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let at = memchr::memmem::find(text, mark)?;
    let (before, behind) = text.split_at_checked(at)?;
    Some((before, behind.get(mark.len()..)?))
}

fn part<'b>(head: &[u8], content: &'b [u8]) -> Result<Part<'b>, Failure> {
    let headers = headers(head)?;
    let of = |name: &str| headers.iter().find(|(found, _)| found == name).map(|(_, value)| value);
    let disposition = of("content-disposition");
    let name = disposition.and_then(|found| found.get("name"));
    let name = name.ok_or_else(|| unreadable("a part has no name"))?.trim().to_owned();
    let is_base64 = of("content-transfer-encoding").is_some_and(|found| found.word == "base64");
    let content =
        if is_base64 { Cow::Owned(from_base64(content)?) } else { Cow::Borrowed(content) };
    let content_type = of("content-type");
    let filename =
        disposition.and_then(|found| found.get("filename")).filter(|name| !name.is_empty());
    let Some(filename) = filename else {
        let charset = content_type.and_then(|found| found.get("charset"));
        let text = part_text(&content, charset)?.to_owned();
        return Ok(Part { name, value: Value::Text(text) });
    };
    let Parameters { word, list } = content_type.cloned().unwrap_or_default();
    check_text(&name, filename)?;
    let file = File {
        name: without_folders(filename)?.to_owned(),
        content,
        content_type: word,
        parameters: list,
    };
    Ok(Part { name, value: Value::File(file) })
}

fn headers(head: &[u8]) -> Result<Vec<(String, Parameters)>, Failure> {
    let malformed = || unreadable("the head of a part is malformed");
    let text = str::from_utf8(head).map_err(|_| malformed())?;
    let mut headers: Vec<(String, Parameters)> = Vec::new();
    for line in text.split("\r\n") {
        let (name, value) = line.split_once(':').ok_or_else(malformed)?;
        let (name, value) = (name.to_ascii_lowercase(), Parameters::parse(value));
        if headers.iter().any(|(found, _)| *found == name) {
            return Err(unreadable("the head of a part has a header twice"));
        }
        headers.push((name, value.map_err(|Malformed| malformed())?));
    }
    Ok(headers)
}

/// The last part of a path, by either slash.
fn without_folders(filename: &str) -> Result<&str, Failure> {
    let name = filename.rsplit(['/', '\\']).next().unwrap_or_default();
    if matches!(name, "" | "." | "..") {
        return Err(unreadable("a file has no valid name"));
    }
    Ok(name)
}

fn from_base64(content: &[u8]) -> Result<Vec<u8>, Failure> {
    // In lines, as mail has it (RFC 2045 §6.8).
    let digits: Vec<u8> =
        content.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    BASE64_STANDARD.decode(digits).map_err(|_| unreadable("a part is not base64"))
}

fn unreadable(detail: &str) -> Failure {
    Failure::new(Code::BodyUnreadable, detail)
}

#[cfg(test)]
mod tests {
    use super::{Bounds, Value, read_parts};

    fn read(body: &[u8]) -> Result<Vec<(String, String)>, String> {
        let parts = read_parts(body, "b", &Bounds::default()).map_err(|error| error.detail)?;
        let shown = parts.into_iter().map(|part| match part.value {
            Value::Text(text) => (part.name, text),
            Value::File(file) => {
                let content = String::from_utf8_lossy(&file.content).into_owned();
                (part.name, format!("{} {} {content}", file.name, file.content_type))
            }
        });
        Ok(shown.collect())
    }

    fn one(head: &str, content: &[u8]) -> Vec<u8> {
        [b"--b\r\n", head.as_bytes(), b"\r\n\r\n", content, b"\r\n--b--\r\n"].concat()
    }

    #[test]
    fn fields_and_files_are_read() {
        let name = "Content-Disposition: form-data; name=\"a\"";
        for (head, content, expected) in [
            (name.to_owned(), &b"x\r\ny"[..], "x\r\ny"),
            (name.to_uppercase().replace("NAME=\"A\"", "name=\"a\""), b"", ""),
            (format!("{name}\r\nContent-Transfer-Encoding: base64"), b"w6k=\r\n", "\u{e9}"),
            (format!("{name}\r\nContent-Type: text/plain; charset=latin1"), b"x", "x"),
            (
                format!("{name}; filename=\"c:\\x\\y.PNG\"\r\nContent-Type: Image/PNG"),
                b"z",
                "y.PNG image/png z",
            ),
            (format!("{name}; filename*=UTF-8''%c3%a9"), b"\xff", "\u{e9}  \u{fffd}"),
        ] {
            assert_eq!(
                read(&one(&head, content)),
                Ok(vec![("a".to_owned(), expected.to_owned())]),
                "{head}"
            );
        }
        let more = [b"before\r\n", one(name, b"").as_slice(), b"behind"].concat();
        assert_eq!(read(&more), Ok(vec![("a".to_owned(), String::new())]));
        // Some leave the line break of an empty value out.
        let short = format!("--b \t\r\n{name}\r\n\r\n--b--");
        assert_eq!(read(short.as_bytes()), Ok(vec![("a".to_owned(), String::new())]));
        assert_eq!(read(b"--b--"), Ok(vec![]));
    }

    #[test]
    fn what_two_programs_may_read_in_two_ways_is_refused() {
        let name = "Content-Disposition: form-data; name=a";
        for (body, detail) in [
            (b"".to_vec(), "it ended too early"),
            (b"--b".to_vec(), "a part has no head"),
            (b"--b\r\n\r\nx\r\n--b--".to_vec(), "a part has no head"),
            (b"--bx\r\n\r\n\r\n--b--".to_vec(), "a part has no head"),
            (one("X: y", b"x"), "a part has no name"),
            (one("Content-Disposition: form-data", b"x"), "a part has no name"),
            (
                one(&format!("{name}\r\ncontent-disposition: y"), b"x"),
                "the head of a part has a header twice",
            ),
            (one(&format!("{name}; name=c"), b"x"), "the head of a part is malformed"),
            (one(&format!("{name}\r\nno colon"), b"x"), "the head of a part is malformed"),
            (one(&format!("{name}; filename=.."), b"x"), "a file has no valid name"),
            (one(&format!("{name}; filename=x/"), b"x"), "a file has no valid name"),
            (
                one(&format!("{name}; filename*=utf-7''+2AA-"), b"x"),
                "the head of a part is malformed",
            ),
            (one(&format!("{name}\r\nX: {}", "x".repeat(5000)), b"x"), "a part has no head"),
            (
                one(&format!("{name}\r\nContent-Transfer-Encoding: base64"), b"w"),
                "a part is not base64",
            ),
            (one(name, b"\xff"), "a part is not UTF-8"),
            (one(name, b"x").split_last_chunk::<8>().unwrap().0.to_vec(), "it ended too early"),
        ] {
            assert_eq!(read(&body), Err(detail.to_owned()), "{:?}", String::from_utf8_lossy(&body));
        }
        for boundary in ["", "a ", "\u{e9}", "a\n", &"a".repeat(202)] {
            assert!(read_parts(b"--a--", boundary, &Bounds::default()).is_err(), "{boundary}");
        }
        let bounds = Bounds { fields: Some(0), files: None };
        let over = read_parts(&one(name, b"x"), "b", &bounds).unwrap_err();
        assert_eq!(over.detail, "it has too many fields");
    }
}

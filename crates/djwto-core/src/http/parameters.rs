//! Headers that are a word with parameters: `Content-Type`, `Content-Disposition` (RFC 9110 §5.6.6, RFC 8187).

use std::borrow::Cow;

/// A header's word in lower case, and its parameters, whose names are in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parameters {
    pub(crate) word: String,
    pub(crate) list: Vec<(String, String)>,
}

/// The header cannot be read, or could be read in two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl Parameters {
    /// Reads a header. A piece without `=` is skipped, as Django does.
    ///
    /// # Errors
    ///
    /// [`Malformed`]: a parameter is there twice, a quote is not closed, or an extended value is not UTF-8.
    pub(crate) fn parse(header: &str) -> Result<Self, Malformed> {
        let (word, mut rest) = header.split_once(';').unwrap_or((header, ""));
        let mut found = Self { word: word.trim().to_ascii_lowercase(), list: Vec::new() };
        while !rest.trim().is_empty() {
            let (piece, next) = split_unquoted(rest)?;
            rest = next;
            let Some((name, value)) = piece.split_once('=') else { continue };
            let name = name.trim().to_ascii_lowercase();
            let (name, value) = match name.strip_suffix('*') {
                Some(name) => (name.to_owned(), extended(value.trim())?),
                None => (name, unquoted(value.trim())?),
            };
            // A value in pieces, `name*0`, is only for mail (RFC 8187 §3.1).
            if name.contains('*') || found.get(&name).is_some() {
                return Err(Malformed);
            }
            if !name.is_empty() {
                found.list.push((name, value));
            }
        }
        Ok(found)
    }

    /// The value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.list.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// The text before the first `;` outside quotes, and the text behind it.
fn split_unquoted(text: &str) -> Result<(&str, &str), Malformed> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ';' if !is_quoted => {
                return text.split_at_checked(at).map(behind_first).ok_or(Malformed);
            }
            _ => {}
        }
    }
    if is_quoted { Err(Malformed) } else { Ok((text, "")) }
}

fn behind_first<'t>((before, behind): (&'t str, &'t str)) -> (&'t str, &'t str) {
    (before, behind.get(1..).unwrap_or_default())
}

/// The text of a value, without quotes. Only `\"` and `\\` are escapes: browsers send the backslashes of a
/// file's path as they are.
fn unquoted(value: &str) -> Result<String, Malformed> {
    let Some(rest) = value.strip_prefix('"') else {
        return if value.contains('"') { Err(Malformed) } else { Ok(value.to_owned()) };
    };
    let inside = rest.strip_suffix('"').ok_or(Malformed)?;
    let (mut text, mut letters) = (String::with_capacity(inside.len()), inside.chars().peekable());
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            ('\\', Some('"' | '\\')) => text.extend(letters.next()),
            // The quotes ended before, and more of them follow.
            ('"', _) => return Err(Malformed),
            _ => text.push(letter),
        }
    }
    Ok(text)
}

/// The text of an extended value: `UTF-8''%e2%82%ac`. No other charset may be claimed.
fn extended(value: &str) -> Result<String, Malformed> {
    let value = unquoted(value)?;
    let mut parts = value.splitn(3, '\'');
    let (Some(charset), Some(_language), Some(text)) = (parts.next(), parts.next(), parts.next())
    else {
        return Err(Malformed);
    };
    if super::form::check_charset(charset).is_err() {
        return Err(Malformed);
    }
    String::from_utf8(percent_decoded(text.as_bytes()).into_owned()).map_err(|_| Malformed)
}

/// Without escapes. What is no escape stays, as in Python and in browsers (WHATWG URL, percent-decode).
pub(crate) fn percent_decoded(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'%') {
        return Cow::Borrowed(text);
    }
    let digit =
        |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (mut decoded, mut rest) = (Vec::with_capacity(text.len()), text);
    while let [first, behind @ ..] = rest {
        rest = behind;
        let byte = match behind {
            [high, low, behind @ ..] if *first == b'%' => {
                let byte = digit(high).zip(digit(low)).map(|(high, low)| high << 4 | low);
                if byte.is_some() {
                    rest = behind;
                }
                byte
            }
            _ => None,
        };
        decoded.push(byte.unwrap_or(*first));
    }
    Cow::Owned(decoded)
}

#[cfg(test)]
mod tests {
    use super::{Malformed, Parameters, percent_decoded};

    #[test]
    fn parameters_are_read_in_one_way() {
        for (header, word, list) in [
            ("Text/Plain", "text/plain", &[][..]),
            ("", "", &[]),
            ("a; B = c ;d=\"e;f\\\"\\\\g\"; x; =; ;", "a", &[("b", "c"), ("d", "e;f\"\\g")]),
            ("a; filename=\"c:\\x\\a.png\"", "a", &[("filename", "c:\\x\\a.png")]),
            ("a; n*=UTF-8''%e2%82%ac%", "a", &[("n", "\u{20ac}%")]),
            ("a; n=", "a", &[("n", "")]),
        ] {
            let found = Parameters::parse(header).unwrap();
            assert_eq!(found.word, word, "{header}");
            let pairs: Vec<_> = found.list.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            assert_eq!(pairs, list, "{header}");
        }
        for header in [
            "a; b=1; B=2",
            "a; b=1; b*=utf-8''2",
            "a; b*0=1",
            "a; b=\"c",
            "a; b=\"c\"d",
            "a; b=c\"d",
            "a; b=\"c\\\"",
            "a; b*=utf-7''+2AA-",
            "a; b*=utf-8''%ff",
            "a; b*=c",
        ] {
            assert_eq!(Parameters::parse(header), Err(Malformed), "{header}");
        }
    }

    #[test]
    fn what_is_no_escape_stays() {
        assert_eq!(*percent_decoded(b"a%20b%zz%4%"), *b"a b%zz%4%");
        assert_eq!(*percent_decoded(b"%ff%C3%a9"), *b"\xff\xc3\xa9");
        assert_eq!(*percent_decoded(b"ab"), *b"ab");
    }
}

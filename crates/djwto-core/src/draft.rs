//! Claims being written, member by member, by a face that has them as its own objects.
//!
//! The JSON is ASCII only, without spaces, and its names are sorted, as `jwt_access_payload` wants
//! it. What the rules are about is noted on the way, so that nobody needs to read it again.

use std::fmt::Write as _;

use crate::claims::{Claim, UnixTime, is_valid};
use crate::claims::{ClaimsError, Kind};
use crate::compact::MalformedToken;
use crate::json::{MAX_DEPTH, Seen};

/// The JSON text of claims, so far.
#[derive(Debug)]
pub struct Draft {
    text: String,
    open: Vec<Container>,
    /// The claim whose value comes next, or is being written.
    claim: Claim,
    /// Whether the value that comes next is that of `user.id`.
    is_user_id: bool,
    fault: Option<ClaimsError>,
    facts: Written,
}

/// What issuing needs to know of claims that were written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Written {
    pub(crate) expires: Option<UnixTime>,
    pub(crate) kind: Option<Kind>,
    pub(crate) names_user: bool,
}

#[derive(Debug)]
struct Container {
    is_object: bool,
    is_empty: bool,
    /// Where the last name stands in the text.
    last_name: std::ops::Range<usize>,
}

impl Draft {
    /// An empty draft. The first value is the object of the claims.
    pub fn new() -> Self {
        Self {
            text: String::with_capacity(1024),
            open: Vec::with_capacity(4),
            claim: Claim::Other,
            is_user_id: false,
            fault: None,
            facts: Written::default(),
        }
    }

    /// Opens an object.
    pub fn object(&mut self) {
        self.value(&Seen::Other);
        self.open(true);
    }

    /// Opens an array.
    pub fn array(&mut self) {
        if !(self.open.len() == 1 && self.claim == Claim::Audience) {
            self.value(&Seen::Other);
        }
        self.open(false);
    }

    /// Closes the innermost object or array.
    pub fn end(&mut self) {
        if let Some(closed) = self.open.pop() {
            self.text.push(if closed.is_object { '}' } else { ']' });
        }
    }

    /// The name of the next member. Names of one object must ascend.
    #[inline]
    pub fn name(&mut self, name: &str) {
        let Some(object) = self.open.last_mut() else { return };
        if !object.is_empty {
            self.text.push(',');
        }
        let start = self.text.len();
        write_string(&mut self.text, name);
        let written = start..self.text.len();
        let previous = self.text.get(object.last_name.clone()).unwrap_or_default();
        // Only equal names are a fault; escaped ones need not ascend as their letters do.
        if !object.is_empty && Some(previous) == self.text.get(written.clone()) {
            self.fault.get_or_insert(malformed("has a duplicate name"));
        }
        object.is_empty = false;
        object.last_name = written;
        self.text.push(':');
        match self.open.len() {
            1 => self.claim = Claim::named(name),
            2 => self.is_user_id = self.claim == Claim::User && name == "id",
            _ => {}
        }
    }

    /// A string.
    #[inline]
    pub fn text(&mut self, value: &str) {
        self.value(&Seen::Text(value.into()));
        write_string(&mut self.text, value);
    }

    /// A whole number of 64 bits.
    #[inline]
    pub fn integer(&mut self, value: i64) {
        self.value(&Seen::Integer(value));
        write_integer(&mut self.text, value);
    }

    /// Any other number, which must be finite.
    pub fn float(&mut self, value: f64) {
        self.value(&Seen::Float(value));
        if !value.is_finite() {
            self.fault.get_or_insert(malformed("has a number that is not finite"));
        }
        // This form keeps a point or an exponent, so that it is read back as what it was. Writing
        // to a string cannot fail.
        let _ = write!(self.text, "{value:?}");
    }

    /// `true`, `false` or `null`.
    pub fn other(&mut self, value: Option<bool>) {
        self.value(&Seen::Other);
        self.text.push_str(match value {
            Some(true) => "true",
            Some(false) => "false",
            None => "null",
        });
    }

    /// The text, if it is one object that the engine would read back.
    pub(crate) fn finish(self) -> Result<(String, Written), ClaimsError> {
        match self.fault {
            Some(fault) => Err(fault),
            None if !self.open.is_empty() || !self.text.starts_with('{') => {
                Err(malformed("is not a JSON object"))
            }
            None => Ok((self.text, self.facts)),
        }
    }

    fn open(&mut self, is_object: bool) {
        self.text.push(if is_object { '{' } else { '[' });
        self.open.push(Container { is_object, is_empty: true, last_name: 0..0 });
        if self.open.len() > MAX_DEPTH {
            self.fault.get_or_insert(malformed("is nested too deeply"));
        }
    }

    /// Before each value: the comma of an array, and what the rules say.
    #[inline]
    fn value(&mut self, seen: &Seen<'_>) {
        let depth = self.open.len();
        if let Some(array) = self.open.last_mut().filter(|container| !container.is_object) {
            if !array.is_empty {
                self.text.push(',');
            }
            array.is_empty = false;
        }
        if depth == 1 || (depth == 2 && self.claim == Claim::Audience) {
            self.registered(seen);
        } else if depth == 2 && self.is_user_id {
            self.facts.names_user = is_valid(Claim::User, seen);
            self.is_user_id = false;
        }
    }

    fn registered(&mut self, seen: &Seen<'_>) {
        match self.claim {
            Claim::User | Claim::Other => {}
            claim if !is_valid(claim, seen) => {
                self.fault.get_or_insert(ClaimsError::Invalid(claim.name()));
            }
            Claim::Expires => self.facts.expires = UnixTime::of(seen),
            Claim::Type => self.facts.kind = Kind::of(seen),
            _ => {}
        }
    }
}

impl Default for Draft {
    fn default() -> Self {
        Self::new()
    }
}

fn malformed(reason: &'static str) -> ClaimsError {
    ClaimsError::Malformed(MalformedToken::Payload(reason))
}

fn write_string(text: &mut String, value: &str) {
    text.reserve(value.len() + 2);
    text.push('"');
    if is_plain(value.as_bytes()) {
        text.push_str(value);
    } else {
        for letter in value.chars() {
            write_letter(text, letter);
        }
    }
    text.push('"');
}

/// Whether each byte stands for itself in a JSON string of ASCII. Most strings are short: eight
/// bytes are looked at as one number, and the last eight may have been seen before.
#[inline]
fn is_plain(text: &[u8]) -> bool {
    let Some(last) = text.last_chunk::<8>() else {
        return text.iter().all(|byte| matches!(byte, b' '..=b'!' | b'#'..=b'[' | b']'..=b'~'));
    };
    let (eights, _) = text.as_chunks::<8>();
    let odd = |eight: &[u8; 8]| oddities(u64::from_le_bytes(*eight));
    eights.iter().fold(odd(last), |found, eight| found | odd(eight)) == 0
}

/// A number that is not zero where one of eight bytes is a control character, a quote, a backslash
/// or beyond ASCII. The tests are those of "Bit Twiddling Hacks", on whether a word has a byte.
#[inline]
const fn oddities(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let delete = word ^ (ONES * 0x7F);
    let controls = word.wrapping_sub(ONES * 0x20);
    let zeros = quote.wrapping_sub(ONES) | backslash.wrapping_sub(ONES) | delete.wrapping_sub(ONES);
    (controls | zeros | word) & HIGH
}

fn write_integer(text: &mut String, value: i64) {
    let mut digits = [0; 20];
    let mut rest = value.unsigned_abs();
    let mut count = 0;
    for place in digits.iter_mut().rev() {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
        count += 1;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        text.push('-');
    }
    text.extend(digits.iter().skip(digits.len() - count).map(|digit| char::from(*digit)));
}

fn write_letter(text: &mut String, letter: char) {
    match letter {
        '"' => text.push_str("\\\""),
        '\\' => text.push_str("\\\\"),
        ' '..='~' => text.push(letter),
        _ => {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{is_plain, write_integer};

    #[test]
    fn a_string_is_plain_where_each_byte_is() {
        for length in 1..20 {
            for place in 0..length {
                for byte in 0..=u8::MAX {
                    let mut text = vec![b'~'; length];
                    text[place] = byte;
                    let expected = matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
                    assert_eq!(is_plain(&text), expected, "{byte} at {place} of {length}");
                }
            }
        }
        assert!(is_plain(b""));
    }

    #[test]
    fn integers_are_written_as_rust_writes_them() {
        for value in [0, 7, -1, 10, 1_800_000_000, i64::MAX, i64::MIN] {
            let mut text = String::new();
            write_integer(&mut text, value);
            assert_eq!(text, value.to_string());
        }
    }
}

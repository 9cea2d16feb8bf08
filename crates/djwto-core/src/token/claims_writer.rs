//! Writes the claims of a face that has its own objects for them.
//!
//! The JSON is ASCII without spaces, and its names are sorted, as in `jwt_access_payload`. The writer
//! notes the claims that the rules need, so they are not read again.
//!
//! ```
//! use djwto_core::token::claims_writer::{ClaimsJson, Names};
//! # use djwto_core::{Algorithm, Key, KeyRing, token::issue};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let key = Key::secret(Algorithm::Hs256, b"a secret of at least 32 bytes......")?;
//! # let keys = KeyRing::new(key);
//! let claims = Names::new(["user", "type"]).ok_or("each once")?;
//! let user = Names::new(["id"]).ok_or("each once")?;
//! let json = ClaimsJson::write(|writer| {
//!     writer.object(&claims, |writer, place| match place {
//!         0 => writer.object(&user, |writer, _| Ok(writer.integer(7))),
//!         _ => Ok::<_, std::convert::Infallible>(writer.text("refresh")),
//!     })
//! })?;
//! let token = issue::sign_claims(&keys, json)?;
//! assert_eq!(token.payload(), r#"{"type":"refresh","user":{"id":7}}"#);
//! # Ok(())
//! # }
//! ```

use std::fmt::{self, Write as _};
use std::marker::PhantomData;

use crate::compact::MalformedToken;
use crate::json::{MAX_DEPTH, Seen, write_letter};
use crate::token::claims::{Claim, ClaimsError, is_valid};
use crate::token::issue::IssuedClaims;
use crate::types::{Kind, UnixTime};

/// The JSON text of claims.
pub struct ClaimsJson {
    text: String,
    depth: usize,
    fault: Option<ClaimsError>,
    facts: IssuedClaims,
}

impl ClaimsJson {
    /// Writes claims: `claims` writes one value, which must be an object.
    ///
    /// # Errors
    ///
    /// What `claims` returns.
    pub fn write<E>(
        claims: impl FnOnce(ValueWriter<'_>) -> Result<Written<'_>, E>,
    ) -> Result<Self, E> {
        let mut json = Self {
            text: String::with_capacity(1024),
            depth: 0,
            fault: None,
            facts: IssuedClaims::default(),
        };
        let _: Written<'_> = claims(ValueWriter { json: &mut json, rule: Rule::Claims })?;
        Ok(json)
    }

    /// The text, if it is one object that the engine would read back.
    pub(crate) fn finish(self) -> Result<(String, IssuedClaims), ClaimsError> {
        match self.fault {
            Some(fault) => Err(fault),
            None if !self.text.starts_with('{') => Err(malformed("is not a JSON object")),
            None => Ok((self.text, self.facts)),
        }
    }

    fn open(&mut self, bracket: char) {
        self.text.push(bracket);
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            self.fault.get_or_insert(malformed("is nested too deeply"));
        }
    }

    fn close(&mut self, bracket: char) {
        self.text.push(bracket);
        self.depth -= 1;
    }

    fn check(&mut self, rule: Rule, seen: &Seen<'_>) {
        match rule {
            Rule::Free | Rule::Claims | Rule::Claim(Claim::User) => {}
            Rule::UserId => self.facts.names_user = is_valid(Claim::User, seen),
            Rule::Claim(claim) | Rule::Entry(claim) if !is_valid(claim, seen) => {
                self.fault.get_or_insert(ClaimsError::Invalid(claim.name()));
            }
            Rule::Claim(Claim::Expires) => self.facts.expires = UnixTime::of(seen),
            Rule::Claim(Claim::Type) => self.facts.kind = Kind::of(seen),
            Rule::Claim(_) | Rule::Entry(_) => {}
        }
    }
}

impl fmt::Debug for ClaimsJson {
    /// Never shows the claims.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimsJson").finish_non_exhaustive()
    }
}

/// Writes one value in its one place.
#[derive(Debug)]
#[must_use]
pub struct ValueWriter<'d> {
    json: &'d mut ClaimsJson,
    rule: Rule,
}

/// Proof that the writer of this lifetime has written its value. So a face can neither leave a place
/// empty nor write to it twice.
///
/// ```compile_fail
/// # use djwto_core::token::claims_writer::{ClaimsJson, Names};
/// # let Some(names) = Names::new(["a", "b"]) else { return };
/// let mut other = None;
/// let _ = ClaimsJson::write::<()>(|writer| {
///     writer.object(&names, |writer, place| match place {
///         0 => {
///             other = Some(writer.integer(1));
///             Err(())
///         }
///         _ => other.take().ok_or(()), // of another writer: its lifetime is too short
///     })
/// });
/// ```
#[derive(Debug)]
#[must_use]
pub struct Written<'d>(PhantomData<fn(&'d ()) -> &'d ()>);

/// The role of a value for the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// The object of all claims.
    Claims,
    /// The value of a claim.
    Claim(Claim),
    /// One of several values of a claim, which is `aud`.
    Entry(Claim),
    /// `user.id`
    UserId,
    Free,
}

impl<'d> ValueWriter<'d> {
    /// A string.
    #[inline]
    pub fn text(self, value: &str) -> Written<'d> {
        if self.rule != Rule::Free {
            self.json.check(self.rule, &Seen::Text(value.into()));
        }
        write_string(&mut self.json.text, value);
        Written(PhantomData)
    }

    /// A whole number of 64 bits.
    #[inline]
    pub fn integer(self, value: i64) -> Written<'d> {
        if self.rule != Rule::Free {
            self.json.check(self.rule, &Seen::Integer(value));
        }
        self.json.text.push_str(itoa::Buffer::new().format(value));
        Written(PhantomData)
    }

    /// Any other number, which must be finite.
    pub fn float(self, value: f64) -> Written<'d> {
        self.json.check(self.rule, &Seen::Float(value));
        if !value.is_finite() {
            self.json.fault.get_or_insert(malformed("has a number that is not finite"));
        }
        // This form keeps a point or an exponent, so that it is read back as what it was. Writing
        // to a string cannot fail.
        let _ = write!(self.json.text, "{value:?}");
        Written(PhantomData)
    }

    /// `true`, `false` or `null`.
    pub fn literal(self, value: Option<bool>) -> Written<'d> {
        self.json.check(self.rule, &Seen::Other);
        self.json.text.push_str(match value {
            Some(true) => "true",
            Some(false) => "false",
            None => "null",
        });
        Written(PhantomData)
    }

    /// An object. `value` writes the value of each name, and is told its place in the list from
    /// which `names` were made.
    ///
    /// # Errors
    ///
    /// What `value` returns.
    pub fn object<E>(
        self,
        names: &Names,
        mut value: impl FnMut(ValueWriter<'_>, usize) -> Result<Written<'_>, E>,
    ) -> Result<Written<'d>, E> {
        let Self { json, rule } = self;
        json.check(rule, &Seen::Other);
        json.open('{');
        let mut start = 1; // the first name needs no comma
        for name in &names.all {
            json.text.push_str(names.text.get(start..name.end).unwrap_or_default());
            start = name.end;
            let rule = match rule {
                Rule::Claims => Rule::Claim(name.claim),
                Rule::Claim(Claim::User) if name.is_id => Rule::UserId,
                _ => Rule::Free,
            };
            let _: Written<'_> = value(ValueWriter { json, rule }, name.place)?;
        }
        json.close('}');
        Ok(Written(PhantomData))
    }

    /// An array, of which `item` writes each.
    ///
    /// # Errors
    ///
    /// What `item` returns.
    pub fn array<I, E>(
        self,
        items: impl IntoIterator<Item = I>,
        mut item: impl FnMut(ValueWriter<'_>, I) -> Result<Written<'_>, E>,
    ) -> Result<Written<'d>, E> {
        let Self { json, rule } = self;
        let rule = if rule == Rule::Claim(Claim::Audience) {
            Rule::Entry(Claim::Audience)
        } else {
            json.check(rule, &Seen::Other);
            Rule::Free
        };
        json.open('[');
        for (place, value) in items.into_iter().enumerate() {
            if place > 0 {
                json.text.push(',');
            }
            let _: Written<'_> = item(ValueWriter { json, rule }, value)?;
        }
        json.close(']');
        Ok(Written(PhantomData))
    }
}

/// The names of an object, as they will be written: sorted, and each once.
#[derive(Debug)]
pub struct Names {
    /// `,"…":` for each.
    text: String,
    all: Box<[Name]>,
}

#[derive(Debug)]
struct Name {
    /// Where it ends in the text.
    end: usize,
    /// Where it was in the list.
    place: usize,
    claim: Claim,
    is_id: bool,
}

impl Names {
    /// Names in any order; `None` where two are equal.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Option<Self> {
        let mut sorted: Vec<_> = names.into_iter().enumerate().collect();
        sorted.sort_unstable_by_key(|(_, name)| *name);
        if sorted.windows(2).any(|pair| matches!(pair, [(_, one), (_, other)] if one == other)) {
            return None;
        }
        let mut text = String::new();
        let all = sorted.into_iter().map(|(place, name)| {
            text.push(',');
            write_string(&mut text, name);
            text.push(':');
            Name { end: text.len(), place, claim: Claim::named(name), is_id: name == "id" }
        });
        Some(Self { all: all.collect(), text })
    }

    /// How many bytes of JSON they are.
    pub fn bytes(&self) -> usize {
        self.text.len()
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

/// Whether each byte stands for itself in a JSON string of ASCII. The last block may overlap the
/// one before.
#[inline]
fn is_plain(text: &[u8]) -> bool {
    match text.last_chunk::<16>() {
        Some(last) => text.as_chunks().0.iter().chain([last]).all(is_plain_block),
        None => match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
            (Some(first), Some(last)) => is_plain_block(first) && is_plain_block(last),
            _ => text.iter().all(|byte| oddity(*byte) == 0),
        },
    }
}

/// All bytes at once: the compiler makes a few instructions of this.
#[inline]
fn is_plain_block<const N: usize>(block: &[u8; N]) -> bool {
    block.iter().fold(0, |found, byte| found | oddity(*byte)) == 0
}

#[inline]
fn oddity(byte: u8) -> u8 {
    u8::from(byte < b' ') | u8::from(byte > b'~') | u8::from(byte == b'"') | u8::from(byte == b'\\')
}

#[cfg(test)]
mod tests {
    use super::is_plain;

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
}

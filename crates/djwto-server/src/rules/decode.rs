//! Percent-decoding, with all that is refused on the way.

use std::borrow::Cow;

use super::steps::{Step, Steps};
use super::{PathError, text};

/// A path before any step of [`super::text`].
pub(super) struct Base<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) steps: Steps,
}

/// What a path has in it.
#[derive(Default)]
pub(super) struct Marks {
    /// It needs decoding: a `%`, or a letter that is not ASCII.
    pub(super) coded: bool,
    /// It has a letter that a step of [`super::text`] may change, apart from case.
    pub(super) stepped: bool,
}

/// Looks at each byte once; the path has no query.
pub(super) fn mark(path: &[u8]) -> Result<Marks, PathError> {
    let mut marks = Marks::default();
    if path.first() != Some(&b'/') {
        return Err(PathError::NotAbsolute);
    }
    let mut before = 0;
    for &byte in path {
        match byte {
            0..0x20 | 0x7f => return Err(PathError::Control),
            b'\\' => return Err(PathError::Backslash),
            b' ' | b'#' => return Err(PathError::Raw),
            b'%' | 0x80.. => marks.coded = true,
            b';' => marks.stepped = true,
            b'/' | b'.' if before == b'/' => marks.stepped = true,
            _ => {}
        }
        before = byte;
    }
    marks.stepped |= before == b'/' && path.len() > 1;
    Ok(marks)
}

/// Every decoding of a path that has passed [`mark`]; the first is the raw one.
pub(super) fn bases(path: &[u8]) -> Result<Vec<Base<'static>>, PathError> {
    let [raw, kept, separated] = decode(path)?;
    let mut bases = Vec::with_capacity(3);
    let mut add = |text: String, steps: Steps| {
        if !bases.iter().any(|base: &Base<'_>| base.text == text) {
            bases.push(Base { text: Cow::Owned(text), steps });
        }
    };
    let sent = Steps::default();
    let (once, slash) = (sent.with(Step::Decode), sent.with(Step::DecodeSlash));
    let mut again = Vec::new();
    if escapes(&separated) > 0 {
        again.push((twice(&kept, true)?, once.with(Step::DecodeTwice), true));
        again.push((twice(&separated, false)?, slash.with(Step::DecodeTwice), false));
    }
    let all = [(raw, sent, true), (kept, once, true), (separated, slash, false)];
    for (text, steps, has_escapes) in all.into_iter().chain(again) {
        let plain = if text.is_ascii() { None } else { Some(plain(&text, has_escapes)?) };
        add(text, steps);
        if let Some(plain) = plain {
            add(plain, steps.with(Step::Plain));
        }
    }
    Ok(bases)
}

/// Raw, decoded with `%2F` as it is, and decoded with `%2F` as a slash.
///
/// The raw path keeps the escapes that a URL could do without. The others are how a URL writes a
/// letter, so they are that letter: `%C3%BC` is `ü`. An escape that stays has upper-case digits.
fn decode(path: &[u8]) -> Result<[String; 3], PathError> {
    let mut raw = Vec::with_capacity(path.len());
    let (mut kept, mut separated) = (raw.clone(), raw.clone());
    let mut bytes = path.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            raw.push(byte);
            kept.push(byte);
            separated.push(byte);
            continue;
        }
        let (high, low) = (bytes.next(), bytes.next());
        let decoded = high.zip(low).and_then(|(high, low)| hex(high, low));
        let decoded = decoded.ok_or(PathError::BrokenEscape)?;
        let escape = [Some(b'%'), high, low].into_iter().flatten();
        let escape = escape.map(|byte| byte.to_ascii_uppercase());
        match decoded {
            0..0x20 | 0x7f => return Err(PathError::Control),
            b'\\' => return Err(PathError::Backslash),
            b'/' => {
                raw.extend(escape);
                kept.extend(b"%2F");
                separated.push(b'/');
                continue;
            }
            0x80.. | b' ' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}' | b'[' | b']' => {
                raw.push(decoded);
            }
            _ => raw.extend(escape),
        }
        kept.push(decoded);
        separated.push(decoded);
    }
    let text = |bytes| String::from_utf8(bytes).map_err(|_| PathError::NotUtf8);
    let texts = [text(raw)?, text(kept)?, text(separated)?];
    // The control characters beyond ASCII.
    if texts.iter().any(|text| text.contains(char::is_control)) {
        return Err(PathError::Control);
    }
    Ok(texts)
}

/// Decodes what is still an escape, apart from `%2F` where the first decoding kept it.
///
/// An escape of a dot, a slash or a backslash was escaped twice to hide it. A percent sign was not: the file
/// `100%25.txt` has the path `/100%2525.txt`. A path that a third decoding would change is refused.
fn twice(text: &str, is_kept: bool) -> Result<String, PathError> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'%', [b'2', b'F', ..]) if is_kept => decoded.push(byte),
            (b'%', &[high, low, ref after @ ..]) => match hex(high, low) {
                None => decoded.push(byte),
                Some(0..0x20 | 0x7f | b'.' | b'/' | b'\\') => {
                    return Err(PathError::DoubledEscape);
                }
                Some(hidden) => {
                    decoded.push(hidden);
                    rest = after;
                }
            },
            _ => decoded.push(byte),
        }
    }
    let decoded = String::from_utf8(decoded).map_err(|_| PathError::DoubledEscape)?;
    let left = if is_kept { escapes(&decoded.replace("%2F", "/")) } else { escapes(&decoded) };
    if left > 0 || decoded.contains(char::is_control) {
        Err(PathError::DoubledEscape)
    } else {
        Ok(decoded)
    }
}

/// The compatibility form. It may bring dots and slashes, which are read like any; a new escape or a
/// backslash is refused.
fn plain(text: &str, has_escapes: bool) -> Result<String, PathError> {
    let plain = text::plain(text);
    if plain.contains('\\') {
        return Err(PathError::Backslash);
    }
    // Where escapes were left as they are, the decoded text is the one to ask.
    if !has_escapes && escapes(&plain) > escapes(text) {
        return Err(PathError::DoubledEscape);
    }
    Ok(plain)
}

/// How many escapes there are; `%u002e` is one too, for those that know it from JavaScript's `escape`.
fn escapes(text: &str) -> usize {
    let text = text.as_bytes();
    let starts = (0..text.len()).filter_map(|at| text.get(at..)?.strip_prefix(b"%"));
    let is_escape = |rest: &&[u8]| match *rest {
        [b'u' | b'U', digits @ ..] => {
            digits.get(..4).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        }
        [high, low, ..] => hex(*high, *low).is_some(),
        _ => false,
    };
    starts.filter(is_escape).count()
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

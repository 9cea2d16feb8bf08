//! Texts that cannot be a secret: keys of a pair in any spelling, which others may know.
//!
//! Anyone who knows the secret of an HMAC can make tokens. A public key as that secret is the attack
//! called algorithm confusion (CVE-2022-29217, CVE-2024-33663). So every text that looks like a key of a
//! pair, public or private, is refused.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use memchr::memmem::find;
use x509_cert::der::Decode as _;
use x509_cert::spki::SubjectPublicKeyInfoRef;
use zeroize::Zeroizing;

use super::foreign::{SSH, is_utf16};
use crate::algorithm::{Algorithm, Family, ecdsa};
use crate::json;

/// Whether a text is, or tries to be, a key of a pair.
pub(super) fn looks_like_key(secret: &[u8]) -> bool {
    looks(secret, LAYERS)
}

/// How many encodings are taken off, such as base64 of a PEM text in UTF-16.
const LAYERS: u8 = 3;

fn looks(text: &[u8], layers: u8) -> bool {
    if is_marked(text) || is_json_key(text) || is_binary_key(text) || words(text).any(is_ssh) {
        return true;
    }
    let Some(layers) = layers.checked_sub(1) else { return false };
    let inner = |bytes: Zeroizing<Vec<u8>>| looks(&bytes, layers);
    if let Some(rest) = text.strip_prefix(BOM) {
        return looks(rest, layers);
    }
    if is_utf16(text) {
        let plain = text.iter().copied().filter(|byte| !matches!(byte, 0 | 0xfe | 0xff)).collect();
        return inner(Zeroizing::new(plain));
    }
    let dense: Zeroizing<Vec<u8>> =
        Zeroizing::new(text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect());
    unhex(&dense).is_some_and(inner)
        || unbase64(&dense).is_some_and(inner)
        || words(text).filter_map(unbase64).any(|bytes| is_binary_key(&bytes) || is_marked(&bytes))
}

const BOM: &[u8] = &[0xef, 0xbb, 0xbf];

/// Whether words stand in it that only keys have.
fn is_marked(text: &[u8]) -> bool {
    const MARKS: &[&[u8]] = &[
        b"-----BEGIN",
        b"---- BEGIN",
        b"PuTTY-User-Key-File",
        b"<RSAKeyValue>",
        b"X509Certificate>",
        b"Public-Key: (",
        b"Modulus=",
        b"\"kty\"",
    ];
    MARKS.iter().any(|mark| find(text, mark).is_some())
}

/// Whether it is a JWK, a JWK Set, a list of JWKs, or either as a text in quotes.
fn is_json_key(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    let whole = [b"{\"keys\":[", text, b"]}"].concat();
    let is_key = |jwk: &serde_json::Map<String, serde_json::Value>| {
        ["kty", "keys", "x5c"].iter().any(|name| jwk.contains_key(*name))
    };
    match text.first() {
        Some(b'{') => json::parse_object(text).is_ok_and(|jwk| is_key(&jwk)),
        Some(b'[') => json::parse_object(&whole).is_ok_and(|list| {
            list.get("keys")
                .and_then(|outer| outer.pointer("/0/0")?.as_object())
                .is_some_and(is_key)
        }),
        _ => false,
    }
}

/// Whether a word is the name of a kind of SSH key, or such a key in base64.
fn is_ssh(word: &[u8]) -> bool {
    // The name begins the line, or follows its options, and a blank of any kind ends it.
    let is_name = SSH.iter().any(|name| word.starts_with(name)) && word.len() < 64;
    is_name || unbase64(word).is_some_and(|bytes| is_ssh_blob(&bytes))
}

/// A length of four bytes, and a name of that length (RFC 4253 §6.6).
fn is_ssh_blob(bytes: &[u8]) -> bool {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return false };
    let Ok(length) = usize::try_from(u32::from_be_bytes(*length)) else { return false };
    rest.get(..length).is_some_and(|name| SSH.iter().any(|known| name.starts_with(known)))
}

/// Whether the bytes are a key in DER, as SSH sends it, or a point of a curve.
fn is_binary_key(bytes: &[u8]) -> bool {
    is_ssh_blob(bytes) || is_point(bytes) || whole_sequence(bytes).is_some_and(is_key_der)
}

fn is_key_der(der: &[u8]) -> bool {
    // rsaEncryption and its kin, ecPublicKey, DSA, and the curves of RFC 8410, as DER has them.
    const KINDS: &[&[u8]] = &[
        &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01],
        &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01],
        &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01],
        &[0x06, 0x03, 0x2b, 0x65, 0x6e],
        &[0x06, 0x03, 0x2b, 0x65, 0x6f],
        &[0x06, 0x03, 0x2b, 0x65, 0x70],
        &[0x06, 0x03, 0x2b, 0x65, 0x71],
    ];
    // RFC 5915 §3: version 1, then the scalar.
    const SEC1: &[u8] = &[0x02, 0x01, 0x01, 0x04];
    KINDS.iter().any(|kind| find(der, kind).is_some())
        || SubjectPublicKeyInfoRef::from_der(der).is_ok()
        || pkcs1::RsaPublicKeyRef::from_der(der).is_ok()
        || pkcs1::RsaPrivateKeyRef::from_der(der).is_ok()
        || pkcs8::PrivateKeyInfoRef::from_der(der).is_ok()
        || [2, 3].iter().any(|at| der.get(*at..at + 4) == Some(SEC1))
}

/// The DER SEQUENCE that the bytes are, with no more than line ends after it.
fn whole_sequence(bytes: &[u8]) -> Option<&[u8]> {
    let (&[0x30, first], rest) = bytes.split_first_chunk::<2>()? else { return None };
    let size = usize::from(first & 0x7f);
    let (header, length) = if first < 0x80 {
        (2, size)
    } else {
        let digits = rest.get(..size).filter(|digits| digits.len() <= 4)?;
        (2 + size, digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)))
    };
    let (der, after) = bytes.split_at_checked(header.checked_add(length)?)?;
    after.iter().all(u8::is_ascii_whitespace).then_some(der)
}

/// An uncompressed point (SEC 1 §2.3.3). A random text does not lie on a curve.
fn is_point(bytes: &[u8]) -> bool {
    let curves = Algorithm::ALL.iter().filter(|algorithm| algorithm.family() == Family::Ecdsa);
    let mut fitting = curves.filter(|one| bytes.len() == 1 + 2 * ecdsa::coordinate_bytes(**one));
    bytes.first() == Some(&4) && fitting.any(|one| ecdsa::public(*one, bytes).is_some())
}

/// The parts between blanks, quotes, commas and the like.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=_-@.".contains(byte);
    let words = text.split(move |byte| !is_inside(byte)).filter(|word| !word.is_empty());
    // What stands behind a name, as in `p=MII…`, is a word too.
    words.flat_map(|word| {
        let value = memchr::memchr(b'=', word).and_then(|at| word.get(at + 1..));
        [Some(word), value].into_iter().flatten()
    })
}

/// Decodes base64 of either alphabet, padded or not.
fn unbase64(word: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    if word.len() < 16 {
        return None;
    }
    [STANDARD, URL_SAFE]
        .iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, LENIENT).decode(word).ok())
        .map(Zeroizing::new)
}

/// Decodes hexadecimal digits, which may have colons between them.
fn unhex(word: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let digits: Zeroizing<Vec<u8>> =
        Zeroizing::new(word.iter().copied().filter(|byte| *byte != b':').collect());
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|one| u8::try_from(one).ok());
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    pairs.collect::<Option<Vec<_>>>().map(Zeroizing::new).filter(|bytes| !bytes.is_empty())
}

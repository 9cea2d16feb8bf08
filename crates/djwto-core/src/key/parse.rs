//! Keys as PEM or DER: PKCS#8, PKCS#1, SEC1, SPKI and X.509 certificates.

use aws_lc_rs::signature::ParsedPublicKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::spki::SubjectPublicKeyInfoRef;
use zeroize::Zeroizing;

use super::{KeyError, SigningKey};
use crate::algorithm::{Algorithm, Family, ecdsa, eddsa, rsa};
use crate::json;

/// Whether a text is, or tries to be, a key that others may know, and so cannot be meant as a
/// shared secret (algorithm confusion, CVE-2022-29217, CVE-2024-33663).
pub(super) fn looks_like_key(secret: &[u8]) -> bool {
    const MARKS: &[&[u8]] =
        &[b"-----BEGIN", b"---- BEGIN", b"ssh-rsa ", b"ssh-ed25519 ", b"ssh-dss ", b"ecdsa-sha2-"];
    let dense: Vec<_> = secret.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    MARKS.iter().any(|mark| secret.windows(mark.len()).any(|window| window == *mark))
        || is_public_der(secret)
        || is_private_der(secret)
        || STANDARD.decode(dense).is_ok_and(|der| is_public_der(&der))
        || json::parse_object(secret)
            .is_ok_and(|jwk| ["kty", "keys"].iter().any(|name| jwk.contains_key(*name)))
}

fn is_public_der(der: &[u8]) -> bool {
    SubjectPublicKeyInfoRef::from_der(der).is_ok()
        || pkcs1::RsaPublicKeyRef::from_der(der).is_ok()
        || x509_cert::Certificate::from_der(der).is_ok()
}

fn is_private_der(der: &[u8]) -> bool {
    // RFC 5915 §3: version 1, then the scalar.
    const SEC1: &[u8] = &[0x02, 0x01, 0x01, 0x04];
    pkcs8::PrivateKeyInfoRef::from_der(der).is_ok()
        || pkcs1::RsaPrivateKeyRef::from_der(der).is_ok()
        || (der.first() == Some(&0x30)
            && [2, 3].iter().any(|at| der.get(*at..at + 4) == Some(SEC1)))
}

pub(super) fn private(algorithm: Algorithm, text: &[u8]) -> Result<SigningKey, KeyError> {
    let block = Block::read(text, false)?;
    let der = &block.der;
    let attempts: &[Format] = match block.format {
        Some(Format::Spki | Format::Pkcs1Public | Format::Certificate) => {
            return Err(KeyError::PublicAsPrivate);
        }
        Some(format) => &[format],
        None => &[Format::Pkcs8, Format::Pkcs1, Format::Sec1],
    };
    attempts
        .iter()
        .find_map(|format| match (algorithm.family(), format) {
            (Family::Rsa, Format::Pkcs8) => {
                rsa::Private::from_pkcs8(algorithm, der).map(SigningKey::Rsa)
            }
            (Family::Rsa, Format::Pkcs1) => {
                rsa::Private::from_pkcs1(algorithm, der).map(SigningKey::Rsa)
            }
            (Family::Ecdsa, Format::Pkcs8) => {
                ecdsa::Private::from_pkcs8(algorithm, der).map(SigningKey::Ecdsa)
            }
            (Family::Ecdsa, Format::Sec1) => {
                ecdsa::Private::from_sec1(algorithm, der).map(SigningKey::Ecdsa)
            }
            (Family::Eddsa, Format::Pkcs8) => {
                eddsa::Private::from_pkcs8(der).map(SigningKey::Eddsa)
            }
            _ => None,
        })
        .ok_or(KeyError::Rejected { algorithm, public: false })
}

pub(super) fn public(algorithm: Algorithm, text: &[u8]) -> Result<ParsedPublicKey, KeyError> {
    let block = Block::read(text, true)?;
    let spki = match block.format {
        Some(Format::Pkcs8 | Format::Pkcs1 | Format::Sec1) => {
            return Err(KeyError::PrivateAsPublic);
        }
        Some(Format::Pkcs1Public) => rsa::spki(&block.der),
        Some(Format::Certificate) => certified(&block.der),
        Some(Format::Spki) => exact(&block.der),
        // Each of the three has its own shape: at most one of them reads.
        None => certified(&block.der)
            .or_else(|| rsa::spki(&block.der).filter(|_| algorithm.family() == Family::Rsa))
            .or_else(|| exact(&block.der)),
    };
    spki.and_then(|spki| public_bytes(algorithm, &spki))
        .ok_or(KeyError::Rejected { algorithm, public: true })
}

/// A `SubjectPublicKeyInfo`; for curves also the point alone.
pub(super) fn public_bytes(algorithm: Algorithm, key: &[u8]) -> Option<ParsedPublicKey> {
    match algorithm.family() {
        Family::Hmac => None,
        Family::Rsa => rsa::public(algorithm, key),
        Family::Ecdsa => ecdsa::public(algorithm, key),
        Family::Eddsa => eddsa::public(key),
    }
}

/// A `SubjectPublicKeyInfo` with nothing after its end.
fn exact(der: &[u8]) -> Option<Vec<u8>> {
    SubjectPublicKeyInfoRef::from_der(der).ok()?;
    Some(der.to_vec())
}

/// The `SubjectPublicKeyInfo` inside a certificate (RFC 5280 §4.1.2.7).
fn certified(der: &[u8]) -> Option<Vec<u8>> {
    let certificate = x509_cert::Certificate::from_der(der).ok()?;
    certificate.tbs_certificate().subject_public_key_info().to_der().ok()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Pkcs8,
    Pkcs1,
    Sec1,
    Spki,
    Pkcs1Public,
    Certificate,
}

/// The bytes of one key, and what its label says they are; DER has no label.
struct Block {
    format: Option<Format>,
    der: Zeroizing<Vec<u8>>,
}

impl Block {
    /// The first block that holds a key; `EC PARAMETERS` and the like are passed over.
    fn read(text: &[u8], public: bool) -> Result<Self, KeyError> {
        // A DER key is a SEQUENCE, whose tag is the letter '0'.
        if text.first() == Some(&0x30) && memchr::memmem::find(text, b"-----BEGIN").is_none() {
            return Ok(Self { format: None, der: Zeroizing::new(text.to_vec()) });
        }
        let blocks = pem::parse_many(text).map_err(|_| KeyError::NotAKey { public })?;
        // Wiped when dropped, those that are passed over included.
        let blocks: Vec<_> = blocks
            .into_iter()
            .map(|block| {
                let tag = block.tag().to_owned();
                let is_encrypted = block.headers().get("DEK-Info").is_some();
                (tag, is_encrypted, Zeroizing::new(block.into_contents()))
            })
            .collect();
        for (tag, is_encrypted, der) in blocks {
            let format = match tag.as_str() {
                "PRIVATE KEY" => Format::Pkcs8,
                "RSA PRIVATE KEY" => Format::Pkcs1,
                "EC PRIVATE KEY" => Format::Sec1,
                "PUBLIC KEY" => Format::Spki,
                "RSA PUBLIC KEY" => Format::Pkcs1Public,
                "CERTIFICATE" => Format::Certificate,
                "ENCRYPTED PRIVATE KEY" => return Err(KeyError::Encrypted { public }),
                _ => continue,
            };
            if is_encrypted {
                return Err(KeyError::Encrypted { public });
            }
            return Ok(Self { format: Some(format), der });
        }
        Err(KeyError::NotAKey { public })
    }
}

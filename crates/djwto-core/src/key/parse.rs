//! Keys as PEM or DER: PKCS#8, PKCS#1, SEC1, SPKI and X.509 certificates.

use aws_lc_rs::signature::ParsedPublicKey;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::spki::SubjectPublicKeyInfoRef;
use zeroize::Zeroizing;

use super::foreign::{self, Foreign};
use super::{KeyError, SigningKey, kind};
use crate::algorithm::{Algorithm, Family, ecdsa, eddsa, rsa};

pub(super) fn private(algorithm: Algorithm, text: &[u8]) -> Result<SigningKey, KeyError> {
    let block = Block::read(text, false)?;
    let der = &block.der;
    let attempts: &[Format] = match block.format {
        Some(Format::Spki | Format::Pkcs1Public | Format::Certificate) => {
            return Err(KeyError::PublicAsPrivate);
        }
        Some(format) => &[format],
        None if is_public(der) => return Err(KeyError::PublicAsPrivate),
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
        .ok_or_else(|| kind::rejected(algorithm, block.format, der, false))
}

pub(super) fn public(algorithm: Algorithm, text: &[u8]) -> Result<ParsedPublicKey, KeyError> {
    let block = Block::read(text, true)?;
    let spki = match block.format {
        Some(Format::Pkcs8 | Format::Pkcs1 | Format::Sec1 | Format::Encrypted) => {
            return Err(KeyError::PrivateAsPublic);
        }
        Some(Format::Pkcs1Public) => rsa::spki(&block.der),
        Some(Format::Certificate) => certified(&block.der),
        Some(Format::Spki) => exact(&block.der),
        None if is_private(&block.der) => return Err(KeyError::PrivateAsPublic),
        // Each of the three has its own shape: at most one of them reads.
        None => certified(&block.der)
            .or_else(|| rsa::spki(&block.der).filter(|_| algorithm.family() == Family::Rsa))
            .or_else(|| exact(&block.der)),
    };
    // The library reads some types of RSA keys that it cannot write again.
    spki.filter(|_| kind::serves(algorithm, block.format, &block.der))
        .and_then(|spki| public_bytes(algorithm, &spki))
        .ok_or_else(|| kind::rejected(algorithm, block.format, &block.der, true))
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

fn is_public(der: &[u8]) -> bool {
    SubjectPublicKeyInfoRef::from_der(der).is_ok()
        || pkcs1::RsaPublicKeyRef::from_der(der).is_ok()
        || certified(der).is_some()
}

fn is_private(der: &[u8]) -> bool {
    pkcs8::PrivateKeyInfoRef::from_der(der).is_ok()
        || pkcs1::RsaPrivateKeyRef::from_der(der).is_ok()
}

/// The `SubjectPublicKeyInfo` inside a certificate (RFC 5280 §4.1.2.7).
pub(super) fn certified(der: &[u8]) -> Option<Vec<u8>> {
    let certificate = x509_cert::Certificate::from_der(der).ok()?;
    certificate.tbs_certificate().subject_public_key_info().to_der().ok()
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Pkcs8,
    Pkcs1,
    Sec1,
    Spki,
    Pkcs1Public,
    Certificate,
    Encrypted,
}

/// The bytes of one key, and what its label says they are; DER has no label.
struct Block {
    format: Option<Format>,
    der: Zeroizing<Vec<u8>>,
}

impl Block {
    /// The block with the key that is wanted, private or public, or else the first with a key.
    ///
    /// Certificates, `EC PARAMETERS` and the like may stand before and after a private key, as
    /// `openssl pkcs12` writes them. Of several certificates the first is the key's own.
    fn read(text: &[u8], public: bool) -> Result<Self, KeyError> {
        let has_pem = memchr::memmem::find(text, b"-----BEGIN").is_some();
        // A DER key is a SEQUENCE, whose tag is the letter '0'.
        if let (Some(0x30), false) = (text.first(), has_pem) {
            return match Foreign::of(text) {
                Some(found @ Foreign::Pkcs12) => Err(KeyError::Foreign { found, public }),
                _ if is_encrypted_pkcs8(text) => Err(KeyError::Encrypted { public }),
                _ => Ok(Self { format: None, der: Zeroizing::new(text.to_vec()) }),
            };
        }
        let no_key = || match Foreign::of(text) {
            Some(found) => KeyError::Foreign { found, public },
            None => KeyError::NotAKey { public },
        };
        if foreign::is_utf16(text) {
            return Err(no_key());
        }
        // Line ends of the Macs of old are line ends to no parser.
        let unix = Zeroizing::new(if text.contains(&b'\n') {
            text.to_vec()
        } else {
            text.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }).collect()
        });
        let blocks = pem::parse_many(&*unix).map_err(|_| no_key())?;
        // Wiped when dropped, those that are passed over included.
        let blocks: Vec<_> = blocks
            .into_iter()
            .map(|block| {
                let is_encrypted = block.headers().get("DEK-Info").is_some();
                let format = Format::of_label(block.tag());
                (format, is_encrypted, Zeroizing::new(block.into_contents()))
            })
            .collect();
        let keys = || blocks.iter().filter(|(format, ..)| format.is_some());
        let wanted = |format: Option<Format>| format.is_some_and(|one| one.is_public() == public);
        let mut fitting = keys().filter(|(format, ..)| wanted(*format));
        let first = fitting.next();
        let is_certificate = |format: Option<Format>| format == Some(Format::Certificate);
        if let Some((_, _, der)) = first
            && fitting.any(|(format, _, other)| !is_certificate(*format) && other != der)
        {
            return Err(KeyError::Several { public });
        }
        let (format, is_encrypted, der) = match first {
            Some(block) => block,
            // The key that is wanted may be what is cut off.
            None if memchr::memmem::find_iter(text, b"-----BEGIN ").count() != blocks.len() => {
                return Err(no_key());
            }
            None => keys().next().ok_or_else(no_key)?,
        };
        if *is_encrypted || *format == Some(Format::Encrypted) {
            return Err(KeyError::Encrypted { public });
        }
        Ok(Self { format: *format, der: Zeroizing::new(der.to_vec()) })
    }
}

impl Format {
    fn of_label(label: &str) -> Option<Self> {
        Some(match label {
            "PRIVATE KEY" => Self::Pkcs8,
            "RSA PRIVATE KEY" => Self::Pkcs1,
            "EC PRIVATE KEY" => Self::Sec1,
            "PUBLIC KEY" => Self::Spki,
            "RSA PUBLIC KEY" => Self::Pkcs1Public,
            "CERTIFICATE" | "X509 CERTIFICATE" => Self::Certificate,
            "ENCRYPTED PRIVATE KEY" => Self::Encrypted,
            _ => return None,
        })
    }

    const fn is_public(self) -> bool {
        matches!(self, Self::Spki | Self::Pkcs1Public | Self::Certificate)
    }
}

/// SEQUENCE { SEQUENCE { an OID of PKCS#5 or PKCS#12, … }, … } (RFC 5208 §6).
fn is_encrypted_pkcs8(der: &[u8]) -> bool {
    const PKCS5: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05];
    const PKCS12: &[u8] = &[0x06, 0x0a, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c];
    let start = der.get(..der.len().min(24)).unwrap_or_default();
    [PKCS5, PKCS12].iter().any(|oid| memchr::memmem::find(start, oid).is_some())
}

//! The kind of key in a DER, so that a refusal can name it.

use std::fmt;

use x509_cert::der::Decode as _;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use super::KeyError;
use super::parse::{Format, certified};
use crate::algorithm::{Algorithm, Family, eddsa, rsa};

/// The kind of a key, as far as a refusal has to tell it from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyKind {
    /// RSA, for any padding.
    Rsa,
    /// RSA of the type `id-RSASSA-PSS` (RFC 4055 §1.2), which names its padding.
    RsaPss,
    /// DSA.
    Dsa,
    /// Diffie-Hellman.
    Dh,
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
    /// secp256k1.
    Secp256k1,
    /// Another elliptic curve.
    OtherCurve,
    /// A curve that is given as numbers instead of a name (RFC 5480 §2.1.1 forbids it).
    ExplicitCurve,
    /// Ed25519.
    Ed25519,
    /// Ed448.
    Ed448,
    /// X25519 or X448, which agree on keys and do not sign.
    Agreement,
    /// A kind that has no name here.
    Other,
}

impl KeyKind {
    /// The kind of the key in a DER; `None` where it cannot be told.
    pub(super) fn of(format: Option<Format>, der: &[u8]) -> Option<Self> {
        match format {
            Some(Format::Pkcs1 | Format::Pkcs1Public) => Some(Self::Rsa),
            Some(Format::Sec1) => Self::of_sec1(der),
            Some(Format::Pkcs8) => Self::of_pkcs8(der),
            Some(Format::Spki) => Self::of_spki(der),
            Some(Format::Certificate) => Self::of_spki(&certified(der)?),
            Some(Format::Encrypted) => None,
            None => Self::of_pkcs8(der)
                .or_else(|| Self::of_spki(der))
                .or_else(|| Self::of_spki(&certified(der)?))
                .or_else(|| numbers(None, der).map(|_| Self::Rsa))
                .or_else(|| Self::of_sec1(der)),
        }
    }

    /// Whether keys of this kind are for the algorithm.
    fn serves(self, algorithm: Algorithm) -> bool {
        match algorithm {
            Algorithm::Es256 => self == Self::P256,
            Algorithm::Es384 => self == Self::P384,
            Algorithm::Es512 => self == Self::P521,
            Algorithm::Es256K => self == Self::Secp256k1,
            _ => match algorithm.family() {
                Family::Rsa => self == Self::Rsa,
                Family::Eddsa => self == Self::Ed25519,
                Family::Hmac | Family::Ecdsa => false,
            },
        }
    }

    fn of_pkcs8(der: &[u8]) -> Option<Self> {
        pkcs8::PrivateKeyInfoRef::from_der(der).ok().map(|info| Self::named(&info.algorithm))
    }

    fn of_spki(der: &[u8]) -> Option<Self> {
        SubjectPublicKeyInfoRef::from_der(der).ok().map(|spki| Self::named(&spki.algorithm))
    }

    fn named(algorithm: &AlgorithmIdentifierRef<'_>) -> Self {
        if algorithm.oid != oid(EC) {
            let known = KINDS.iter().find(|(text, _)| algorithm.oid == oid(text));
            return known.map_or(Self::Other, |(_, kind)| *kind);
        }
        let Ok(curve) = algorithm.parameters_oid() else { return Self::ExplicitCurve };
        let known = CURVES.iter().find(|(text, _)| curve == oid(text));
        known.map_or(Self::OtherCurve, |(_, kind)| *kind)
    }

    /// The curve that stands in the parameters, where there are any (RFC 5915 §3).
    fn of_sec1(der: &[u8]) -> Option<Self> {
        let has = |text| memchr::memmem::find(der, oid(text).as_bytes()).is_some();
        if has(PRIME_FIELD) {
            return Some(Self::ExplicitCurve);
        }
        CURVES.iter().find(|(text, _)| has(text)).map(|(_, kind)| *kind)
    }

    /// What to do with a key of this kind, if anything.
    const fn mend(self, public: bool) -> &'static str {
        match (self, public) {
            (Self::RsaPss, false) => {
                ". `openssl rsa -in FILE -traditional | sed s/RSA-PSS/RSA/ > signing.pem` makes it \
                 an RSA key of the usual type"
            }
            (Self::RsaPss, true) => {
                ". `openssl rsa -pubin -in FILE -RSAPublicKey_out | sed s/RSA-PSS/RSA/ > \
                 public.pem` makes it an RSA key of the usual type"
            }
            (Self::ExplicitCurve, false) => {
                ". `openssl ec -in FILE -param_enc named_curve -out signing.pem` names the curve"
            }
            (Self::ExplicitCurve, true) => {
                ". `openssl ec -pubin -in FILE -param_enc named_curve -out public.pem` names the \
                 curve"
            }
            _ => "",
        }
    }

    /// The words "found …" of a refusal, with what to do.
    pub(super) fn found(self, public: bool) -> impl fmt::Display {
        struct Found(KeyKind, bool);
        impl fmt::Display for Found {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "found {}{}", self.0, self.0.mend(self.1))
            }
        }
        Found(self, public)
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa => "an RSA key",
            Self::RsaPss => "an RSA key of the type RSASSA-PSS",
            Self::Dsa => "a DSA key",
            Self::Dh => "a Diffie-Hellman key",
            Self::P256 => "a P-256 key",
            Self::P384 => "a P-384 key",
            Self::P521 => "a P-521 key",
            Self::Secp256k1 => "a secp256k1 key",
            Self::OtherCurve => "a key of another elliptic curve",
            Self::ExplicitCurve => "an EC key whose curve is written out in numbers",
            Self::Ed25519 => "an Ed25519 key",
            Self::Ed448 => "an Ed448 key",
            Self::Agreement => "an X25519 or X448 key, which does not sign",
            Self::Other => "a key of an unknown kind",
        })
    }
}

/// Whether the key is of a kind for the algorithm, or of none that can be told.
pub(super) fn serves(algorithm: Algorithm, format: Option<Format>, der: &[u8]) -> bool {
    KeyKind::of(format, der).is_none_or(|kind| kind.serves(algorithm))
}

/// Why a key that the library does not take is none for the algorithm.
pub(super) fn rejected(
    algorithm: Algorithm,
    format: Option<Format>,
    der: &[u8],
    public: bool,
) -> KeyError {
    let unclear = KeyError::Rejected { algorithm, public };
    match KeyKind::of(format, der) {
        Some(kind) if !kind.serves(algorithm) => {
            KeyError::Kind { algorithm: Some(algorithm), kind, public }
        }
        Some(KeyKind::Rsa) => numbers(format, der)
            .and_then(|(modulus, exponent)| rsa_fault(&modulus, &exponent, public))
            .unwrap_or(unclear),
        Some(KeyKind::Ed25519) if public => {
            let spki = certified(der).unwrap_or_else(|| der.to_vec());
            eddsa::raw(&spki).and_then(point_fault).unwrap_or(unclear)
        }
        _ => unclear,
    }
}

/// What is wrong with the numbers of a public RSA key, big-endian.
pub(super) fn rsa_fault(modulus: &[u8], exponent: &[u8], public: bool) -> Option<KeyError> {
    let bits = rsa::bits(modulus);
    if !rsa::BITS.contains(&bits) {
        return Some(KeyError::RsaBits { bits, public });
    }
    (!rsa::is_exponent(exponent)).then_some(KeyError::RsaExponent { public })
}

/// What is wrong with the 32 bytes of an Ed25519 public key.
pub(super) fn point_fault(point: [u8; 32]) -> Option<KeyError> {
    if eddsa::has_small_order(point) {
        return Some(KeyError::SmallOrder);
    }
    (!eddsa::is_point(point)).then_some(KeyError::NotAPoint)
}

/// The modulus and the public exponent of an RSA key, big-endian.
fn numbers(format: Option<Format>, der: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let public = |der: &[u8]| {
        let key = pkcs1::RsaPublicKeyRef::from_der(der).ok()?;
        Some((key.modulus.as_bytes().to_vec(), key.public_exponent.as_bytes().to_vec()))
    };
    let private = |der: &[u8]| {
        let key = pkcs1::RsaPrivateKeyRef::from_der(der).ok()?;
        Some((key.modulus.as_bytes().to_vec(), key.public_exponent.as_bytes().to_vec()))
    };
    let pkcs8 =
        |der: &[u8]| private(pkcs8::PrivateKeyInfoRef::from_der(der).ok()?.private_key.as_bytes());
    let spki = |der: &[u8]| {
        public(SubjectPublicKeyInfoRef::from_der(der).ok()?.subject_public_key.as_bytes()?)
    };
    match format {
        Some(Format::Pkcs1) => private(der),
        Some(Format::Pkcs1Public) => public(der),
        Some(Format::Pkcs8) => pkcs8(der),
        Some(Format::Spki) => spki(der),
        Some(Format::Certificate) => spki(&certified(der)?),
        Some(Format::Sec1 | Format::Encrypted) => None,
        None => pkcs8(der)
            .or_else(|| spki(der))
            .or_else(|| spki(&certified(der)?))
            .or_else(|| private(der))
            .or_else(|| public(der)),
    }
}

fn oid(text: &str) -> ObjectIdentifier {
    // The texts are the constants below; another one would name a kind that no key has.
    ObjectIdentifier::new(text).unwrap_or(NONE)
}

const NONE: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.0");
const EC: &str = "1.2.840.10045.2.1";
const PRIME_FIELD: &str = "1.2.840.10045.1.1";
/// RFC 3279 §2.3, RFC 4055 §1.2, RFC 8410 §3.
const KINDS: &[(&str, KeyKind)] = &[
    ("1.2.840.113549.1.1.1", KeyKind::Rsa),
    ("1.2.840.113549.1.1.10", KeyKind::RsaPss),
    ("1.2.840.10040.4.1", KeyKind::Dsa),
    ("1.2.840.113549.1.3.1", KeyKind::Dh),
    ("1.2.840.10046.2.1", KeyKind::Dh),
    ("1.3.101.110", KeyKind::Agreement),
    ("1.3.101.111", KeyKind::Agreement),
    ("1.3.101.112", KeyKind::Ed25519),
    ("1.3.101.113", KeyKind::Ed448),
];
/// RFC 5480 §2.1.1.1, SEC 2 §A.2.1.
const CURVES: &[(&str, KeyKind)] = &[
    ("1.2.840.10045.3.1.7", KeyKind::P256),
    ("1.3.132.0.34", KeyKind::P384),
    ("1.3.132.0.35", KeyKind::P521),
    ("1.3.132.0.10", KeyKind::Secp256k1),
];

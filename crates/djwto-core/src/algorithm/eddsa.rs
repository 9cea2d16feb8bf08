//! Ed25519 (RFC 8037 §3.1). Ed448 is not offered.

use aws_lc_rs::encoding::{AsBigEndian, AsDer, Curve25519SeedBin, PublicKeyX509Der};
use aws_lc_rs::signature::{self, Ed25519KeyPair, KeyPair, ParsedPublicKey};
use num_bigint::BigUint;
use x509_cert::der::Decode as _;
use x509_cert::spki::SubjectPublicKeyInfoRef;
use zeroize::Zeroizing;

pub(crate) struct Private(Ed25519KeyPair);

impl Private {
    /// Takes PKCS#8 with or without the public key inside, as OpenSSL writes it (RFC 8410 §7).
    pub(crate) fn from_pkcs8(der: &[u8]) -> Option<Self> {
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok().map(Self)
    }

    /// Takes the 32 bytes of the private key and those of the public one, which must belong
    /// together (RFC 8037 §2).
    pub(crate) fn from_seed(seed: &[u8], public: &[u8]) -> Option<Self> {
        Ed25519KeyPair::from_seed_and_public_key(seed, public).ok().map(Self)
    }

    pub(crate) fn generate() -> Option<Self> {
        Ed25519KeyPair::generate().ok().map(Self)
    }

    /// The 32 bytes of the private key.
    pub(crate) fn seed(&self) -> Option<Zeroizing<Vec<u8>>> {
        let seed: Curve25519SeedBin<'_> = self.0.seed().ok()?.as_be_bytes().ok()?;
        Some(Zeroizing::new(seed.as_ref().to_vec()))
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }

    /// The public half as a `SubjectPublicKeyInfo`.
    pub(crate) fn public_spki(&self) -> Option<Vec<u8>> {
        let der: PublicKeyX509Der<'_> = self.0.public_key().as_der().ok()?;
        Some(der.as_ref().to_vec())
    }
}

/// Takes a `SubjectPublicKeyInfo` or the 32 bytes alone. Bytes that are no point, or one of small
/// order, are refused. The former verifies no signature, and the latter those of an attacker.
pub(crate) fn public(key: &[u8]) -> Option<ParsedPublicKey> {
    raw(key).filter(|point| is_point(*point) && !has_small_order(*point))?;
    ParsedPublicKey::new(&signature::ED25519, key).ok()
}

/// The 32 bytes of a public key, which may come as a `SubjectPublicKeyInfo`.
pub(crate) fn raw(key: &[u8]) -> Option<[u8; 32]> {
    if let Ok(raw) = key.try_into() {
        return Some(raw);
    }
    let spki = SubjectPublicKeyInfoRef::from_der(key).ok()?;
    spki.subject_public_key.as_bytes()?.try_into().ok()
}

/// Whether this encodes a point whose order divides the cofactor, 8, in any of its spellings.
pub(crate) fn has_small_order(point: [u8; 32]) -> bool {
    SMALL_ORDER.contains(&without_sign(point))
}

/// Whether this is the one encoding of a point of the curve (RFC 8032 §5.1.3).
pub(crate) fn is_point(point: [u8; 32]) -> bool {
    let p = (BigUint::from(1_u8) << 255) - 19_u8;
    let y = BigUint::from_bytes_le(&without_sign(point));
    if y >= p {
        return false;
    }
    let (zero, one) = (BigUint::ZERO, BigUint::from(1_u8));
    // -121665/121666, and x² = (y² - 1) / (d y² + 1).
    let inverse = |number: &BigUint| number.modpow(&(&p - 2_u8), &p);
    let d = (&p - 121_665_u32) * inverse(&BigUint::from(121_666_u32)) % &p;
    let square = &y * &y % &p;
    let x2 = (&square + &p - &one) * inverse(&((d * &square + &one) % &p)) % &p;
    // Euler's criterion: is it a square?
    x2 == zero || x2.modpow(&((&p - &one) >> 1), &p) == one
}

fn without_sign(mut point: [u8; 32]) -> [u8; 32] {
    let [.., last] = &mut point;
    *last &= 0x7f;
    point
}

/// The y of every point of small order, and of its spellings that are not reduced, without the
/// sign: 0, 1, the two of order 8, -1, and p and p + 1, which are 0 and 1 again.
const SMALL_ORDER: [[u8; 32]; 7] = [
    [0; 32],
    [
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0,
    ],
    *b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\
       \xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
    *b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\
       \x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
    of_p(0xec),
    of_p(0xed),
    of_p(0xee),
];

/// 2²⁵⁵ - 256 + the lowest byte; p ends in 0xed.
const fn of_p(lowest: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    let [first, .., last] = &mut bytes;
    *first = lowest;
    *last = 0x7f;
    bytes
}

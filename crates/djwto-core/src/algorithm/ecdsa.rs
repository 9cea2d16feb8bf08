//! ECDSA with the fixed-size signature of RFC 7518 §3.4, and ES256K of RFC 8812 §3.2.

use aws_lc_rs::encoding::{AsBigEndian, AsDer, EcPrivateKeyBin, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, KeyPair, ParsedPublicKey,
};

use zeroize::Zeroizing;

use super::Algorithm;

pub(crate) struct Private(EcdsaKeyPair);

impl Private {
    pub(crate) fn from_pkcs8(algorithm: Algorithm, der: &[u8]) -> Option<Self> {
        EcdsaKeyPair::from_pkcs8(signing(algorithm), der).ok().map(Self)
    }

    pub(crate) fn from_sec1(algorithm: Algorithm, der: &[u8]) -> Option<Self> {
        EcdsaKeyPair::from_private_key_der(signing(algorithm), der).ok().map(Self)
    }

    /// Takes the private scalar and the uncompressed public point, which must belong together.
    pub(crate) fn from_scalar(algorithm: Algorithm, scalar: &[u8], point: &[u8]) -> Option<Self> {
        let pair = EcdsaKeyPair::from_private_key_and_public_key(signing(algorithm), scalar, point);
        pair.ok().map(Self)
    }

    pub(crate) fn generate(algorithm: Algorithm) -> Option<Self> {
        EcdsaKeyPair::generate(signing(algorithm)).ok().map(Self)
    }

    /// The private scalar, big-endian, as long as the curve's field (RFC 7518 §6.2.2.1).
    pub(crate) fn scalar(&self) -> Option<Zeroizing<Vec<u8>>> {
        let scalar: EcPrivateKeyBin<'_> = self.0.private_key().as_be_bytes().ok()?;
        Some(Zeroizing::new(scalar.as_ref().to_vec()))
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let signature = self.0.sign(&SystemRandom::new(), message).ok()?;
        Some(signature.as_ref().to_vec())
    }

    /// The public half as a `SubjectPublicKeyInfo`.
    pub(crate) fn public_spki(&self) -> Option<Vec<u8>> {
        let der: PublicKeyX509Der<'_> = self.0.public_key().as_der().ok()?;
        Some(der.as_ref().to_vec())
    }
}

/// Takes a `SubjectPublicKeyInfo` or an uncompressed point, which must lie on the curve.
pub(crate) fn public(algorithm: Algorithm, key: &[u8]) -> Option<ParsedPublicKey> {
    ParsedPublicKey::new(verification(algorithm), key).ok()
}

/// The curve's name in a JWK (RFC 7518 §6.2.1.1, RFC 8812 §3.1).
pub(crate) const fn curve(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Es384 => "P-384",
        Algorithm::Es512 => "P-521",
        Algorithm::Es256K => "secp256k1",
        _ => "P-256",
    }
}

/// The size of a coordinate in bytes.
pub(crate) const fn coordinate_bytes(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::Es384 => 48,
        Algorithm::Es512 => 66,
        _ => 32,
    }
}

fn signing(algorithm: Algorithm) -> &'static EcdsaSigningAlgorithm {
    match algorithm {
        Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
        Algorithm::Es512 => &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
        Algorithm::Es256K => &signature::ECDSA_P256K1_SHA256_FIXED_SIGNING,
        _ => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
    }
}

fn verification(algorithm: Algorithm) -> &'static EcdsaVerificationAlgorithm {
    match algorithm {
        Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
        Algorithm::Es512 => &signature::ECDSA_P521_SHA512_FIXED,
        Algorithm::Es256K => &signature::ECDSA_P256K1_SHA256_FIXED,
        _ => &signature::ECDSA_P256_SHA256_FIXED,
    }
}

//! ECDSA with the fixed-size signature of RFC 7518 §3.4, and ES256K of RFC 8812 §3.2.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, KeyPair, ParsedPublicKey,
};

use super::Algorithm;

pub(crate) struct Private(EcdsaKeyPair);

impl Private {
    pub(crate) fn from_pkcs8(algorithm: Algorithm, der: &[u8]) -> Option<Self> {
        EcdsaKeyPair::from_pkcs8(signing(algorithm), der).ok().map(Self)
    }

    pub(crate) fn from_sec1(algorithm: Algorithm, der: &[u8]) -> Option<Self> {
        EcdsaKeyPair::from_private_key_der(signing(algorithm), der).ok().map(Self)
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

pub(crate) fn public(algorithm: Algorithm, der: &[u8]) -> Option<ParsedPublicKey> {
    ParsedPublicKey::new(verification(algorithm), der).ok()
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

//! Ed25519 (RFC 8037 §3.1). Ed448 is not offered.

use aws_lc_rs::encoding::{AsBigEndian, AsDer, Curve25519SeedBin, PublicKeyX509Der};
use aws_lc_rs::signature::{self, Ed25519KeyPair, KeyPair, ParsedPublicKey};
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

/// Takes a `SubjectPublicKeyInfo` or the 32 bytes alone.
pub(crate) fn public(key: &[u8]) -> Option<ParsedPublicKey> {
    ParsedPublicKey::new(&signature::ED25519, key).ok()
}

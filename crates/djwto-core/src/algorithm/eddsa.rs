//! Ed25519 (RFC 8037 §3.1). Ed448 is not offered.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{self, Ed25519KeyPair, KeyPair, ParsedPublicKey};

pub(crate) struct Private(Ed25519KeyPair);

impl Private {
    /// Takes PKCS#8 with or without the public key inside, as OpenSSL writes it (RFC 8410 §7).
    pub(crate) fn from_pkcs8(der: &[u8]) -> Option<Self> {
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok().map(Self)
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

pub(crate) fn public(der: &[u8]) -> Option<ParsedPublicKey> {
    ParsedPublicKey::new(&signature::ED25519, der).ok()
}

//! HMAC with SHA-2 (RFC 7518 §3.2).

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::Algorithm;

/// One key that both signs and verifies.
pub(crate) struct Key {
    key: hmac::Key,
    secret: Zeroizing<Vec<u8>>,
}

impl Key {
    pub(crate) fn new(algorithm: Algorithm, secret: &[u8]) -> Self {
        let hash = match algorithm {
            Algorithm::Hs384 => hmac::HMAC_SHA384,
            Algorithm::Hs512 => hmac::HMAC_SHA512,
            _ => hmac::HMAC_SHA256,
        };
        Self { key: hmac::Key::new(hash, secret), secret: Zeroizing::new(secret.to_vec()) }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> hmac::Tag {
        hmac::sign(&self.key, message)
    }

    /// The secret itself, for a JWK.
    pub(crate) fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// Compares in constant time.
    pub(crate) fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.key, message, tag).is_ok()
    }
}

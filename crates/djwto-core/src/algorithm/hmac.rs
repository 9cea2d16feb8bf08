//! HMAC with SHA-2 (RFC 7518 §3.2).

use std::sync::Arc;

use aws_lc_rs::hmac;

use super::Algorithm;

/// One key that both signs and verifies.
#[derive(Clone)]
pub(crate) struct Key(Arc<hmac::Key>);

impl Key {
    pub(crate) fn new(algorithm: Algorithm, secret: &[u8]) -> Self {
        let hash = match algorithm {
            Algorithm::Hs384 => hmac::HMAC_SHA384,
            Algorithm::Hs512 => hmac::HMAC_SHA512,
            _ => hmac::HMAC_SHA256,
        };
        Self(Arc::new(hmac::Key::new(hash, secret)))
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        hmac::sign(&self.0, message).as_ref().to_vec()
    }

    /// Compares in constant time.
    pub(crate) fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.0, message, tag).is_ok()
    }
}

//! `djwto._core.KeyRing`.

use djwto_core::compact::Untrusted;
use djwto_core::key::{self, JwkSet, Key};
use djwto_core::token::verify::{Signed, VerifyError, verify_signature};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert::{algorithm, header_bytes, not_verified, setting_error};

/// One key that signs, and any number that verify. It cannot be shown.
#[pyclass(frozen, module = "djwto._core")]
pub(crate) struct KeyRing {
    pub(crate) ring: std::sync::Arc<key::KeyRing>,
    skipped: Vec<String>,
}

/// An older key, as the setting gives it: algorithm and text.
type Fallback = (String, Vec<u8>);

#[pymethods]
impl KeyRing {
    #[staticmethod]
    fn load(
        algorithm: &str,
        signing_key: Option<&[u8]>,
        verifying_key: Option<&[u8]>,
        fallbacks: Vec<Fallback>,
    ) -> PyResult<Self> {
        let algorithm = self::algorithm("algorithm", algorithm)?;
        let ring = key::KeyRing::load(algorithm, signing_key, verifying_key).map_err(|error| {
            let field = if error.is_verifying() { "verifying_key" } else { "signing_key" };
            setting_error(field, &error)
        })?;
        Self::with_fallbacks(ring, fallbacks, Vec::new())
    }

    #[staticmethod]
    fn from_jwks(text: &[u8], fallbacks: Vec<Fallback>) -> PyResult<Self> {
        let failed = |error: key::JwkSetError| setting_error("keys", &error);
        let set = JwkSet::parse(text).map_err(failed)?;
        let skipped = set
            .skipped
            .iter()
            .map(|key| format!("{} is passed over: {}", key.name(), key.error))
            .collect();
        Self::with_fallbacks(set.into_ring().map_err(failed)?, fallbacks, skipped)
    }

    #[staticmethod]
    #[expect(clippy::needless_pass_by_value, reason = "PyO3 hands over owned lists")]
    fn from_files(
        files: Vec<(String, Vec<u8>)>,
        rsa_algorithm: &str,
        fallbacks: Vec<Fallback>,
    ) -> PyResult<Self> {
        let rsa_algorithm = algorithm("algorithm", rsa_algorithm)?;
        let ring = key::KeyRing::from_files(&files, rsa_algorithm)
            .map_err(|error| setting_error("keys", &error))?;
        Self::with_fallbacks(ring, fallbacks, Vec::new())
    }

    #[getter]
    fn can_sign(&self) -> bool {
        self.ring.can_sign()
    }

    #[getter]
    fn short_secrets(&self) -> Vec<&'static str> {
        let keys = self.ring.keys().iter().filter(|key| key.has_short_secret());
        keys.map(|key| key.algorithm().name()).collect()
    }

    #[getter]
    fn skipped(&self) -> Vec<String> {
        self.skipped.clone()
    }

    fn public_jwks(&self) -> String {
        self.ring.to_public_jwks()
    }

    /// The signature alone: what reads another format than djwto's checks the claims itself.
    fn payload_of(&self, py: Python<'_>, token: &Bound<'_, PyString>) -> PyResult<Vec<u8>> {
        let token = header_bytes(token);
        let verify = || -> Result<Vec<u8>, VerifyError> {
            let token = Untrusted::parse(&token)?;
            verify_signature(&token, &self.ring).map(Signed::into_payload)
        };
        let verified = if self.ring.has_key_pairs() { py.detach(verify) } else { verify() };
        verified.map_err(not_verified)
    }
}

impl KeyRing {
    fn with_fallbacks(
        mut ring: key::KeyRing,
        fallbacks: Vec<Fallback>,
        skipped: Vec<String>,
    ) -> PyResult<Self> {
        for (place, (name, text)) in fallbacks.into_iter().enumerate() {
            let algorithm = algorithm("fallbacks", &name)?;
            let key = Key::fallback(algorithm, &text).map_err(|error| {
                setting_error("fallbacks", &format!("key {}: {error}", place + 1))
            })?;
            ring = ring.with_fallback(key);
        }
        Ok(Self { ring: ring.into(), skipped })
    }
}

/// A new random key as a JWK, with its private part.
#[pyfunction]
pub(crate) fn generate_jwk(
    py: Python<'_>,
    algorithm: &str,
    key_id: Option<String>,
) -> PyResult<String> {
    let algorithm = self::algorithm("algorithm", algorithm)?;
    let key = py
        .detach(|| Key::generate(algorithm))
        .map_err(|error| setting_error("algorithm", &error))?;
    let key = match key_id {
        Some(id) => key.with_id(id),
        None => key,
    };
    let jwk = key.to_jwk().ok_or_else(|| setting_error("algorithm", &"cannot be written"))?;
    Ok(jwk.to_string())
}

//! The slow part of Django's password hashes.

use std::num::NonZeroU32;

use djwto_core::password;
use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// [`password::pbkdf2_sha256`]. Limits and complaints are those of Python's `hashlib.pbkdf2_hmac`, so
/// that the two can stand in for each other.
#[pyfunction]
pub(crate) fn pbkdf2_sha256<'py>(
    py: Python<'py>,
    password: &[u8],
    salt: &[u8],
    iterations: i64,
) -> PyResult<Bound<'py, PyBytes>> {
    let iterations = self::iterations(iterations)?;
    // A login takes most of its time here; other threads are to go on.
    let hash = py.detach(|| password::pbkdf2_sha256(password, salt, iterations));
    Ok(PyBytes::new(py, &hash))
}

fn iterations(count: i64) -> PyResult<NonZeroU32> {
    if count > i64::from(i32::MAX) {
        return Err(PyOverflowError::new_err("iteration value is too great."));
    }
    u32::try_from(count)
        .ok()
        .and_then(NonZeroU32::new)
        .ok_or_else(|| PyValueError::new_err("iteration value must be greater than 0."))
}

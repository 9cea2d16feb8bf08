//! The slow part of Django's password hashes.

use std::num::NonZeroU32;
use std::thread;

use aws_lc_rs::pbkdf2::{PBKDF2_HMAC_SHA256, derive};
use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// PBKDF2 with HMAC-SHA-256 (RFC 8018 §5.2), 32 bytes. Limits and complaints are those of Python's
/// `hashlib.pbkdf2_hmac`, so that the two can stand in for each other.
#[pyfunction]
pub(crate) fn pbkdf2_sha256<'py>(
    py: Python<'py>,
    password: &[u8],
    salt: &[u8],
    iterations: i64,
) -> PyResult<Bound<'py, PyBytes>> {
    let iterations = self::iterations(iterations)?;
    // A login takes most of its time here; other threads are to go on.
    let hash = py.detach(|| hashed(password, salt, iterations));
    Ok(PyBytes::new(py, &hash))
}

/// Hashes in a separate thread. Linux remembers how long a thread has run. A server's thread that
/// hashes would wake late for the requests that it serves next.
fn hashed(password: &[u8], salt: &[u8], iterations: NonZeroU32) -> [u8; 32] {
    let hash = || {
        let mut hash = [0; 32];
        derive(PBKDF2_HMAC_SHA256, iterations, salt, password, &mut hash);
        hash
    };
    thread::scope(|threads| {
        let other = thread::Builder::new().spawn_scoped(threads, hash);
        // Where the system has no room for a thread, this one hashes.
        other.ok().and_then(|other| other.join().ok()).unwrap_or_else(hash)
    })
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

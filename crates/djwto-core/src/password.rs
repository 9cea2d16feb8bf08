//! The slow part of a password hash.

use std::num::NonZeroU32;
use std::thread;

use aws_lc_rs::pbkdf2::{PBKDF2_HMAC_SHA256, derive};

/// PBKDF2 with HMAC-SHA-256, 32 bytes (RFC 8018 §5.2).
///
/// It runs in a separate thread. Linux remembers how long a thread has run. A server's thread that
/// hashes would wake late for the requests that it serves next. The caller waits.
pub fn pbkdf2_sha256(password: &[u8], salt: &[u8], iterations: NonZeroU32) -> [u8; 32] {
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

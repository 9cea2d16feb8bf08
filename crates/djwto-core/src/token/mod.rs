//! Tokens: what they must be, how they are made, and which of them are refused.

pub mod assertion;
pub mod cache;
pub mod claims;
#[cfg(feature = "faces")]
pub mod claims_writer;
pub mod issue;
pub mod permissions;
pub mod revoked;
pub mod session_id;
pub mod verify;

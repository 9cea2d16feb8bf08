//! The engine from outside: one test program, since linking many takes longer than running them.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed"
)]
#![allow(clippy::print_stderr, reason = "a skipped test must say so")]

mod assertion;
mod cache;
mod claims_writer;
mod client;
mod compact;
mod cookies;
mod credentials;
mod csrf;
mod engine;
mod faces;
mod feed;
mod form;
mod forwarded;
mod found_keys;
mod issue;
mod jwk;
mod keys;
mod messages;
mod origin;
mod permissions;
mod published;
mod renewal;
mod reply;
mod rfc;
mod rotation;
mod secrets;
mod support;
mod tenants;
mod threats;
mod throttle;
mod vectors;
mod verify;
mod wycheproof;

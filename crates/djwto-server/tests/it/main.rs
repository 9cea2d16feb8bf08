//! The tests of `djwto-server`, in one binary: the real program on real sockets, with a real database.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed"
)]
#![allow(clippy::format_push_string, reason = "speed does not matter here")]

mod auth;
mod decision;
mod documented;
mod endpoints;
mod export;
mod notify;
mod operation;
mod remote_keys;
mod rules;
mod store;
mod support;
mod tls;

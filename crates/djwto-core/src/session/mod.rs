//! Sessions: how one begins, is renewed and ends.

pub mod messages;
pub mod rotation;

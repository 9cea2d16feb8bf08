//! Sessions: how one begins, is renewed and ends.

pub mod end;
pub mod feed;
pub mod login;
pub mod memory;
pub mod messages;
pub mod presented;
pub mod renewal;
pub mod rotation;
pub mod row;
pub mod user;

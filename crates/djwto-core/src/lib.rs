//! The djwto engine: it verifies and issues tokens, and says why a token is refused.
//!
//! It does no I/O and has no clock. A face (Django, a server, a middleware) passes in header bytes and
//! the time. It gets back claims, or a refusal with a stable slug. Start with [`Engine`]:
//!
//! ```
//! use djwto_core::{Algorithm, Engine, Key, KeyRing, Kind, Mode, Policy, PolicyOptions};
//! use djwto_core::{Transport, TransportOptions, UnixTime};
//! use serde::Deserialize;
//! use std::sync::Arc;
//!
//! #[derive(Deserialize)]
//! struct Claims {
//!     user: User,
//! }
//!
//! #[derive(Deserialize)]
//! struct User {
//!     id: u64,
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = Key::secret(Algorithm::Hs256, b"a secret of at least 32 bytes......")?;
//! let bearer = TransportOptions { modes: vec![Mode::Json], ..TransportOptions::default() };
//! let engine: Engine<Arc<Claims>> = Engine::new(
//!     KeyRing::new(key),
//!     Policy::new(PolicyOptions::default())?,
//!     Transport::new(bearer)?,
//! );
//!
//! let now = UnixTime::new(1_700_000_000.0).ok_or("finite")?;
//! let access = engine.sign(
//!     r#"{"exp":1700000300,"iat":1700000000,"jti":"1","type":"access","user":{"id":7}}"#,
//! )?;
//! let header = format!("Bearer {}", access.text());
//! let seen = engine.authenticate(Some(header.as_bytes()), None, Kind::Access, now)?;
//! assert_eq!(seen.claims.user.id, 7);
//! # Ok(())
//! # }
//! ```
//!
//! A service that issues tokens keeps a row for each session. [`session`] says what is written to the
//! row, and [`session::renewal`] has the steps of a renewal. [`http`] turns tokens and refusals into
//! replies.
//!
//! # Features
//!
//! - `faces`: `engine::Face` with the methods of [`Engine`] that take one, `json::Build`, and
//!   `token::claims_writer`, with the methods that sign its claims. They are for a binding to another
//!   language that builds its own objects for claims, and for a guard that needs no more of a token
//!   than the rules do. Not on by default.
//!
//! The essays in [`manual`] explain the defaults and the countermeasures against attacks.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod algorithm;
pub mod compact;
pub mod engine;
pub mod error;
pub mod http;
#[cfg(feature = "faces")]
pub mod json;
#[cfg(not(feature = "faces"))]
mod json;
pub mod key;
pub mod manual;
pub mod password;
pub mod policy;
pub mod session;
pub mod throttle;
pub mod token;
pub mod types;

pub use algorithm::Algorithm;
pub use engine::Engine;
pub use error::Code;
pub use http::{Mode, Transport, TransportOptions};
pub use key::{Key, KeyRing};
pub use policy::{Policy, PolicyOptions};
pub use token::revoked::Revocations;
pub use token::session_id::SessionId;
pub use types::{Kind, UnixTime, Wanted};

//! Rotation and reuse of refresh tokens: a pure state machine (RFC 9700 §4.14.2).
//!
//! A session has a generation, which each renewal moves on by one; a refresh token carries the
//! generation it was issued for. What a token of an older generation means depends on how long ago
//! it was used, by the store's clock, and on whether its successor was used too:
//!
//! | presented | its successor | within the grace | after it |
//! |---|---|---|---|
//! | the present generation | | renews | renews |
//! | the one before | not used yet | the same successor again | reuse: the session is revoked |
//! | the one before that | used | refused, nothing is revoked | reuse |
//! | an older one | used | reuse | reuse |
//! | a later one | | renews | renews |
//!
//! A later generation than the store's is signed, so it was issued: the store was set back, as by
//! restoring a backup. The newest token moves the session on, past all that were used before.
//!
//! A client whose reply was lost, and two tabs that renew at once, are within the grace period. A thief
//! who is later than the owner is not, nor is an owner who is later than the thief.

use std::fmt;
use std::time::Duration;

use crate::error::Code;
use crate::http::Mode;

/// Of which sessions a renewal replaces the refresh token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rotation {
    /// Of none.
    Never,
    /// Of those that were opened in a cookie mode: a browser keeps the cookie that it is sent.
    #[default]
    Cookies,
    /// Of all.
    Always,
}

impl Rotation {
    /// By its name: `never`, `cookies` or `always`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "never" => Some(Self::Never),
            "cookies" => Some(Self::Cookies),
            "always" => Some(Self::Always),
            _ => None,
        }
    }

    /// Whether sessions that were opened in this mode are rotated.
    pub fn applies(self, mode: Mode) -> bool {
        match self {
            Self::Never => false,
            Self::Cookies => mode != Mode::Json,
            Self::Always => true,
        }
    }
}

/// What a store knows of a session when one of its refresh tokens is presented.
#[derive(Clone, Copy, Debug, Default)]
pub struct State {
    /// The generation whose refresh token was issued last.
    pub generation: u64,
    /// Whether the session was ended.
    pub is_ended: bool,
    /// Seconds since the generation before was used; `None` where none was.
    pub since_rotation: Option<f64>,
    /// Seconds since the generation before that was used.
    pub since_previous_rotation: Option<f64>,
}

/// What a good refresh token of a live session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenStatus {
    /// The latest. A renewal moves the session on.
    Current,
    /// Used a moment ago, and its successor not yet. The answer is the same successor again.
    Repeated,
}

impl State {
    /// Judges a refresh token by its generation. `grace` zero forgives nothing.
    ///
    /// # Errors
    ///
    /// [`RenewalError`]; after [`RenewalError::Reused`] the session must be revoked.
    pub fn check_generation(
        &self,
        presented: u64,
        grace: Duration,
    ) -> Result<TokenStatus, RenewalError> {
        if self.is_ended {
            return Err(RenewalError::Ended);
        }
        // Of a later generation than the store has come to, it is the latest all the more.
        let behind = self.generation.saturating_sub(presented);
        let (since, verdict) = match behind {
            0 => return Ok(TokenStatus::Current),
            1 => (self.since_rotation, Ok(TokenStatus::Repeated)),
            2 => (self.since_previous_rotation, Err(RenewalError::Superseded)),
            _ => return Err(RenewalError::Reused),
        };
        match since {
            // The store's clock was set back, so it is not known how long ago that was.
            Some(since) if since < 0.0 => Err(RenewalError::Superseded),
            Some(since) if since < grace.as_secs_f64() => verdict,
            _ => Err(RenewalError::Reused),
        }
    }
}

/// Why a good refresh token renews nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RenewalError {
    /// The session was ended.
    Ended,
    /// Its successor was used already, and that may be chance: nothing is revoked.
    Superseded,
    /// It was used before, so two clients have it, and one of them should not.
    Reused,
}

impl RenewalError {
    /// The stable slug.
    pub fn code(self) -> Code {
        match self {
            Self::Ended => Code::TokenBlacklisted,
            Self::Superseded => Code::RefreshSuperseded,
            Self::Reused => Code::RefreshReused,
        }
    }
}

impl fmt::Display for RenewalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code().sentence())
    }
}

impl std::error::Error for RenewalError {}

//! Rotation and reuse of refresh tokens: a pure state machine (RFC 9700 §4.14.2).
//!
//! A session has a generation, and each renewal adds one to it. A refresh token carries the generation
//! for which it was issued. If a token of an older generation comes, the result depends on how long ago
//! it was used, by the store's clock, and on whether its successor was used too:
//!
//! | presented | its successor | in the grace period | after it |
//! |---|---|---|---|
//! | the present generation | | renews | renews |
//! | the one before | not used yet | the same successor again | reuse: the session is revoked |
//! | the one before that | used | refused, nothing is revoked | reuse |
//! | an older one | used | reuse | reuse |
//! | a later one | | renews | renews |
//!
//! A later generation than the store's is signed, so djwto issued it: the store was set back, as by
//! restoring a backup. The newest token sets the session forward, past all used tokens.
//!
//! The grace period covers a client whose reply was lost, and two tabs that renew at once. It does not
//! cover a thief who comes later than the owner, or an owner who comes later than the thief.

use std::fmt;
use std::time::Duration;

use crate::error::Code;
use crate::http::Mode;

/// Which sessions rotate: a renewal then replaces the refresh token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rotation {
    /// No session.
    Never,
    /// Those that were opened in a cookie mode: a browser keeps the cookie that it gets.
    #[default]
    Cookies,
    /// Every session.
    Always,
}

impl Rotation {
    /// The value with this name: `never`, `cookies` or `always`.
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

/// What a store knows of a session when one of its refresh tokens comes.
#[derive(Clone, Copy, Debug, Default)]
pub struct State {
    /// The generation whose refresh token was issued last.
    pub generation: u64,
    /// Whether the session was ended.
    pub is_ended: bool,
    /// Seconds since the generation before was used; `None` if it was not.
    pub since_rotation: Option<f64>,
    /// Seconds since the generation before that was used.
    pub since_previous_rotation: Option<f64>,
}

/// What a good refresh token of a live session can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenStatus {
    /// The latest. A renewal adds one to the generation.
    Current,
    /// Used a moment ago, and its successor not yet. The answer is the same successor again.
    Repeated,
}

impl State {
    /// Checks the generation of a refresh token. With `grace` zero there is no grace period.
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
        // A later generation than the store's is the latest too.
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
    /// Its successor was used already, which may be a coincidence: nothing is revoked.
    Superseded,
    /// It was used before, so two clients have it, and one of them may be a thief.
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

//! The paved path: keys, policy and transport in one hand.

use std::fmt;
use std::sync::Arc;

use crate::compact::Untrusted;
use crate::error::Code;
use crate::http::{Found, Lines, Mode, ReadError, Transport};
use crate::key::KeyRing;
use crate::policy::Policy;
use crate::token::claims_writer::ClaimsJson;
use crate::token::issue::{self, IssueError, Token};
use crate::token::revoked::Revocations;
use crate::token::verify::{self, Requirements, Signed, Verified, VerifyError};
use crate::types::{Kind, UnixTime};

/// Everything that a face needs to authenticate requests and to issue tokens.
#[derive(Debug)]
pub struct Engine {
    /// What signs and verifies.
    pub keys: Arc<KeyRing>,
    /// What a token must be.
    pub policy: Policy,
    /// Where tokens travel.
    pub transport: Transport,
    /// Whose tokens are refused. It outlives an engine: settings change, ended sessions stay.
    pub revocations: Arc<Revocations>,
}

/// A request's token, verified.
#[derive(Debug)]
pub struct Authenticated<'h, V> {
    /// The token, and the mode in which it came.
    pub found: Found<'h>,
    /// Its claims.
    pub verified: Verified<V>,
}

impl Engine {
    /// Finds and verifies the token of a kind in a request's raw headers.
    ///
    /// # Errors
    ///
    /// [`AuthenticateError`]: it is missing, ambiguous or not good.
    pub fn authenticate<'h>(
        &self,
        authorization: impl Into<Lines<'h>>,
        cookie: impl Into<Lines<'h>>,
        kind: Kind,
        now: UnixTime,
    ) -> Result<Authenticated<'h, ()>, AuthenticateError> {
        let found = self.transport.read(authorization, cookie, kind)?;
        let verified = self
            .verify(found.token, Some(kind), now)
            .map_err(|error| AuthenticateError::of(error, found.mode))?;
        Ok(Authenticated { found, verified })
    }

    /// Verifies the text of a token; `kind` is the kind wanted, `None` takes either.
    ///
    /// # Errors
    ///
    /// [`VerifyError`] names the first rule that does not hold.
    pub fn verify(
        &self,
        token: &[u8],
        kind: Option<Kind>,
        now: UnixTime,
    ) -> Result<Verified<()>, VerifyError> {
        verify::verify(&Untrusted::parse(token)?, &self.keys, &self.requirements(kind, now))
    }

    /// The slow half of [`Engine::verify`], for faces that do the rest under a lock.
    ///
    /// # Errors
    ///
    /// As [`verify::verify_signature`].
    pub fn verify_signature(&self, token: &[u8]) -> Result<Signed, VerifyError> {
        verify::verify_signature(&Untrusted::parse(token)?, &self.keys)
    }

    /// What this engine requires of a token.
    pub fn requirements(&self, kind: Option<Kind>, now: UnixTime) -> Requirements<'_> {
        Requirements { policy: &self.policy, revocations: Some(&self.revocations), kind, now }
    }

    /// Signs the JSON text of claims.
    ///
    /// # Errors
    ///
    /// [`IssueError`] says what hinders it.
    pub fn sign(&self, payload: impl Into<String>) -> Result<Token, IssueError> {
        issue::sign(&self.keys, payload)
    }

    /// Signs claims that a face has written.
    ///
    /// # Errors
    ///
    /// [`IssueError`] says what hinders it.
    pub fn sign_claims(&self, claims: ClaimsJson) -> Result<Token, IssueError> {
        issue::sign_claims(&self.keys, claims)
    }
}

/// Why a request is not authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthenticateError {
    /// No token was found, or more than one.
    Read(ReadError),
    /// The token is not good.
    Verify(VerifyError),
    /// A refresh token was wanted in the header, and an access token came.
    RefreshNotInHeader,
}

impl AuthenticateError {
    /// Why the token that came in this mode is not good.
    pub fn of(error: VerifyError, mode: Mode) -> Self {
        match error {
            VerifyError::Type(Kind::Refresh) if mode == Mode::Json => Self::RefreshNotInHeader,
            error => Self::Verify(error),
        }
    }

    /// The stable slug.
    pub fn code(&self) -> Code {
        match self {
            Self::Read(error) => error.code(),
            Self::Verify(error) => error.code(),
            Self::RefreshNotInHeader => Code::RefreshNotInHeader,
        }
    }
}

impl fmt::Display for AuthenticateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Verify(error) => error.fmt(f),
            Self::RefreshNotInHeader => f.write_str(self.code().sentence()),
        }
    }
}

impl std::error::Error for AuthenticateError {}

impl From<ReadError> for AuthenticateError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

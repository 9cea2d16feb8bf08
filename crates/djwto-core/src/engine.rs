//! The paved path: keys, policy and transport in one hand.

use std::fmt;

use crate::claims::{Kind, UnixTime};
use crate::compact::Untrusted;
use crate::error::Code;
use crate::issue::{self, IssueError, Token};
use crate::key::Keys;
use crate::policy::Policy;
use crate::transport::{Found, Mode, ReadError, Transport};
use crate::verify::{self, Verified, VerifyError};

/// Everything that a face needs to authenticate requests and to issue tokens.
#[derive(Debug)]
pub struct Engine {
    /// What signs and verifies.
    pub keys: Keys,
    /// What a token must be.
    pub policy: Policy,
    /// Where tokens travel.
    pub transport: Transport,
}

/// A request's token, verified.
#[derive(Debug)]
pub struct Authenticated<'h> {
    /// The token, and the mode in which it came.
    pub found: Found<'h>,
    /// Its payload.
    pub verified: Verified,
}

impl Engine {
    /// Finds and verifies the token of a kind in a request's raw headers.
    ///
    /// # Errors
    ///
    /// [`AuthenticateError`]: it is missing, ambiguous or not good.
    pub fn authenticate<'h>(
        &self,
        authorization: Option<&'h [u8]>,
        cookie: Option<&'h [u8]>,
        kind: Kind,
        now: UnixTime,
    ) -> Result<Authenticated<'h>, AuthenticateError> {
        let found = self.transport.read(authorization, cookie, kind)?;
        match self.verify(found.token, Some(kind), now) {
            Ok(verified) => Ok(Authenticated { found, verified }),
            Err(VerifyError::Type(Kind::Refresh)) if found.mode == Mode::Json => {
                Err(AuthenticateError::RefreshNotInHeader)
            }
            Err(error) => Err(error.into()),
        }
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
    ) -> Result<Verified, VerifyError> {
        verify::verify(&Untrusted::parse(token)?, &self.keys, &self.policy, kind, now)
    }

    /// Signs the JSON text of claims.
    ///
    /// # Errors
    ///
    /// [`IssueError`] says what hinders it.
    pub fn sign(&self, payload: &str) -> Result<Token, IssueError> {
        issue::sign(&self.keys, payload)
    }
}

/// Why a request is not authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// The stable slug.
    pub fn code(self) -> Code {
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

impl From<VerifyError> for AuthenticateError {
    fn from(error: VerifyError) -> Self {
        Self::Verify(error)
    }
}

//! The engine: keys, policy, transport and verified tokens together.

mod face;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Code;
use crate::http::{Found, Lines, Mode, ReadError, Transport};
use crate::key::KeyRing;
use crate::policy::Policy;
use crate::token::cache::{CacheInfo, TokenCache};
use crate::token::claims::ShapeError;
use crate::token::issue::{self, IssueError, Token};
use crate::token::revoked::Revocations;
use crate::token::session_id::SessionId;
use crate::token::verify::{Requirements, VerifyError};
use crate::types::{Kind, UnixTime, Wanted};

#[cfg(feature = "faces")]
pub use face::Face;
use face::Typed;

/// Claims as JSON, for a service that has no type for them.
pub type JsonClaims = serde_json::Map<String, serde_json::Value>;

/// Everything that a face needs to authenticate requests and to issue tokens.
///
/// `V` is what the engine keeps of a verified token. A service in Rust keeps `Arc<T>`, where `T` is
/// its type of claims. A token that comes again is not verified or parsed again: only its times, its
/// kind, its tenant and its session are checked.
pub struct Engine<V = Arc<JsonClaims>> {
    keys: Arc<KeyRing>,
    policy: Policy,
    transport: Transport,
    revocations: Arc<Revocations>,
    cache: Option<TokenCache<V>>,
}

/// A request's token, verified.
pub struct Authenticated<'h, C> {
    /// The token and its mode.
    pub found: Found<'h>,
    /// The session that it belongs to.
    pub session: SessionId,
    /// Its claims.
    pub claims: C,
}

impl<V> fmt::Debug for Engine<V> {
    /// Never shows a key or a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("keys", &self.keys)
            .field("policy", &self.policy)
            .field("transport", &self.transport)
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}

impl<C> fmt::Debug for Authenticated<'_, C> {
    /// Never shows the token or the claims.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticated")
            .field("mode", &self.found.mode)
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

/// What the engine does with a token whose session was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// It refuses the token, as a guard needs.
    Refuse,
    /// It accepts the token, as a second logout needs.
    Allow,
}

/// The tokens that an engine keeps unless [`Engine::with_cache`] says otherwise.
pub const CACHE_ENTRIES: usize = 4096;
/// The most bytes that they take.
pub const CACHE_BYTES: usize = 16 << 20;

impl<V: Clone> Engine<V> {
    /// An engine that verifies and issues tokens by these keys, under this policy.
    pub fn new(keys: impl Into<Arc<KeyRing>>, policy: Policy, transport: Transport) -> Self {
        Self {
            keys: keys.into(),
            policy,
            transport,
            revocations: Arc::default(),
            cache: TokenCache::new(CACHE_ENTRIES, CACHE_BYTES),
        }
    }

    /// Refuses the tokens of these sessions. The set outlives an engine: when settings change, a
    /// new engine takes over the set of ended sessions.
    #[must_use]
    pub fn with_revocations(self, revocations: Arc<Revocations>) -> Self {
        Self { revocations, ..self }
    }

    /// Keeps at most so many verified tokens, and so many bytes. Zero of either keeps none.
    #[must_use]
    pub fn with_cache(self, max_entries: usize, max_bytes: usize) -> Self {
        Self { cache: TokenCache::new(max_entries, max_bytes), ..self }
    }

    /// The keys that sign and verify.
    pub fn keys(&self) -> &Arc<KeyRing> {
        &self.keys
    }

    /// What this engine requires of a token.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// How tokens are carried.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The sessions whose tokens are refused.
    pub fn revocations(&self) -> &Arc<Revocations> {
        &self.revocations
    }

    /// What the cache holds, and how often it had the token.
    pub fn cache_info(&self) -> CacheInfo {
        self.cache.as_ref().map(TokenCache::info).unwrap_or_default()
    }

    /// What this engine requires of a token. `wanted` is its kind and its tenant ([`Wanted`]); with
    /// the kind `None` both kinds are good.
    pub fn requirements<'a>(
        &'a self,
        wanted: impl Into<Wanted<'a, Option<Kind>>>,
        now: UnixTime,
    ) -> Requirements<'a> {
        let Wanted { kind, tenant } = wanted.into();
        let revocations = Some(&*self.revocations);
        Requirements { policy: &self.policy, revocations, kind, tenant, now }
    }

    /// Signs claims of a Rust type, which has at least `type` and `user.id`.
    ///
    /// # Errors
    ///
    /// [`IssueError`] says what hinders it.
    pub fn issue<C: Serialize + ?Sized>(&self, claims: &C) -> Result<Token, IssueError> {
        issue::issue(&self.keys, claims)
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
    #[cfg(feature = "faces")]
    pub fn sign_claims(
        &self,
        claims: crate::token::claims_writer::ClaimsJson,
    ) -> Result<Token, IssueError> {
        issue::sign_claims(&self.keys, claims)
    }
}

impl<T: DeserializeOwned> Engine<Arc<T>> {
    /// Finds and verifies a token in a request's raw headers. `wanted` is its kind. In a service with
    /// tenants it is also the tenant of the request ([`Wanted`]).
    ///
    /// A header is given as its lines ([`Lines`]): `Some(bytes)` or `None` for a request that has
    /// one or none.
    ///
    /// # Errors
    ///
    /// [`AuthenticateError`]: it is missing, ambiguous or not good, or its claims are no `T`.
    pub fn authenticate<'h, 't>(
        &self,
        authorization: impl Into<Lines<'h>>,
        cookie: impl Into<Lines<'h>>,
        wanted: impl Into<Wanted<'t>>,
        now: UnixTime,
    ) -> Result<Authenticated<'h, Arc<T>>, AuthenticateError> {
        self.authenticated(authorization, cookie, wanted.into(), now, Revoked::Refuse)
    }

    /// Does the same, and also accepts the token of an ended session, as a second logout needs.
    ///
    /// # Errors
    ///
    /// As [`Engine::authenticate`].
    pub fn authenticate_revoked<'h, 't>(
        &self,
        authorization: impl Into<Lines<'h>>,
        cookie: impl Into<Lines<'h>>,
        wanted: impl Into<Wanted<'t>>,
        now: UnixTime,
    ) -> Result<Authenticated<'h, Arc<T>>, AuthenticateError> {
        self.authenticated(authorization, cookie, wanted.into(), now, Revoked::Allow)
    }

    fn authenticated<'h>(
        &self,
        authorization: impl Into<Lines<'h>>,
        cookie: impl Into<Lines<'h>>,
        wanted: Wanted<'_>,
        now: UnixTime,
        revoked: Revoked,
    ) -> Result<Authenticated<'h, Arc<T>>, AuthenticateError> {
        let face = &mut Typed::default();
        let Authenticated { found, session, claims } =
            self.authenticate_by(authorization, cookie, wanted, now, revoked, face)?;
        Ok(Authenticated { found, session, claims: claims? })
    }

    /// Verifies the text of a token. `wanted` is its kind and its tenant; with the kind `None` both kinds
    /// are good.
    ///
    /// # Errors
    ///
    /// [`AuthenticateError`]: it is not good, or its claims are no `T`.
    pub fn verify<'t>(
        &self,
        token: &[u8],
        wanted: impl Into<Wanted<'t, Option<Kind>>>,
        now: UnixTime,
    ) -> Result<Arc<T>, AuthenticateError> {
        Ok(self.verify_by(token, wanted, now, &mut Typed::default())??)
    }
}

/// Why a request is not authenticated.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AuthenticateError {
    /// No token was found, or more than one.
    Read(ReadError),
    /// The token is not good.
    Verify(VerifyError),
    /// A refresh token was wanted in the header, and an access token came.
    RefreshNotInHeader,
    /// The token is good, and its claims are not of the type that this service reads.
    Shape(ShapeError),
}

impl AuthenticateError {
    /// Why the token that came in this mode is not good.
    pub(crate) fn of(error: VerifyError, mode: Mode) -> Self {
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
            Self::Shape(error) => error.code(),
        }
    }
}

impl fmt::Display for AuthenticateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Verify(error) => error.fmt(f),
            Self::RefreshNotInHeader => f.write_str(self.code().sentence()),
            Self::Shape(error) => error.fmt(f),
        }
    }
}

impl Error for AuthenticateError {
    /// The sentence is that of the inner error, so this is the error below it.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Read(error) => error.source(),
            Self::Verify(error) => error.source(),
            Self::RefreshNotInHeader => None,
            Self::Shape(error) => error.source(),
        }
    }
}

impl From<VerifyError> for AuthenticateError {
    fn from(error: VerifyError) -> Self {
        Self::Verify(error)
    }
}

impl From<ShapeError> for AuthenticateError {
    fn from(error: ShapeError) -> Self {
        Self::Shape(error)
    }
}

impl From<ReadError> for AuthenticateError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

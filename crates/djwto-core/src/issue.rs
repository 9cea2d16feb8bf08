//! New tokens: the registered claims of each, and claims → signed tokens.

use std::fmt;

use aws_lc_rs::rand;
use uuid::Uuid;

use crate::claims::{Claims, ClaimsError, Kind, UnixTime};
use crate::compact::{self, MAX_TOKEN_BYTES};
use crate::draft::{Draft, Written};
use crate::key::KeyRing;
use crate::policy::{Audience, Policy};

/// The registered claims of a new token; a face adds `user` and its own.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Registered {
    /// `iss`
    pub issuer: Option<String>,
    /// `sub`
    pub subject: Option<String>,
    /// `aud`
    pub audience: Option<Audience>,
    /// `iat`, whole seconds
    pub issued_at: Option<i64>,
    /// `nbf`, whole seconds
    pub not_before: Option<i64>,
    /// `exp`, whole seconds
    pub expires: Option<i64>,
    /// `jti`, a random UUID
    pub id: Option<String>,
    /// `sid`
    pub session: String,
    /// `type`
    pub kind: Kind,
    /// `refresh_iat`, of an access token
    pub refresh_issued_at: Option<i64>,
}

/// The refresh token that an access token goes with.
#[derive(Clone, Debug, Default)]
pub struct RefreshLink {
    /// Its `sid`; `None` opens a new one.
    pub session: Option<String>,
    /// Its `iat`, whole seconds.
    pub issued_at: Option<i64>,
    /// Its `exp`, whole seconds.
    pub expires: Option<i64>,
}

impl Registered {
    /// A refresh token of the login `session`, or of a new one.
    ///
    /// # Errors
    ///
    /// [`IssueError::Random`] where the system gives no random bytes.
    pub fn refresh(
        policy: &Policy,
        session: Option<String>,
        now: UnixTime,
    ) -> Result<Self, IssueError> {
        let lifetime = policy.options().refresh_lifetime;
        let expires =
            lifetime.map(|lifetime| whole(now).saturating_add_unsigned(lifetime.as_secs()));
        Self::new(policy, Kind::Refresh, session, expires, None, now)
    }

    /// An access token that goes with a refresh token.
    ///
    /// # Errors
    ///
    /// [`IssueError::Random`] where the system gives no random bytes.
    pub fn access(policy: &Policy, link: RefreshLink, now: UnixTime) -> Result<Self, IssueError> {
        let expires = match policy.options().access_lifetime {
            Some(lifetime) => Some(whole(now).saturating_add_unsigned(lifetime.as_secs())),
            None => link.expires,
        };
        Self::new(policy, Kind::Access, link.session, expires, link.issued_at, now)
    }

    fn new(
        policy: &Policy,
        kind: Kind,
        session: Option<String>,
        expires: Option<i64>,
        refresh_issued_at: Option<i64>,
        now: UnixTime,
    ) -> Result<Self, IssueError> {
        let options = policy.options();
        let wait = options.not_before.as_secs();
        Ok(Self {
            issuer: options.issuer.clone(),
            subject: options.subject.clone(),
            audience: options.audience.clone(),
            issued_at: options.issued_at.then(|| whole(now)),
            not_before: (wait > 0).then(|| whole(now).saturating_add_unsigned(wait)),
            expires,
            id: if options.id { Some(random_uuid()?) } else { None },
            session: session.map_or_else(random_uuid, Ok)?,
            kind,
            refresh_issued_at,
        })
    }
}

/// A signed token, with what its transport needs to know.
pub struct Token {
    text: String,
    payload: String,
    expires: Option<UnixTime>,
}

impl Token {
    /// The compact serialization.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The JSON that was signed.
    pub fn payload(&self) -> &str {
        &self.payload
    }

    /// `exp`.
    pub fn expires(&self) -> Option<UnixTime> {
        self.expires
    }
}

impl fmt::Debug for Token {
    /// Never shows the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// Signs the JSON text of claims. Nothing is signed that the engine would not read back.
///
/// # Errors
///
/// [`IssueError`] says what hinders it.
pub fn sign(keys: &KeyRing, payload: impl Into<String>) -> Result<Token, IssueError> {
    let payload = payload.into();
    let claims = Claims::parse(payload.as_bytes()).map_err(IssueError::Claims)?;
    let Claims { expires, kind, names_user, .. } = claims;
    serialize(keys, payload, Written { expires, kind, names_user })
}

/// Signs claims that were written by a face.
///
/// # Errors
///
/// As [`sign`].
pub fn sign_draft(keys: &KeyRing, draft: Draft) -> Result<Token, IssueError> {
    let (payload, written) = draft.finish().map_err(IssueError::Claims)?;
    serialize(keys, payload, written)
}

fn serialize(keys: &KeyRing, payload: String, written: Written) -> Result<Token, IssueError> {
    if written.kind.is_none() {
        return Err(IssueError::Missing("type"));
    }
    if !written.names_user {
        return Err(IssueError::Missing("user.id"));
    }
    let key = keys.signing().ok_or(IssueError::NoSigningKey)?;
    let text = compact::serialize(key.header(), payload.as_bytes(), |input| key.sign(input))
        .ok_or(IssueError::Sign)?;
    if text.len() > MAX_TOKEN_BYTES {
        return Err(IssueError::TooLarge);
    }
    Ok(Token { text, payload, expires: written.expires })
}

fn random_uuid() -> Result<String, IssueError> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| IssueError::Random)?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid()).map(|uuid: Uuid| uuid.to_string())
}

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and fractions are cut")]
fn whole(now: UnixTime) -> i64 {
    now.seconds() as i64
}

/// Why a token could not be issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssueError {
    /// The claims would be refused when they come back.
    Claims(ClaimsError),
    /// A claim that every token must have is not there.
    Missing(&'static str),
    /// The token would be longer than [`MAX_TOKEN_BYTES`].
    TooLarge,
    /// There is only a key to verify with.
    NoSigningKey,
    /// The signature could not be made.
    Sign,
    /// The system gives no random bytes.
    Random,
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claims(error) => write!(f, "the claims cannot be signed: {error}"),
            Self::Missing(claim) => {
                write!(f, "the claims cannot be signed: there is no \"{claim}\"")
            }
            Self::TooLarge => write!(f, "the token would be over {MAX_TOKEN_BYTES} bytes"),
            Self::NoSigningKey => f.write_str("there is no signing key, only a verifying key"),
            Self::Sign => f.write_str("the cryptographic library could not sign"),
            Self::Random => f.write_str("the system gives no random bytes"),
        }
    }
}

impl std::error::Error for IssueError {}

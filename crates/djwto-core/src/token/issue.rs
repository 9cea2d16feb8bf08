//! New tokens: the registered claims of each, and claims → signed tokens.

use std::error::Error;
use std::time::Duration;
use std::{fmt, io};

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::ser::Formatter;

use crate::compact::{self, MAX_TOKEN_BYTES};
use crate::json;
use crate::key::KeyRing;
use crate::policy::{Audience, Policy, Subject};
use crate::token::claims::{Claims, ClaimsError};
#[cfg(feature = "faces")]
use crate::token::claims_writer::ClaimsJson;
use crate::token::session_id::{SessionId, derived};
use crate::types::{Kind, UnixTime};

/// The registered claims of a new token; a face adds `user` and its own.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RegisteredClaims {
    /// `iss`
    pub issuer: Option<String>,
    /// `sub`, where it is the same in every token
    pub subject: Option<String>,
    /// `aud`
    pub audience: Option<Audience>,
    /// `iat`, whole seconds
    pub issued_at: Option<i64>,
    /// `nbf`, whole seconds
    pub not_before: Option<i64>,
    /// `exp`, whole seconds
    pub expires: Option<i64>,
    /// `jti`, a UUID
    pub id: Option<String>,
    /// `sid`, a UUID
    pub session: String,
    /// `gen`, of a refresh token
    pub generation: Option<u64>,
    /// `type`
    pub kind: Kind,
    /// `refresh_iat`, of an access token
    pub refresh_issued_at: Option<i64>,
    /// `tenant`, where there are tenants
    pub tenant: Option<String>,
}

impl Serialize for RegisteredClaims {
    /// The claims that are there, under their names. A type of claims takes them in with
    /// `#[serde(flatten)]`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, text) in [
            ("iss", &self.issuer),
            ("sub", &self.subject),
            ("jti", &self.id),
            ("tenant", &self.tenant),
        ] {
            if let Some(text) = text {
                map.serialize_entry(name, text)?;
            }
        }
        match &self.audience {
            Some(Audience::One(one)) => map.serialize_entry("aud", one)?,
            Some(Audience::Several(several)) => map.serialize_entry("aud", several)?,
            None => {}
        }
        for (name, time) in [
            ("iat", self.issued_at),
            ("nbf", self.not_before),
            ("exp", self.expires),
            ("refresh_iat", self.refresh_issued_at),
        ] {
            if let Some(time) = time {
                map.serialize_entry(name, &time)?;
            }
        }
        map.serialize_entry("sid", &self.session)?;
        if let Some(generation) = self.generation {
            map.serialize_entry("gen", &generation)?;
        }
        map.serialize_entry("type", self.kind.name())?;
        map.end()
    }
}

/// The generation of a new session.
pub const FIRST_GENERATION: u64 = 1;

/// The refresh token of a session, as its store has it.
#[derive(Clone, Copy, Debug)]
pub struct RefreshTokenSpec<'a> {
    /// `sid`
    pub session: &'a str,
    /// `gen`
    pub generation: u64,
    /// `iat`, whole seconds.
    pub issued_at: i64,
    /// `exp`, whole seconds.
    pub expires: Option<i64>,
    /// Whether the token is the only one of its generation. Its `jti` is then derived, so a
    /// token that is made again is the same.
    pub has_derived_jti: bool,
}

/// What an access token takes from its refresh token.
#[derive(Clone, Copy, Debug, Default)]
pub struct RefreshLink<'a> {
    /// Its `sid`; `None` opens a new session.
    pub session: Option<&'a str>,
    /// Its `gen`, where one access token goes with it and no other: the `jti` is then derived.
    pub generation: Option<u64>,
    /// Its `iat`, whole seconds.
    pub issued_at: Option<i64>,
    /// Its `exp`, whole seconds.
    pub expires: Option<i64>,
    /// When the session ends, however often it is renewed; whole seconds.
    pub ends: Option<i64>,
}

impl RegisteredClaims {
    /// The first refresh token of a new session, for a face whose project may change the claims
    /// before the session opens. [`crate::session::login::open`] then cuts `exp` at the session's end.
    /// Others open the session first, and take [`crate::session::login::Opened::refresh`].
    ///
    /// # Errors
    ///
    /// [`IssueError::Random`] where the system gives no random bytes.
    pub fn login(policy: &Policy, now: UnixTime) -> Result<Self, IssueError> {
        let lifetime = policy.options().refresh_lifetime;
        let spec = RefreshTokenSpec {
            session: &random_uuid()?,
            generation: FIRST_GENERATION,
            issued_at: now.whole(),
            expires: lifetime.map(|lifetime| later(now.whole(), lifetime)),
            has_derived_jti: true,
        };
        Self::refresh(policy, &spec)
    }

    /// The refresh token of a session as it stands.
    ///
    /// # Errors
    ///
    /// [`IssueError::Random`] where the system gives no random bytes.
    pub fn refresh(policy: &Policy, spec: &RefreshTokenSpec<'_>) -> Result<Self, IssueError> {
        let generation = spec.has_derived_jti.then_some(spec.generation);
        let session = spec.session.to_owned();
        Ok(Self {
            expires: spec.expires,
            generation: Some(spec.generation),
            ..Self::new(policy, Kind::Refresh, session, generation, spec.issued_at)?
        })
    }

    /// An access token that goes with a refresh token.
    ///
    /// # Errors
    ///
    /// [`IssueError::Random`] where the system gives no random bytes.
    pub fn access(
        policy: &Policy,
        link: &RefreshLink<'_>,
        now: UnixTime,
    ) -> Result<Self, IssueError> {
        let lifetime = policy.options().access_lifetime;
        let expires = lifetime.map(|lifetime| later(now.whole(), lifetime)).or(link.expires);
        let session = link.session.map_or_else(random_uuid, |session| Ok(session.to_owned()))?;
        Ok(Self {
            expires: expires.into_iter().chain(link.ends).min(),
            refresh_issued_at: link.issued_at,
            ..Self::new(policy, Kind::Access, session, link.generation, now.whole())?
        })
    }

    fn new(
        policy: &Policy,
        kind: Kind,
        session: String,
        generation: Option<u64>,
        issued_at: i64,
    ) -> Result<Self, IssueError> {
        let options = policy.options();
        let id = match generation {
            _ if !options.id => None,
            Some(generation) => Some(repeatable_id(&session, generation, kind)),
            None => Some(random_uuid()?),
        };
        Ok(Self {
            issuer: options.issuer.clone(),
            subject: match &options.subject {
                Some(Subject::Text(subject)) => Some(subject.clone()),
                Some(Subject::User) | None => None,
            },
            audience: options.audience.clone(),
            issued_at: options.issued_at.then_some(issued_at),
            not_before: (options.not_before.as_secs() > 0)
                .then(|| later(issued_at, options.not_before)),
            expires: None,
            id,
            session,
            generation: None,
            kind,
            refresh_issued_at: None,
            tenant: None,
        })
    }
}

/// The `jti` of the one token of its kind that a generation has.
fn repeatable_id(session: &str, generation: u64, kind: Kind) -> String {
    let parts = [session.as_bytes(), &generation.to_be_bytes(), kind.name().as_bytes()];
    derived("djwto token", &parts).to_string()
}

fn later(time: i64, by: Duration) -> i64 {
    time.saturating_add_unsigned(by.as_secs())
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

    /// The compact serialization, without the rest.
    pub fn into_text(self) -> String {
        self.text
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
    let Claims { expires, kind, .. } = claims;
    let names_user = claims.user.is_some();
    serialize(keys, payload, IssuedClaims { expires, kind, names_user })
}

/// Signs claims of a Rust type. Their JSON is ASCII, and its names are sorted.
///
/// # Errors
///
/// [`IssueError`] says what hinders it.
pub fn issue<T: Serialize + ?Sized>(keys: &KeyRing, claims: &T) -> Result<Token, IssueError> {
    // A tree sorts the names, which a type may not do; a feature of `serde_json` keeps their order.
    let mut tree = serde_json::to_value(claims).map_err(|_| IssueError::NotJson)?;
    tree.sort_all_objects();
    let mut json = Vec::with_capacity(1024);
    tree.serialize(&mut serde_json::Serializer::with_formatter(&mut json, Ascii))
        .map_err(|_| IssueError::NotJson)?;
    sign(keys, String::from_utf8(json).map_err(|_| IssueError::NotJson)?)
}

/// Escapes all that is not ASCII, as pages read `jwt_access_payload` byte by byte.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut text = String::with_capacity(fragment.len());
        fragment.chars().for_each(|letter| json::write_letter(&mut text, letter));
        writer.write_all(text.as_bytes())
    }
}

/// Signs claims that were written by a face.
///
/// # Errors
///
/// As [`sign`].
#[cfg(feature = "faces")]
pub fn sign_claims(keys: &KeyRing, claims: ClaimsJson) -> Result<Token, IssueError> {
    let (payload, written) = claims.finish().map_err(IssueError::Claims)?;
    serialize(keys, payload, written)
}

/// What issuing needs to know of claims that were written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IssuedClaims {
    pub(crate) expires: Option<UnixTime>,
    pub(crate) kind: Option<Kind>,
    pub(crate) names_user: bool,
}

fn serialize(keys: &KeyRing, payload: String, written: IssuedClaims) -> Result<Token, IssueError> {
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
    let session = SessionId::random().map_err(|_| IssueError::Random)?;
    Ok(session.to_string())
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
    /// The type of the claims does not become JSON.
    NotJson,
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
            Self::NotJson => f.write_str("the claims cannot be written as JSON"),
        }
    }
}

impl Error for IssueError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Claims(error) => Some(error),
            _ => None,
        }
    }
}

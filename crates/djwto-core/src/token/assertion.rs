//! Assertions: what a guard tells the service behind it about the user of a request.
//!
//! An assertion is a short-lived JWS with a `typ` that no token has (RFC 8725 §3.11). A ring of key
//! pairs signs it, and no key of a token is needed to verify it. It names one audience, so that a
//! service cannot use it at another one (RFC 8725 §3.9).
//!
//! | claim | value |
//! |---|---|
//! | `iss` | the guard |
//! | `aud` | the service, one text |
//! | `sub` | the key of the user, as text |
//! | `sid` | the session |
//! | `iat` | when it was signed, whole seconds |
//! | `exp` | at most [`MAX_SECONDS`] later, and never after the `exp` of the access token |
//!
//! A guard may keep an assertion for later requests of the same token and audience.
//! [`Assertion::is_usable`] says for how long.
//!
//! ```
//! use djwto_core::token::assertion::{self, AssertionKeys, Facts};
//! use djwto_core::{Algorithm, Key, KeyRing, SessionId, UnixTime};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let keys = AssertionKeys::new(KeyRing::new(Key::generate(Algorithm::EdDsa)?))?;
//! let now = UnixTime::from_whole(1_700_000_000);
//! let facts = Facts {
//!     issuer: "https://portal.example",
//!     audience: "models",
//!     user: "7",
//!     session: SessionId::random()?,
//!     access_expires: Some(UnixTime::from_whole(1_700_000_300)),
//! };
//! let signed = assertion::sign(&keys, &facts, now)?;
//! assert!(signed.is_usable(now));
//!
//! let text = signed.text().as_bytes();
//! let read = assertion::verify(text, &keys, "https://portal.example", "models", now)?;
//! assert_eq!(read.user, "7");
//! assert!(assertion::verify(text, &keys, "https://portal.example", "other", now).is_err());
//! # Ok(())
//! # }
//! ```

use std::error::Error;
use std::fmt;

use serde_json::json;

use crate::algorithm::Family;
use crate::compact::{self, MAX_TOKEN_BYTES, Purpose, Untrusted};
use crate::error::Code;
use crate::key::KeyRing;
use crate::token::claims::{Claims, ClaimsError};
use crate::token::issue::IssueError;
use crate::token::session_id::SessionId;
use crate::token::verify::VerifyError;
use crate::types::UnixTime;

/// The `typ` of an assertion. No token has it, and no assertion has that of a token.
pub const TYP: &str = "djwto-assertion+jwt";

/// How far away `exp` is at most, in seconds.
pub const MAX_SECONDS: f64 = 60.0;

/// How far away `exp` is at least when an assertion is handed out, in seconds. The `exp` of the access
/// token may be nearer, and then decides.
pub const MIN_SECONDS: f64 = 20.0;

/// Keys for assertions: key pairs only. A service that verifies with a shared secret could also sign.
#[derive(Debug)]
pub struct AssertionKeys(KeyRing);

impl AssertionKeys {
    /// Takes a ring without shared secrets.
    ///
    /// # Errors
    ///
    /// [`SharedSecret`] if there is one.
    pub fn new(ring: KeyRing) -> Result<Self, SharedSecret> {
        let is_secret = |key: &crate::Key| key.algorithm().family() == Family::Hmac;
        if ring.keys().iter().any(is_secret) { Err(SharedSecret) } else { Ok(Self(ring)) }
    }

    /// The ring.
    pub fn ring(&self) -> &KeyRing {
        &self.0
    }
}

/// A ring for assertions has a shared secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedSecret;

impl fmt::Display for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected key pairs, found a shared secret (HS256, HS384 or HS512)")
    }
}

impl Error for SharedSecret {}

/// What an assertion says.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// `iss`: the guard.
    pub issuer: &'a str,
    /// `aud`: the service.
    pub audience: &'a str,
    /// `sub`: the key of the user, as text.
    pub user: &'a str,
    /// `sid`: the session of the access token.
    pub session: SessionId,
    /// The `exp` of the access token; `None` if it has none.
    pub access_expires: Option<UnixTime>,
}

/// A signed assertion, and when it may be handed out.
#[derive(Clone, PartialEq)]
pub struct Assertion {
    text: String,
    usable: Usable,
}

impl Assertion {
    /// The JWS in compact serialization.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// `exp`
    pub fn expires(&self) -> Option<UnixTime> {
        UnixTime::new(self.usable.expires)
    }

    /// As [`Usable::is_now`].
    pub fn is_usable(&self, now: UnixTime) -> bool {
        self.usable.is_now(now)
    }

    /// The JWS, and when it may be handed out.
    pub fn into_parts(self) -> (String, Usable) {
        (self.text, self.usable)
    }
}

impl fmt::Debug for Assertion {
    /// Never shows the assertion.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assertion").field("usable", &self.usable).finish_non_exhaustive()
    }
}

/// When an assertion may be handed out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usable {
    expires: f64,
    until: f64,
}

impl Usable {
    /// Whether it may be handed out at this time. `exp` is then at most [`MAX_SECONDS`] away. It is at
    /// least [`MIN_SECONDS`] away, unless the access token expires then.
    pub fn is_now(self, now: UnixTime) -> bool {
        let now = now.seconds();
        // A clock that was set back would make it last longer.
        now < self.until && self.expires - now <= MAX_SECONDS
    }
}

/// Signs an assertion.
///
/// # Errors
///
/// [`SignError::Expired`] if the access token has expired, also within a leeway. Otherwise
/// [`SignError::Issue`], most often because no key can sign.
pub fn sign(
    keys: &AssertionKeys,
    facts: &Facts<'_>,
    now: UnixTime,
) -> Result<Assertion, SignError> {
    let Facts { issuer, audience, user, session, access_expires } = *facts;
    for (claim, value) in [("iss", issuer), ("aud", audience), ("sub", user)] {
        if value.is_empty() {
            return Err(IssueError::Missing(claim).into());
        }
    }
    let latest = (now.seconds() + MAX_SECONDS).floor();
    // A fraction is cut, as `verify` cuts it.
    let access = access_expires.map_or(f64::INFINITY, |time| time.seconds().floor());
    let expires = latest.min(access);
    if expires <= now.seconds() {
        return Err(SignError::Expired);
    }
    let until = if access <= latest { expires } else { expires - MIN_SECONDS };
    let payload = json!({
        "iss": issuer, "aud": audience, "sub": user, "sid": session.to_string(),
        "iat": whole(now.seconds()), "exp": whole(expires),
    });
    let key = keys.0.signing().ok_or(IssueError::NoSigningKey)?;
    let payload = payload.to_string();
    let text = compact::serialize(&key.header_of(TYP), payload.as_bytes(), |input| key.sign(input))
        .ok_or(IssueError::Sign)?;
    if text.len() > MAX_TOKEN_BYTES {
        return Err(IssueError::TooLarge.into());
    }
    Ok(Assertion { text, usable: Usable { expires, until } })
}

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
fn whole(seconds: f64) -> i64 {
    seconds.floor() as i64
}

/// The claims of an assertion that was verified. Its issuer and audience are the required ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Asserted {
    /// `sub`: the key of the user, as text.
    pub user: String,
    /// `sid`: the session.
    pub session: SessionId,
    /// `iat`
    pub issued_at: UnixTime,
    /// `exp`
    pub expires: UnixTime,
}

/// Verifies an assertion: the signature, then the claims.
///
/// `iat` is not compared with the clock, as in tokens. There is no leeway.
///
/// # Errors
///
/// [`VerifyError`] names the first rule that does not hold. A token is malformed as an assertion.
pub fn verify(
    text: &[u8],
    keys: &AssertionKeys,
    issuer: &str,
    audience: &str,
    now: UnixTime,
) -> Result<Asserted, VerifyError> {
    let assertion = Untrusted::parse(text)?;
    if !keys.0.verifies(&assertion, Purpose::Assertion)? {
        return Err(VerifyError::Signature);
    }
    let payload = assertion.decode_payload()?;
    let claims = Claims::parse(&payload)?;
    let expires = claims.expires.ok_or(VerifyError::Missing("exp"))?;
    if expires.seconds().floor() <= now.seconds() {
        return Err(VerifyError::Expired);
    }
    if claims.not_before.is_some_and(|time| time > now) {
        return Err(VerifyError::NotYetValid);
    }
    if claims.issuer.as_deref().ok_or(VerifyError::Missing("iss"))? != issuer {
        return Err(VerifyError::Issuer);
    }
    match claims.audience.as_deref().ok_or(VerifyError::Missing("aud"))? {
        [one] if one == audience => {}
        _ => return Err(VerifyError::Audience),
    }
    let user = claims.subject.as_deref().ok_or(VerifyError::Missing("sub"))?;
    if user.is_empty() {
        return Err(VerifyError::Subject);
    }
    let session = claims.session.as_deref().ok_or(VerifyError::Missing("sid"))?;
    let session = SessionId::parse(session).ok_or(VerifyError::UnknownSession)?;
    let issued_at = claims.issued_at.ok_or(VerifyError::Missing("iat"))?;
    if expires.seconds() - issued_at.seconds() > MAX_SECONDS {
        return Err(ClaimsError::Invalid("exp").into());
    }
    Ok(Asserted { user: user.to_owned(), session, issued_at, expires })
}

/// Why an assertion was not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError {
    /// The access token has expired.
    Expired,
    /// No key can sign, or a claim is missing or too long.
    Issue(IssueError),
}

impl SignError {
    /// The stable slug.
    pub fn code(self) -> Code {
        match self {
            Self::Expired => Code::TokenExpired,
            Self::Issue(_) => Code::ProcessingFailed,
        }
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str(self.code().sentence()),
            Self::Issue(error) => error.fmt(f),
        }
    }
}

impl Error for SignError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Expired => None,
            Self::Issue(error) => Some(error),
        }
    }
}

impl From<IssueError> for SignError {
    fn from(error: IssueError) -> Self {
        Self::Issue(error)
    }
}

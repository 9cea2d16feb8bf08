//! The claims that the engine reads. All others are kept unchanged.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::compact::MalformedToken;
use crate::error::Code;
use crate::json::{self, Build, Reader, Seen};
#[cfg(doc)]
use crate::token::permissions::Permissions;
use crate::token::session_id::{SessionClaims, SessionId};
use crate::types::{Kind, UnixTime, UserId};

/// The longest `jti` or `sid`, in bytes: what the blacklist's column holds.
pub const MAX_ID_BYTES: usize = 255;

/// The claims of a payload that the rules need.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Claims<'p> {
    /// `iss`
    pub issuer: Option<Cow<'p, str>>,
    /// `sub`
    pub subject: Option<Cow<'p, str>>,
    /// `aud`, one or several
    pub audience: Option<Vec<Cow<'p, str>>>,
    /// `exp`
    pub expires: Option<UnixTime>,
    /// `nbf`
    pub not_before: Option<UnixTime>,
    /// `iat`
    pub issued_at: Option<UnixTime>,
    /// `jti`
    pub id: Option<Cow<'p, str>>,
    /// `sid`, the session
    pub session: Option<Cow<'p, str>>,
    /// `refresh_iat`, of an access token: the `iat` of its refresh token. `None` where it is no time.
    pub refresh_issued_at: Option<UnixTime>,
    /// `gen`, of a refresh token: how often its session was renewed
    pub generation: Option<i64>,
    /// `type`
    pub kind: Option<Kind>,
    /// `tenant`. `None` where it is no text, as a project without tenants may have it.
    pub tenant: Option<Cow<'p, str>>,
    /// `user.id`, a whole number or a text.
    pub user: Option<UserId<'p>>,
    /// `user.perms`, in JSON: [`Permissions::parse`] reads it.
    pub permissions: Option<&'p [u8]>,
    /// Whether `user.perms_omitted` is true.
    pub permissions_omitted: bool,
    /// The first registered claim that has a wrong type.
    invalid: Option<&'static str>,
}

impl<'p> Claims<'p> {
    /// Reads a payload strictly.
    ///
    /// # Errors
    ///
    /// [`ClaimsError::Malformed`] where it is not one JSON object without duplicate names;
    /// [`ClaimsError::Invalid`] where a registered claim has a wrong type.
    pub fn parse(payload: &'p [u8]) -> Result<Self, ClaimsError> {
        Ok(Self::read(payload, &mut ())?.0)
    }

    /// Reads a payload strictly, while `build` makes of it what a face needs.
    ///
    /// # Errors
    ///
    /// As [`Claims::parse`].
    pub fn read<B: Build>(
        payload: &'p [u8],
        build: &mut B,
    ) -> Result<(Self, B::Value), ClaimsError> {
        let mut claims = Self::default();
        let value = json::read_object(payload, build, Claim::named, |reader, claim| match claim {
            Claim::Audience => claims.read_audience(reader),
            Claim::User => reader.members(OfUser::named, |reader, member| {
                if member == OfUser::Id {
                    let (value, id) = reader.seen()?;
                    claims.user = UserId::of(id);
                    return Ok(value);
                }
                let (value, json) = reader.spanned()?;
                match member {
                    OfUser::Permissions => claims.permissions = Some(json),
                    OfUser::Omitted => claims.permissions_omitted = json == b"true",
                    OfUser::Id | OfUser::Other => {}
                }
                Ok(value)
            }),
            Claim::Other => reader.value(),
            claim => {
                let (value, seen) = reader.seen()?;
                claims.see(claim, seen);
                Ok(value)
            }
        })
        .map_err(|reason| ClaimsError::Malformed(MalformedToken::Payload(reason)))?;
        match claims.invalid {
            Some(claim) => Err(ClaimsError::Invalid(claim)),
            None => Ok((claims, value)),
        }
    }

    /// The claims by which the session is named.
    pub fn session_claims(&self) -> SessionClaims<'_> {
        SessionClaims {
            session: self.session.as_deref(),
            id: self.id.as_deref(),
            user: self.user.as_ref(),
            issued_at: self.issued_at,
            refresh_issued_at: self.refresh_issued_at,
            expires: self.expires,
            generation: self.generation,
            tenant: self.tenant.as_deref(),
        }
    }

    /// Names the session, as [`SessionId::of`] does.
    pub fn session_id(&self) -> Option<SessionId> {
        SessionId::of(&self.session_claims())
    }

    fn see(&mut self, claim: Claim, value: Seen<'p>) {
        if !is_valid(claim, &value) {
            self.invalid = self.invalid.or(Some(claim.name()));
            return;
        }
        match claim {
            Claim::Issuer => self.issuer = text(value),
            Claim::Subject => self.subject = text(value),
            Claim::Expires => self.expires = UnixTime::of(&value),
            Claim::NotBefore => self.not_before = UnixTime::of(&value),
            Claim::IssuedAt => self.issued_at = UnixTime::of(&value),
            Claim::Id => self.id = text(value),
            Claim::Session => self.session = text(value),
            Claim::Generation => self.generation = whole(&value),
            Claim::Type => self.kind = Kind::of(&value),
            Claim::RefreshIssuedAt => self.refresh_issued_at = UnixTime::of(&value),
            Claim::Tenant => self.tenant = text(value),
            Claim::Audience => self.audience.get_or_insert_default().extend(text(value)),
            Claim::User | Claim::Other => {}
        }
    }

    fn read_audience<B: Build>(
        &mut self,
        reader: &mut Reader<'p, '_, B>,
    ) -> Result<B::Value, &'static str> {
        self.audience = Some(Vec::new());
        let mut entry = |reader: &mut Reader<'p, '_, B>| {
            let (value, seen) = reader.seen()?;
            self.see(Claim::Audience, seen);
            Ok(value)
        };
        match reader.items(&mut entry)? {
            Some(several) => Ok(several),
            None => entry(reader),
        }
    }
}

fn whole(value: &Seen<'_>) -> Option<i64> {
    match value {
        Seen::Integer(number) if *number >= 0 => Some(*number),
        _ => None,
    }
}

fn text(value: Seen<'_>) -> Option<Cow<'_, str>> {
    match value {
        Seen::Text(text) => Some(text),
        _ => None,
    }
}

/// Whether a value can be that of the claim; for `aud` one entry, for `user` its `id`.
pub(crate) fn is_valid(claim: Claim, value: &Seen<'_>) -> bool {
    match claim {
        Claim::Issuer | Claim::Subject | Claim::Audience => matches!(value, Seen::Text(_)),
        Claim::Expires | Claim::NotBefore | Claim::IssuedAt => UnixTime::of(value).is_some(),
        Claim::Id | Claim::Session => matches!(value, Seen::Text(id) if is_identifier(id)),
        Claim::Generation => whole(value).is_some(),
        Claim::Type => Kind::of(value).is_some(),
        Claim::User => match value {
            Seen::Integer(_) | Seen::BigInteger(_) => true,
            Seen::Text(id) => !id.is_empty(),
            Seen::Float(_) | Seen::Other => false,
        },
        Claim::RefreshIssuedAt | Claim::Tenant | Claim::Other => true,
    }
}

/// An identifier goes into a database column: bounded, and without control characters, of which
/// databases may refuse the null.
fn is_identifier(id: &str) -> bool {
    let has_control = if id.is_ascii() {
        // All bytes are looked at, so that the processor can take many at once.
        id.bytes().fold(false, |found, byte| found | byte.is_ascii_control())
    } else {
        id.chars().any(char::is_control)
    };
    !id.is_empty() && id.len() <= MAX_ID_BYTES && !has_control
}

/// A claim that the rules need, or another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    Issuer,
    Subject,
    Audience,
    Expires,
    NotBefore,
    IssuedAt,
    Id,
    Session,
    Generation,
    RefreshIssuedAt,
    Tenant,
    Type,
    User,
    Other,
}

impl Claim {
    /// The claim of that exact name.
    #[inline]
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "iss" => Self::Issuer,
            "sub" => Self::Subject,
            "aud" => Self::Audience,
            "exp" => Self::Expires,
            "nbf" => Self::NotBefore,
            "iat" => Self::IssuedAt,
            "jti" => Self::Id,
            "sid" => Self::Session,
            "gen" => Self::Generation,
            "refresh_iat" => Self::RefreshIssuedAt,
            "tenant" => Self::Tenant,
            "type" => Self::Type,
            "user" => Self::User,
            _ => Self::Other,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Issuer => "iss",
            Self::Subject => "sub",
            Self::Audience => "aud",
            Self::Expires => "exp",
            Self::NotBefore => "nbf",
            Self::IssuedAt => "iat",
            Self::Id => "jti",
            Self::Session => "sid",
            Self::Generation => "gen",
            Self::RefreshIssuedAt => "refresh_iat",
            Self::Tenant => "tenant",
            Self::Type => "type",
            Self::User => "user",
            Self::Other => "",
        }
    }
}

/// A member of `user` that the rules need, or another one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OfUser {
    Id,
    Permissions,
    Omitted,
    Other,
}

impl OfUser {
    fn named(name: &str) -> Self {
        match name {
            "id" => Self::Id,
            "perms" => Self::Permissions,
            "perms_omitted" => Self::Omitted,
            _ => Self::Other,
        }
    }
}

/// Why a payload was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimsError {
    /// Not strict JSON.
    Malformed(MalformedToken),
    /// The claim of this name has a wrong type or an impossible value.
    Invalid(&'static str),
}

impl ClaimsError {
    /// The stable slug.
    pub fn code(self) -> Code {
        match self {
            Self::Malformed(error) => error.code(),
            Self::Invalid(_) => Code::ClaimInvalid,
        }
    }
}

impl fmt::Display for ClaimsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => error.fmt(f),
            Self::Invalid(claim) => f.write_str(&Code::ClaimInvalid.fill(claim)),
        }
    }
}

impl Error for ClaimsError {}

/// Reads a payload as a Rust type. It was checked before, strictly.
pub(crate) fn typed<T: DeserializeOwned>(payload: &[u8]) -> Result<T, ShapeError> {
    // Each string of a text is not looked at again.
    let text = str::from_utf8(payload).map_err(serde::de::Error::custom);
    text.and_then(serde_json::from_str).map_err(|error| ShapeError(Arc::new(error)))
}

/// Claims are not of the type that a service reads.
///
/// The token is good, but the type and the issuer do not agree about the claims. A client gets one
/// fixed sentence. [`Error::source`] has the reason for the log, and may quote a claim.
#[derive(Clone)]
pub struct ShapeError(Arc<serde_json::Error>);

impl ShapeError {
    /// The stable slug.
    pub fn code(&self) -> Code {
        Code::ClaimInvalid
    }
}

impl fmt::Debug for ShapeError {
    /// Never shows a claim.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShapeError").finish_non_exhaustive()
    }
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("The claims are not of the type that this service reads")
    }
}

impl Error for ShapeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.0.as_ref())
    }
}

//! The claims that the engine reads; everything else is kept as it came.

use std::borrow::Cow;
use std::fmt;

use jiter::JsonValue;

use crate::compact::MalformedToken;
use crate::error::Code;
use crate::json;

/// The longest `jti` or `sid`, in bytes: what the blacklist's column holds.
pub const MAX_ID_BYTES: usize = 255;

/// Which of the two tokens: the value of `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Short-lived, opens views.
    Access,
    /// Long-lived, buys access tokens.
    Refresh,
}

impl Kind {
    /// The value of the claim.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Refresh => "refresh",
        }
    }

    /// The kind of that exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Access, Self::Refresh].into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Seconds since 1970-01-01T00:00:00Z, never NaN nor infinite (RFC 7519 §2, `NumericDate`).
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct UnixTime(f64);

impl UnixTime {
    /// `None` for a number that is not finite.
    pub fn new(seconds: f64) -> Option<Self> {
        seconds.is_finite().then_some(Self(seconds))
    }

    /// The seconds.
    pub const fn seconds(self) -> f64 {
        self.0
    }

    pub(crate) fn from_json(value: &JsonValue<'_>) -> Option<Self> {
        match value {
            #[expect(clippy::cast_precision_loss, reason = "exact for the next 285 million years")]
            JsonValue::Int(seconds) => Some(Self(*seconds as f64)),
            JsonValue::Float(seconds) => Self::new(*seconds),
            // A whole number beyond 64 bits is no time.
            _ => None,
        }
    }
}

/// The claims of one payload that rules are about.
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
    /// `sid`, the login
    pub session: Option<Cow<'p, str>>,
    /// `type`
    pub kind: Option<Kind>,
    /// Whether `user.id` is a number or a text.
    pub names_user: bool,
}

impl<'p> Claims<'p> {
    /// Reads a payload strictly.
    ///
    /// # Errors
    ///
    /// [`ClaimsError::Malformed`] where it is not one JSON object without duplicate names;
    /// [`ClaimsError::Invalid`] where a registered claim has a wrong type.
    pub fn parse(payload: &'p [u8]) -> Result<Self, ClaimsError> {
        let object = json::parse_object(payload)
            .map_err(|reason| ClaimsError::Malformed(MalformedToken::Payload(reason)))?;
        let mut claims = Self::default();
        for (name, value) in object.iter() {
            match name.as_ref() {
                "iss" => claims.issuer = Some(text("iss", value)?),
                "sub" => claims.subject = Some(text("sub", value)?),
                "aud" => claims.audience = Some(audience(value)?),
                "exp" => claims.expires = Some(time("exp", value)?),
                "nbf" => claims.not_before = Some(time("nbf", value)?),
                "iat" => claims.issued_at = Some(time("iat", value)?),
                "jti" => claims.id = Some(identifier("jti", value)?),
                "sid" => claims.session = Some(identifier("sid", value)?),
                "type" => claims.kind = Some(kind(value)?),
                "user" => claims.names_user = names_user(value),
                _ => {}
            }
        }
        Ok(claims)
    }
}

fn text<'p>(claim: &'static str, value: &JsonValue<'p>) -> Result<Cow<'p, str>, ClaimsError> {
    match value {
        JsonValue::Str(text) => Ok(text.clone()),
        _ => Err(ClaimsError::Invalid(claim)),
    }
}

fn time(claim: &'static str, value: &JsonValue<'_>) -> Result<UnixTime, ClaimsError> {
    UnixTime::from_json(value).ok_or(ClaimsError::Invalid(claim))
}

/// An identifier goes into a database column: bounded, and without control characters, of which
/// databases may refuse the null.
fn identifier<'p>(claim: &'static str, value: &JsonValue<'p>) -> Result<Cow<'p, str>, ClaimsError> {
    let id = text(claim, value)?;
    if id.is_empty() || id.len() > MAX_ID_BYTES || id.chars().any(char::is_control) {
        return Err(ClaimsError::Invalid(claim));
    }
    Ok(id)
}

fn audience<'p>(value: &JsonValue<'p>) -> Result<Vec<Cow<'p, str>>, ClaimsError> {
    match value {
        JsonValue::Str(one) => Ok(vec![one.clone()]),
        JsonValue::Array(several) => several.iter().map(|item| text("aud", item)).collect(),
        _ => Err(ClaimsError::Invalid("aud")),
    }
}

fn kind(value: &JsonValue<'_>) -> Result<Kind, ClaimsError> {
    match value {
        JsonValue::Str(name) => Kind::from_name(name),
        _ => None,
    }
    .ok_or(ClaimsError::Invalid("type"))
}

fn names_user(value: &JsonValue<'_>) -> bool {
    let JsonValue::Object(user) = value else { return false };
    user.iter().any(|(name, id)| {
        name == "id"
            && match id {
                JsonValue::Int(_) | JsonValue::BigInt(_) => true,
                JsonValue::Str(id) => !id.is_empty(),
                _ => false,
            }
    })
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

impl std::error::Error for ClaimsError {}

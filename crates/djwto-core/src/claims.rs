//! The claims that the engine reads; everything else is kept as it came.

use std::borrow::Cow;
use std::fmt;

use crate::compact::MalformedToken;
use crate::error::Code;
use crate::json::{self, Build, Reader, Seen};

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

    fn of(value: &Seen<'_>) -> Option<Self> {
        match value {
            #[expect(clippy::cast_precision_loss, reason = "exact for the next 285 million years")]
            Seen::Integer(seconds) => Some(Self(*seconds as f64)),
            Seen::Float(seconds) => Self::new(*seconds),
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
            Claim::User => reader.members(
                |name| name == "id",
                |reader, is_id| {
                    if !is_id {
                        return reader.value();
                    }
                    let (value, id) = reader.seen()?;
                    claims.see_user_id(&id);
                    Ok(value)
                },
            ),
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

    fn see(&mut self, claim: Claim, value: Seen<'p>) {
        let taken = match claim {
            Claim::Issuer => take(&mut self.issuer, text(value), "iss"),
            Claim::Subject => take(&mut self.subject, text(value), "sub"),
            Claim::Expires => take(&mut self.expires, UnixTime::of(&value), "exp"),
            Claim::NotBefore => take(&mut self.not_before, UnixTime::of(&value), "nbf"),
            Claim::IssuedAt => take(&mut self.issued_at, UnixTime::of(&value), "iat"),
            Claim::Id => take(&mut self.id, identifier(value), "jti"),
            Claim::Session => take(&mut self.session, identifier(value), "sid"),
            Claim::Type => {
                take(&mut self.kind, text(value).and_then(|name| Kind::from_name(&name)), "type")
            }
            Claim::Audience | Claim::User | Claim::Other => Ok(()),
        };
        self.note(taken);
    }

    fn see_user_id(&mut self, id: &Seen<'_>) {
        self.names_user = match id {
            Seen::Integer(_) | Seen::BigInteger => true,
            Seen::Text(id) => !id.is_empty(),
            Seen::Float(_) | Seen::Other => false,
        };
    }

    fn read_audience<B: Build>(
        &mut self,
        reader: &mut Reader<'p, '_, B>,
    ) -> Result<B::Value, &'static str> {
        let mut entries = Some(Vec::new());
        let several = reader.items(|reader| {
            let (value, entry) = reader.seen()?;
            entries = text(entry).and_then(|entry| {
                let mut entries = entries.take()?;
                entries.push(entry);
                Some(entries)
            });
            Ok(value)
        })?;
        let value = if let Some(value) = several {
            value
        } else {
            let (value, one) = reader.seen()?;
            entries = text(one).map(|one| vec![one]);
            value
        };
        let taken = take(&mut self.audience, entries, "aud");
        self.note(taken);
        Ok(value)
    }

    fn note(&mut self, taken: Result<(), &'static str>) {
        self.invalid = self.invalid.or(taken.err());
    }
}

/// A claim that rules are about, or another.
#[derive(Clone, Copy)]
enum Claim {
    Issuer,
    Subject,
    Audience,
    Expires,
    NotBefore,
    IssuedAt,
    Id,
    Session,
    Type,
    User,
    Other,
}

impl Claim {
    fn named(name: &str) -> Self {
        match name {
            "iss" => Self::Issuer,
            "sub" => Self::Subject,
            "aud" => Self::Audience,
            "exp" => Self::Expires,
            "nbf" => Self::NotBefore,
            "iat" => Self::IssuedAt,
            "jti" => Self::Id,
            "sid" => Self::Session,
            "type" => Self::Type,
            "user" => Self::User,
            _ => Self::Other,
        }
    }
}

fn take<T>(
    place: &mut Option<T>,
    value: Option<T>,
    claim: &'static str,
) -> Result<(), &'static str> {
    *place = value;
    if place.is_some() { Ok(()) } else { Err(claim) }
}

fn text(value: Seen<'_>) -> Option<Cow<'_, str>> {
    match value {
        Seen::Text(text) => Some(text),
        _ => None,
    }
}

/// An identifier goes into a database column: bounded, and without control characters, of which
/// databases may refuse the null.
fn identifier(value: Seen<'_>) -> Option<Cow<'_, str>> {
    text(value).filter(|id| {
        !id.is_empty() && id.len() <= MAX_ID_BYTES && !id.chars().any(char::is_control)
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

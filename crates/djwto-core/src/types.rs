//! The words that tokens, sessions and requests share.

use std::borrow::Cow;
use std::fmt;

use crate::json::Seen;

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

    pub(crate) fn of(value: &Seen<'_>) -> Option<Self> {
        match value {
            Seen::Text(name) => Self::from_name(name),
            _ => None,
        }
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

    pub(crate) fn of(value: &Seen<'_>) -> Option<Self> {
        match value {
            #[expect(clippy::cast_precision_loss, reason = "exact for the next 285 million years")]
            Seen::Integer(seconds) => Some(Self(*seconds as f64)),
            Seen::Float(seconds) => Self::new(*seconds),
            // A whole number beyond 64 bits is no time.
            _ => None,
        }
    }
}

/// `user.id`: the primary key of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserId<'p> {
    /// A whole number.
    Integer(i64),
    /// A text, or the decimal digits of a whole number beyond 64 bits. Never empty.
    Text(Cow<'p, str>),
}

impl<'p> UserId<'p> {
    /// A text; `None` where it is empty.
    pub fn text(id: impl Into<Cow<'p, str>>) -> Option<Self> {
        Some(id.into()).filter(|id| !id.is_empty()).map(Self::Text)
    }

    pub(crate) fn of(value: Seen<'p>) -> Option<Self> {
        match value {
            Seen::Integer(id) => Some(Self::Integer(id)),
            Seen::BigInteger(digits) => Self::text(digits),
            Seen::Text(id) => Self::text(id),
            Seen::Float(_) | Seen::Other => None,
        }
    }

    /// The key as text, as Python's `str` and a session's row have it: a number and its digits are
    /// one user.
    pub fn to_text(&self) -> Cow<'_, str> {
        match self {
            Self::Integer(id) => itoa::Buffer::new().format(*id).to_owned().into(),
            Self::Text(id) => Cow::Borrowed(id),
        }
    }
}

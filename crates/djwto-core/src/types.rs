//! Types that tokens, sessions and requests share.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime};

use crate::json::Seen;

/// Which of the two tokens: the value of `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Short-lived; it opens views.
    Access,
    /// Long-lived; it is renewed into access tokens.
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

/// The required kind and tenant of a token.
///
/// A kind alone converts into it: `engine.authenticate(header, None, Kind::Access, now)`. A service
/// with tenants writes `Wanted::from(Kind::Access).of_tenant(tenant)` each time.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'t, K = Kind> {
    /// The kind.
    pub kind: K,
    /// The tenant that the claim `tenant` must name. `None` does not look at that claim.
    pub tenant: Option<&'t str>,
}

impl<K> Wanted<'_, K> {
    /// The same for this tenant only.
    #[must_use]
    pub fn of_tenant<'u>(self, tenant: impl Into<Option<&'u str>>) -> Wanted<'u, K> {
        Wanted { kind: self.kind, tenant: tenant.into() }
    }
}

impl From<Kind> for Wanted<'_> {
    fn from(kind: Kind) -> Self {
        Self { kind, tenant: None }
    }
}

impl From<Option<Kind>> for Wanted<'_, Option<Kind>> {
    fn from(kind: Option<Kind>) -> Self {
        Self { kind, tenant: None }
    }
}

impl<'t> From<Wanted<'t>> for Wanted<'t, Option<Kind>> {
    fn from(wanted: Wanted<'t>) -> Self {
        Self { kind: Some(wanted.kind), tenant: wanted.tenant }
    }
}

/// Seconds since 1970-01-01T00:00:00Z, never NaN nor infinite (RFC 7519 §2, `NumericDate`).
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct UnixTime(f64);

impl UnixTime {
    /// Returns `None` for a number that is not finite.
    pub fn new(seconds: f64) -> Option<Self> {
        seconds.is_finite().then_some(Self(seconds))
    }

    /// The seconds.
    pub const fn seconds(self) -> f64 {
        self.0
    }

    /// From whole seconds.
    #[expect(clippy::cast_precision_loss, reason = "exact for the next 285 million years")]
    pub const fn from_whole(seconds: i64) -> Self {
        Self(seconds as f64)
    }

    /// Whole seconds; a fraction is cut.
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
    pub const fn whole(self) -> i64 {
        self.0 as i64
    }

    /// The time in a claim. `None` if it is not a number, not finite, or a whole number beyond 64 bits.
    pub fn of(value: &Seen<'_>) -> Option<Self> {
        match value {
            #[expect(clippy::cast_precision_loss, reason = "exact for the next 285 million years")]
            Seen::Integer(seconds) => Some(Self(*seconds as f64)),
            Seen::Float(seconds) => Self::new(*seconds),
            Seen::BigInteger(_) | Seen::Text(_) | Seen::Other => None,
        }
    }
}

impl From<SystemTime> for UnixTime {
    /// A face's clock, as seconds.
    fn from(time: SystemTime) -> Self {
        let seconds = match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => since.as_secs_f64(),
            Err(before) => -before.duration().as_secs_f64(),
        };
        Self(seconds)
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

    /// The key in a claim. `None` if it is empty, or neither a whole number nor a text.
    pub fn of(value: Seen<'p>) -> Option<Self> {
        match value {
            Seen::Integer(id) => Some(Self::Integer(id)),
            Seen::BigInteger(digits) => Self::text(digits),
            Seen::Text(id) => Self::text(id),
            Seen::Float(_) | Seen::Other => None,
        }
    }

    /// The key as text, as in a session's row. A number and the text of its digits are the same user.
    pub fn to_text(&self) -> Cow<'_, str> {
        match self {
            Self::Integer(id) => itoa::Buffer::new().format(*id).to_owned().into(),
            Self::Text(id) => Cow::Borrowed(id),
        }
    }

    /// The same, apart from the payload that it was read from.
    pub fn into_owned(self) -> UserId<'static> {
        match self {
            Self::Integer(id) => UserId::Integer(id),
            Self::Text(id) => UserId::Text(id.into_owned().into()),
        }
    }
}

/// Microseconds since 1970-01-01T00:00:00Z: the times of a session, as a store keeps them.
///
/// Time zones and summer time do not change them. "Never" is a time too, so a store can compare it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Micros(i64);

impl Micros {
    /// Microseconds of a second.
    pub const SECOND: i64 = 1_000_000;
    /// The start of the year 9999: a date in every time zone, and later than all other times.
    pub const NEVER: Self = Self(253_370_764_800 * Self::SECOND);
    /// The start of the year 9998: the latest time that is not [`Micros::NEVER`].
    pub const LATEST: Self = Self(253_339_228_800 * Self::SECOND);

    /// From the number that a store holds.
    pub const fn new(micros: i64) -> Self {
        Self(micros)
    }

    /// The number that a store holds.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// From a claim. A time before 1970 becomes 1970, and one beyond [`Micros::LATEST`] becomes
    /// that; `None` is [`Micros::NEVER`].
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and is cut after it")]
    #[expect(clippy::cast_precision_loss, reason = "a million is exact")]
    pub fn of(time: Option<UnixTime>) -> Self {
        time.map_or(Self::NEVER, |time| {
            let micros = (time.seconds() * Self::SECOND as f64).round_ties_even() as i64;
            Self(micros.clamp(0, Self::LATEST.0))
        })
    }

    /// Whole seconds since 1970; `None` for [`Micros::NEVER`].
    pub fn whole_seconds(self) -> Option<i64> {
        (self < Self::NEVER).then_some(self.0.div_euclid(Self::SECOND))
    }

    /// The time after this lifetime, at most [`Micros::LATEST`]. Without a lifetime:
    /// [`Micros::NEVER`].
    #[must_use]
    pub fn plus(self, lifetime: Option<Duration>) -> Self {
        lifetime.map_or(Self::NEVER, |lifetime| {
            let micros = i64::try_from(lifetime.as_micros()).unwrap_or(i64::MAX);
            Self(self.0.saturating_add(micros)).min(Self::LATEST)
        })
    }

    /// How long it is until [`Micros::LATEST`].
    pub fn until_latest(self) -> Duration {
        let left = Self::LATEST.0.saturating_sub(self.0);
        Duration::from_micros(u64::try_from(left).unwrap_or_default())
    }

    /// Seconds from an earlier time to this one; negative where that is the later one.
    #[expect(clippy::cast_precision_loss, reason = "exact for the next 285 years")]
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 / Self::SECOND as f64
    }
}

//! What the operator requires of a token, and puts into a new one. A wrong policy cannot be built.

use std::fmt;
use std::time::Duration;

use crate::session::rotation::Rotation;
use crate::types::Kind;

/// The most that clocks may differ: more would accept expired tokens for too long.
pub const MAX_LEEWAY: Duration = Duration::from_secs(300);

/// The options of a policy, not checked yet.
#[derive(Clone, Debug)]
pub struct PolicyOptions {
    /// `iss` of every token.
    pub issuer: Option<String>,
    /// `sub` of every token.
    pub subject: Option<Subject>,
    /// `aud` of every token; one shared entry is enough to match. `None`: no `aud`, and a token
    /// that has one is refused (RFC 7519 §4.1.3).
    pub audience: Option<Audience>,
    /// Whether tokens carry `iat`, and have to.
    pub issued_at: bool,
    /// Whether tokens carry `jti`, and have to.
    pub id: bool,
    /// The lifetime of an access token. `None`: that of its refresh token.
    pub access_lifetime: Option<Duration>,
    /// The lifetime of a refresh token. `None`: it does not expire.
    pub refresh_lifetime: Option<Duration>,
    /// The lifetime of a session, renewals included. `None`: it does not end.
    pub session_lifetime: Option<Duration>,
    /// Time until a new token becomes valid. Zero: at once, without `nbf`.
    pub not_before: Duration,
    /// How much clocks may differ, at most [`MAX_LEEWAY`].
    pub leeway: Duration,
    /// Whether tokens of djwto 0.0.4 are accepted, which name no session.
    pub accept_legacy: bool,
    /// Which sessions rotate: a renewal then replaces the refresh token.
    pub rotation: Rotation,
    /// The grace period: how long a used refresh token still works. Zero: not at all.
    pub refresh_grace: Duration,
}

impl Default for PolicyOptions {
    fn default() -> Self {
        Self {
            issuer: None,
            subject: None,
            audience: None,
            issued_at: true,
            id: true,
            access_lifetime: Some(Duration::from_secs(300)),
            refresh_lifetime: Some(Duration::from_secs(86_400)),
            session_lifetime: None,
            not_before: Duration::ZERO,
            leeway: Duration::ZERO,
            accept_legacy: true,
            rotation: Rotation::Cookies,
            refresh_grace: Duration::from_secs(10),
        }
    }
}

/// What `sub` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// This text, which every token has to have.
    Text(String),
    /// `user.id` as text (RFC 7519 §4.1.2). A token without `sub` is good until it expires. The face
    /// that issues the token writes it, because it has the user.
    User,
}

impl Subject {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }
}

/// The audience, written into tokens the way it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// One, as a string.
    One(String),
    /// Several, as a list.
    Several(Vec<String>),
}

impl Audience {
    /// The entries.
    pub fn entries(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }
}

/// A checked policy.
#[derive(Clone, Debug)]
pub struct Policy(PolicyOptions);

impl Policy {
    /// Checks the options.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] names the field that is wrong.
    pub fn new(options: PolicyOptions) -> Result<Self, PolicyError> {
        let empty = |text: &Option<String>| text.as_ref().is_some_and(String::is_empty);
        if empty(&options.issuer) {
            return Err(PolicyError::Empty("issuer"));
        }
        if options.subject.as_ref().is_some_and(Subject::is_empty) {
            return Err(PolicyError::Empty("subject"));
        }
        if let Some(audience) = &options.audience
            && (audience.entries().is_empty() || audience.entries().iter().any(String::is_empty))
        {
            return Err(PolicyError::Empty("audience"));
        }
        // `exp` holds whole seconds: a token with less would be expired when it is issued.
        for (field, lifetime) in [
            ("access_lifetime", options.access_lifetime),
            ("refresh_lifetime", options.refresh_lifetime),
            ("session_lifetime", options.session_lifetime),
        ] {
            if lifetime.is_some_and(|lifetime| lifetime.as_secs() == 0) {
                return Err(PolicyError::NoTime(field));
            }
        }
        let lifetimes = [options.access_lifetime, options.refresh_lifetime];
        let shortest = lifetimes.into_iter().flatten().min();
        if shortest.is_some_and(|lifetime| options.not_before >= lifetime) {
            return Err(PolicyError::NeverValid);
        }
        if options.leeway > MAX_LEEWAY {
            return Err(PolicyError::Leeway);
        }
        Ok(Self(options))
    }

    /// The options.
    pub fn options(&self) -> &PolicyOptions {
        &self.0
    }

    /// Whether a token of this kind must have an `exp`.
    pub fn requires_expiry(&self, kind: Kind) -> bool {
        match kind {
            Kind::Access => self.0.access_lifetime.or(self.0.refresh_lifetime).is_some(),
            Kind::Refresh => self.0.refresh_lifetime.is_some(),
        }
    }
}

/// Why a policy cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyError {
    /// The field of this name is empty.
    Empty(&'static str),
    /// The lifetime of this name is under a second.
    NoTime(&'static str),
    /// Tokens would expire before they become valid.
    NeverValid,
    /// The leeway is over [`MAX_LEEWAY`].
    Leeway,
}

impl PolicyError {
    /// The field that is wrong.
    pub fn field(self) -> &'static str {
        match self {
            Self::Empty(field) | Self::NoTime(field) => field,
            Self::NeverValid => "not_before",
            Self::Leeway => "leeway",
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty(_) => f.write_str("expected a text that is not empty, found an empty one"),
            Self::NoTime(_) => f.write_str("expected at least one second, found less"),
            Self::NeverValid => f.write_str(
                "expected less than the shortest lifetime, or such a token would never be valid",
            ),
            Self::Leeway => write!(f, "expected at most {} seconds", MAX_LEEWAY.as_secs()),
        }
    }
}

impl std::error::Error for PolicyError {}

#[cfg(test)]
mod tests {
    use super::{Policy, PolicyError, PolicyOptions};
    use std::time::Duration;

    #[test]
    fn a_token_of_either_kind_becomes_valid_before_it_expires() {
        let seconds = |lifetime: Option<u64>| lifetime.map(Duration::from_secs);
        for (access, refresh, wait, is_refused) in [
            (Some(300), Some(60), 59, false),
            (Some(300), Some(60), 60, true),
            (Some(60), Some(300), 60, true),
            (None, Some(60), 60, true),
            (Some(60), None, 60, true),
            (None, None, 60, false),
        ] {
            let built = Policy::new(PolicyOptions {
                access_lifetime: seconds(access),
                refresh_lifetime: seconds(refresh),
                not_before: Duration::from_secs(wait),
                ..PolicyOptions::default()
            });
            let expected = if is_refused { Some(PolicyError::NeverValid) } else { None };
            assert_eq!(built.err(), expected, "{access:?} {refresh:?} {wait}");
        }
    }
}

//! How a session begins.

use std::fmt;
use std::time::Duration;

use super::renewal::until;
use super::row::NewRow;
use crate::http::Mode;
use crate::policy::Policy;
use crate::token::issue::{self, IssueError, RefreshLink, RefreshTokenSpec, RegisteredClaims};
use crate::token::session_id::SessionId;
use crate::types::{Micros, UnixTime};

/// The options of a login.
#[derive(Clone, Copy, Debug)]
pub struct NewSession {
    /// The mode of its tokens.
    pub mode: Mode,
    /// How long the session lasts, renewals included; `None`: as the policy says.
    pub lifetime: Option<Duration>,
}

/// Claims of the first refresh token that a project or the request sets.
#[derive(Clone, Copy, Debug, Default)]
pub struct GivenClaims<'a> {
    /// `sid`; `None`: a random one.
    pub session: Option<&'a str>,
    /// `iat`; `None`: as the policy says.
    pub issued_at: Option<UnixTime>,
    /// `exp`; `None`: as the policy says.
    pub expires: Option<UnixTime>,
    /// `tenant`, of the request; `None` if there are no tenants.
    pub tenant: Option<&'a str>,
}

/// A new session.
#[derive(Debug)]
pub struct Opened {
    /// The session.
    pub session: SessionId,
    /// Its row.
    pub row: NewRow,
    /// `exp` of the refresh token, whole seconds; `None` where it has none.
    pub refresh_expires: Option<i64>,
    /// The registered claims of the access token.
    pub access: RegisteredClaims,
}

impl Opened {
    /// The registered claims of the refresh token.
    ///
    /// # Errors
    ///
    /// [`IssueError::Random`] where the system gives no random bytes.
    pub fn refresh(&self, policy: &Policy) -> Result<RegisteredClaims, IssueError> {
        let spec = RefreshTokenSpec {
            session: &self.session.to_string(),
            generation: issue::FIRST_GENERATION,
            issued_at: self.row.issued_at.whole_seconds().unwrap_or_default(),
            expires: self.refresh_expires,
            has_derived_jti: true,
        };
        let tenant = self.access.tenant.clone();
        Ok(RegisteredClaims { tenant, ..RegisteredClaims::refresh(policy, &spec)? })
    }
}

/// Opens a session. The claims of its refresh token and its row agree, also if a project sets some.
///
/// # Errors
///
/// [`LoginError`]
pub fn open(
    policy: &Policy,
    new: &NewSession,
    given: &GivenClaims<'_>,
    now: UnixTime,
) -> Result<Opened, LoginError> {
    let begin = Micros::of(Some(now));
    if new.lifetime.is_some_and(|lifetime| lifetime < Duration::from_secs(1)) {
        return Err(LoginError::Lifetime);
    }
    let session = match given.session {
        Some(sid) => SessionId::parse(sid).ok_or(LoginError::Session)?,
        None => SessionId::random().map_err(|_| LoginError::Issue(IssueError::Random))?,
    };
    let mut row = NewRow { generation: FIRST, ..opened(policy, new, begin) };
    if new.lifetime.is_none() {
        let expires = given.expires.map_or_else(
            || begin.plus(policy.options().refresh_lifetime),
            |exp| Micros::of(Some(exp)),
        );
        row.expires_at = expires.min(row.ends_at);
    }
    let issued_at = given.issued_at.or_else(|| policy.options().issued_at.then_some(now));
    row.issued_at = issued_at.map_or(begin, |iat| Micros::of(Some(iat)));
    let sid = session.to_string();
    let link = RefreshLink {
        session: Some(&sid),
        generation: None,
        issued_at: issued_at.map(UnixTime::whole),
        expires: row.expires_at.whole_seconds(),
        ends: row.ends_at.whole_seconds(),
    };
    let access = RegisteredClaims::access(policy, &link, now).map_err(LoginError::Issue)?;
    let access = RegisteredClaims { tenant: given.tenant.map(str::to_owned), ..access };
    row.access_until = until(access.expires);
    Ok(Opened { session, refresh_expires: row.expires_at.whole_seconds(), row, access })
}

const FIRST: i64 = issue::FIRST_GENERATION.cast_signed();

/// The row of a token of djwto 0.0.4, which is its session's generation 0.
pub(super) fn open_legacy(
    policy: &Policy,
    new: &NewSession,
    issued_at: Option<UnixTime>,
    expires: Option<UnixTime>,
    now: Micros,
) -> NewRow {
    let row = opened(policy, new, now);
    let expires = Micros::of(expires);
    let issued_at = issued_at.map_or(now, |iat| Micros::of(Some(iat)));
    NewRow {
        expires_at: expires.min(row.ends_at),
        // Its access token may have been issued under a longer lifetime.
        access_until: expires.max(row.access_until),
        issued_at,
        authenticated_at: issued_at,
        ..row
    }
}

fn opened(policy: &Policy, new: &NewSession, now: Micros) -> NewRow {
    let options = policy.options();
    NewRow {
        mode: new.mode,
        created_at: now,
        authenticated_at: now,
        issued_at: now,
        expires_at: now.plus(new.lifetime.or(options.refresh_lifetime)),
        ends_at: now.plus(new.lifetime.or(options.session_lifetime)),
        // Cut to the latest time, so that a store can hold it.
        lifetime: new.lifetime.map(|lifetime| lifetime.min(now.until_latest())),
        generation: 0,
        access_until: now.plus(options.access_lifetime.or(options.refresh_lifetime)),
    }
}

/// Why a session cannot begin: a mistake in the project.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginError {
    /// The lifetime is under a second, and `exp` holds whole seconds.
    Lifetime,
    /// The given `sid` is no UUID.
    Session,
    /// The claims cannot be made.
    Issue(IssueError),
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lifetime => f.write_str("the lifetime of a login must be at least one second"),
            Self::Session => f.write_str("the claim \"sid\" is not a UUID: leave it to djwto"),
            Self::Issue(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LoginError {
    /// The sentence is that of the inner error, so this is the error below it.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Issue(error) => error.source(),
            _ => None,
        }
    }
}

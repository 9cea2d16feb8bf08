//! The row of a session, and its updates, as plain values.
//!
//! A face turns an [`Update`] into one statement. It adds no condition and omits none.

use std::fmt;
use std::time::Duration;

use crate::http::Mode;
use crate::types::Micros;

/// The part of a session's row that the rules need.
#[derive(Clone)]
pub struct Row {
    /// The mode of its first tokens; `None` if this version does not know it.
    pub mode: Option<Mode>,
    /// The generation whose refresh token was issued last.
    pub generation: i64,
    /// When it was last renewed, by the server's clock.
    pub renewed_at: Micros,
    /// When its refresh token was issued.
    pub issued_at: Micros,
    /// When its last refresh token expires.
    pub expires_at: Micros,
    /// When it ends, renewals included.
    pub ends_at: Micros,
    /// The lifetime of its refresh tokens; `None`: as the policy says.
    pub lifetime: Option<Duration>,
    /// When the generation before was used, by the store's clock.
    pub rotated_at: Option<Micros>,
    /// When the generation before that was used.
    pub previously_rotated_at: Option<Micros>,
    /// When its last access token expires.
    pub access_until: Micros,
    /// A hash that changes with the user's password; empty if there is none.
    pub auth_hash: String,
    /// Browser and system, as [`Client`] has them.
    pub device: String,
    /// The client's address; `None` where it is not known.
    pub address: Option<String>,
    /// Why it was ended; `None` while it is live.
    pub ended: Option<String>,
}

impl fmt::Debug for Row {
    /// Never shows the user's hash, device and address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row")
            .field("mode", &self.mode)
            .field("generation", &self.generation)
            .field("renewed_at", &self.renewed_at)
            .field("ends_at", &self.ends_at)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// The values of a new row. A face adds the user, and where the login came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewRow {
    /// The mode of its first tokens.
    pub mode: Mode,
    /// When it began: also the time of the last renewal.
    pub created_at: Micros,
    /// When the user was authenticated.
    pub authenticated_at: Micros,
    /// When its refresh token was issued.
    pub issued_at: Micros,
    /// When its refresh token expires.
    pub expires_at: Micros,
    /// When it ends, renewals included.
    pub ends_at: Micros,
    /// The lifetime of its refresh tokens; `None`: as the policy says.
    pub lifetime: Option<Duration>,
    /// The generation of its refresh token.
    pub generation: i64,
    /// When its access token expires.
    pub access_until: Micros,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Client<'a> {
    /// Browser and system, without a version: [`crate::http::client::Device`].
    pub device: &'a str,
    /// The user agent, as text that every store holds.
    pub user_agent: &'a str,
    /// The address in canonical form; empty if it is not known.
    pub address: &'a str,
}

/// A column of the table of sessions, for conditions and changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// The mode of its first tokens.
    Mode,
    /// [`Row::generation`]
    Generation,
    /// [`Row::renewed_at`]
    RenewedAt,
    /// [`Row::issued_at`]
    IssuedAt,
    /// [`Row::expires_at`]
    ExpiresAt,
    /// [`Row::rotated_at`]
    RotatedAt,
    /// [`Row::previously_rotated_at`]
    PreviouslyRotatedAt,
    /// When a renewal within the grace period came from another device or network.
    RenewedElsewhereAt,
    /// [`Row::access_until`]
    AccessUntil,
    /// [`Row::auth_hash`]
    AuthHash,
    /// [`Row::device`]
    Device,
    /// [`Client::user_agent`]
    UserAgent,
    /// [`Row::address`]
    Address,
    /// When the session was ended, by the store's clock.
    RevokedAt,
    /// [`Row::ended`]
    RevokedReason,
}

impl Column {
    /// Its name in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mode => "mode",
            Self::Generation => "generation",
            Self::RenewedAt => "renewed_at",
            Self::IssuedAt => "issued_at",
            Self::ExpiresAt => "expires_at",
            Self::RotatedAt => "rotated_at",
            Self::PreviouslyRotatedAt => "previously_rotated_at",
            Self::RenewedElsewhereAt => "renewed_elsewhere_at",
            Self::AccessUntil => "access_until",
            Self::AuthHash => "auth_hash",
            Self::Device => "device",
            Self::UserAgent => "user_agent",
            Self::Address => "address",
            Self::RevokedAt => "revoked_at",
            Self::RevokedReason => "revoked_reason",
        }
    }
}

/// The new value of a column.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// A whole number.
    Integer(i64),
    /// The greater of this number and the present value.
    AtLeast(i64),
    /// A text.
    Text(String),
    /// No value.
    Null,
    /// The value of another column before the statement.
    Of(Column),
    /// The store's own clock at the statement, in microseconds.
    StoreNow,
}

impl fmt::Debug for Value {
    /// Never shows a text, which may be the user's hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => f.debug_tuple("Integer").field(number).finish(),
            Self::AtLeast(number) => f.debug_tuple("AtLeast").field(number).finish(),
            Self::Text(_) => f.write_str("Text(..)"),
            Self::Null => f.write_str("Null"),
            Self::Of(column) => f.debug_tuple("Of").field(column).finish(),
            Self::StoreNow => f.write_str("StoreNow"),
        }
    }
}

/// A condition on a row for an update to change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The column has no value.
    IsNull(Column),
    /// The column's number is this one or a smaller one.
    AtMost(Column, i64),
    /// The column's text is one of these.
    OneOf(Column, Vec<&'static str>),
}

/// One conditional update of the row of a session, which changes one row or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// All of these must hold.
    pub conditions: Vec<Condition>,
    /// The new values.
    pub changes: Vec<(Column, Value)>,
}

impl Update {
    /// An update of a session that was not ended.
    pub(super) fn of_live(changes: Vec<(Column, Value)>) -> Self {
        Self { conditions: vec![Condition::IsNull(Column::RevokedAt)], changes }
    }

    pub(super) fn only_where(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }
}

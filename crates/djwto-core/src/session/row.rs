//! A session as a store holds it, and what is asked of the store: plain values.
//!
//! A face renders an [`Update`] as one statement. It adds no condition and leaves none out.

use std::fmt;
use std::time::Duration;

use crate::http::Mode;
use crate::types::Micros;

/// What the rules ask of a session's row.
#[derive(Clone)]
pub struct Row {
    /// In which mode its first tokens were delivered; `None` for one that this version does not know.
    pub mode: Option<Mode>,
    /// The generation whose refresh token was issued last.
    pub generation: i64,
    /// When it was last renewed, by the server's clock.
    pub renewed_at: Micros,
    /// When its refresh token was issued.
    pub issued_at: Micros,
    /// When its last refresh token expires.
    pub expires_at: Micros,
    /// When it ends, however often it is renewed.
    pub ends_at: Micros,
    /// The life of its refresh tokens, where it has its own.
    pub lifetime: Option<Duration>,
    /// When the generation before was used, by the store's clock.
    pub rotated_at: Option<Micros>,
    /// When the generation before that was used.
    pub previously_rotated_at: Option<Micros>,
    /// When its last access token expires.
    pub access_until: Micros,
    /// A hash that changes with the user's password; empty where there is none.
    pub auth_hash: String,
    /// Browser and system, as [`Client`] has them.
    pub device: String,
    /// The client's address; `None` where it is not known.
    pub address: Option<String>,
    /// Why it was ended; `None` while it is live.
    pub ended: Option<String>,
}

impl fmt::Debug for Row {
    /// Never shows the user's hash, nor where they were.
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

/// What a new session's row holds. Those who write it add the user, and where the login came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewRow {
    /// In which mode its first tokens are delivered.
    pub mode: Mode,
    /// When it began: also the time of the last renewal.
    pub created_at: Micros,
    /// When the user was asked.
    pub authenticated_at: Micros,
    /// When its refresh token was issued.
    pub issued_at: Micros,
    /// When its refresh token expires.
    pub expires_at: Micros,
    /// When it ends, however often it is renewed.
    pub ends_at: Micros,
    /// The life of its refresh tokens, where it has its own.
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
    /// The address in canonical text; empty where it is not known.
    pub address: &'a str,
}

/// A column of the table of sessions, by which conditions and changes are said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// In which mode its first tokens were delivered.
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

/// What a column becomes.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// A whole number.
    Integer(i64),
    /// The greater one of this number and what the column holds.
    AtLeast(i64),
    /// A text.
    Text(String),
    /// No value.
    Null,
    /// What another column held before the statement.
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

/// What a row must be for an update to touch it.
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
    /// Of a session that was not ended.
    pub(super) fn of_live(changes: Vec<(Column, Value)>) -> Self {
        Self { conditions: vec![Condition::IsNull(Column::RevokedAt)], changes }
    }

    pub(super) fn only_where(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }
}

//! How a session ends, and whether it has.

use super::row::{Column, Row, Update, Value};
use crate::error::Code;

/// Why a session is ended. A face may have other reasons besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// A refresh token that was used came again.
    Reuse,
    /// The user logged out.
    Logout,
    /// The user has another password.
    PasswordChanged,
    /// The user does not exist any more.
    UserDeleted,
    /// The user was deactivated.
    UserDeactivated,
    /// The user changed while the login was under way.
    UserChanged,
    /// The user has more sessions than are allowed.
    TooMany,
    /// The user ended it in the list of sessions.
    ByUser,
    /// An admin ended it.
    ByAdmin,
}

impl EndReason {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::Reuse,
        Self::Logout,
        Self::PasswordChanged,
        Self::UserDeleted,
        Self::UserDeactivated,
        Self::UserChanged,
        Self::TooMany,
        Self::ByUser,
        Self::ByAdmin,
    ];

    /// The text in the store.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Reuse => "reuse",
            Self::Logout => "logout",
            Self::PasswordChanged => "password changed",
            Self::UserDeleted => "user deleted",
            Self::UserDeactivated => "user deactivated",
            Self::UserChanged => "user changed during the login",
            Self::TooMany => "too many sessions",
            Self::ByUser => "ended by its user",
            Self::ByAdmin => "ended by an admin",
        }
    }
}

/// A refusal, and whether the session must end. A face ends it after the rollback of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The stable slug.
    pub code: Code,
    /// Why the session must end; `None` if it goes on.
    pub end: Option<EndReason>,
}

impl Refusal {
    pub(super) const fn of(code: Code) -> Self {
        Self { code, end: None }
    }

    pub(super) const fn ending(code: Code, reason: EndReason) -> Self {
        Self { code, end: Some(reason) }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code.sentence())
    }
}

impl std::error::Error for Refusal {}

/// The most characters of a reason in the store.
pub const MAX_REASON_LETTERS: usize = 32;

/// The update that ends a live session.
pub fn end(reason: &str) -> Update {
    let reason = reason.chars().take(MAX_REASON_LETTERS).collect();
    Update::of_live(vec![
        (Column::RevokedAt, Value::StoreNow),
        (Column::RevokedReason, Value::Text(reason)),
    ])
}

/// Whether the session of a token is live, by its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// It is live.
    Live,
    /// It was ended, or there is no such session.
    Ended,
    /// A token of djwto 0.0.4 that was not renewed yet. The blacklist says whether it was logged out, by
    /// its `jti`. Without a `jti`, it was not.
    AskBlacklist,
}

/// The part of a row that says whether its session is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether it was ended.
    pub is_ended: bool,
    /// The generation whose refresh token was issued last. A reader that does not ask the blacklist may
    /// say 0.
    pub generation: i64,
}

impl From<&Row> for Standing {
    fn from(row: &Row) -> Self {
        Self { is_ended: row.ended.is_some(), generation: row.generation }
    }
}

/// Checks the row of a token's session. `is_legacy` says that the token has no `sid`.
pub fn liveness(is_legacy: bool, row: Option<Standing>) -> Liveness {
    match row {
        Some(row) if row.is_ended => Liveness::Ended,
        // A token of 0.0.4 that was not renewed yet may have no session.
        Some(row) if is_legacy && row.generation == 0 => Liveness::AskBlacklist,
        None if is_legacy => Liveness::AskBlacklist,
        Some(_) => Liveness::Live,
        None => Liveness::Ended,
    }
}

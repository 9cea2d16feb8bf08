//! The user of a session, and which sessions the user may renew.

use std::fmt;

use super::end::{EndReason, Refusal};
use super::row::Row;
use crate::error::Code;

/// The user as the writing store has them now.
#[derive(Clone, Copy)]
pub struct User<'a> {
    /// Whether the user may log in.
    pub is_active: bool,
    /// The hashes that change with the password: the present one first, then those under older
    /// keys of the server. [`Row::auth_hash`] is one of these, or empty.
    pub auth_hashes: &'a [String],
}

impl fmt::Debug for User<'_> {
    /// Never shows a hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("is_active", &self.is_active).finish_non_exhaustive()
    }
}

/// Which sessions of a user can no longer be renewed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Unrenewable<'a> {
    /// Why.
    pub reason: EndReason,
    /// The exceptions: their [`Row::auth_hash`] is empty or one of these. `None`: there is none.
    pub but: Option<&'a [String]>,
}

impl fmt::Debug for Unrenewable<'_> {
    /// Never shows a hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unrenewable").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl<'a> Unrenewable<'a> {
    /// By the user as the store has them; `None`: the user was deleted.
    pub fn of(user: Option<&User<'a>>) -> Self {
        match user {
            None => Self { reason: EndReason::UserDeleted, but: None },
            Some(user) if !user.is_active => Self { reason: EndReason::UserDeactivated, but: None },
            Some(user) => Self { reason: EndReason::PasswordChanged, but: Some(user.auth_hashes) },
        }
    }

    /// Whether a session with this [`Row::auth_hash`] can no longer be renewed.
    ///
    /// The key may be another user's: after a restore, a store may assign a key again.
    pub fn has(&self, auth_hash: &str) -> bool {
        self.but.is_none_or(|hashes| {
            !auth_hash.is_empty() && !hashes.iter().any(|hash| hash == auth_hash)
        })
    }
}

/// Refuses a user who may not renew the session. `row` is `None` if the session has none yet.
///
/// `refused` is the slug for a user who was deleted, or has another password.
///
/// # Errors
///
/// [`Refusal`], which ends the session.
pub fn check_user(
    row: Option<&Row>,
    user: Option<&User<'_>>,
    refused: Code,
) -> Result<(), Refusal> {
    let unrenewable = Unrenewable::of(user);
    if !unrenewable.has(row.map_or("", |row| &row.auth_hash)) {
        return Ok(());
    }
    let is_update = refused == Code::RefreshUpdateFailed;
    let is_inactive = unrenewable.reason == EndReason::UserDeactivated;
    let code = if is_update && is_inactive { Code::UserInactive } else { refused };
    Err(Refusal::ending(code, unrenewable.reason))
}

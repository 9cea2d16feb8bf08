//! A renewal: a refresh token is replaced by its successor, once, also if the request is repeated.
//!
//! Each step returns the input of the next, so the types keep the order:
//!
//! | step | a face gives | it gets back |
//! |---|---|---|
//! | [`Presented::new`] | the claims of a verified refresh token, and its mode | the session |
//! | [`Presented::adopt`] | for a token of djwto 0.0.4: the row, the blacklist | whether to write a row first |
//! | [`begin`] | the time | the first statement: one conditional update |
//! | [`Begun::check_generation`] | the row, whether the update changed it, the store's time | nothing, or a refusal |
//! | [`Checked::check_user`] | the user as the store has them | nothing, or a refusal |
//! | [`Allowed::renew`] | where the request comes from, and the time | claims, and the last update |
//! | [`Renewed::finish`] | how many rows the last update changed | nothing, or a refusal |
//!
//! [`Renewed`] has the claims: if the tokens cannot be signed, the update is undone. Send the tokens
//! only after [`Renewed::finish`].
//!
//! All statements belong to one transaction. Roll it back at a refusal, and then end the session if
//! [`Refusal::end`] says so.
//!
//! The update comes first. It locks the row before another statement fixes what the transaction sees.
//! If a token comes again in the grace period, the answer is made only from the row. So it is the same
//! answer as that of the first renewal.

use std::fmt;

use super::end::{EndReason, Refusal};
use super::presented::{Presented, unsigned};
use super::rotation::TokenStatus;
use super::row::{Client, Column, Condition, Row, Update, Value};
use super::user::{User, check_user};
use crate::error::Code;
use crate::http::{Mode, client};
use crate::policy::Policy;
use crate::token::issue::{IssueError, RefreshLink, RefreshTokenSpec, RegisteredClaims};
use crate::types::{Micros, UnixTime};

/// Begins a renewal. `extends_refresh` gives the refresh token a new `iat` and `exp`.
///
/// If the session rotates, the update sets its next generation. A row whose generation is earlier than
/// the token's was set back, as by a restore: the newest token sets it forward.
pub fn begin(
    presented: Presented,
    policy: &Policy,
    extends_refresh: bool,
    now: Micros,
) -> (Begun, Update) {
    let rotation = policy.options().rotation;
    let rotated = Mode::ALL.iter().filter(|mode| rotation.applies(**mode));
    let update = Update::of_live(vec![
        (Column::PreviouslyRotatedAt, Value::Of(Column::RotatedAt)),
        (Column::RenewedAt, Value::Integer(now.get())),
        (Column::Generation, Value::Integer(presented.generation.saturating_add(1))),
    ])
    .only_where(Condition::AtMost(Column::Generation, presented.generation))
    .only_where(Condition::OneOf(Column::Mode, rotated.map(|mode| mode.name()).collect()));
    (Begun { presented, extends_refresh, now }, update)
}

/// A renewal after its first update.
#[derive(Clone, Debug)]
pub struct Begun {
    presented: Presented,
    extends_refresh: bool,
    now: Micros,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The update changed the row.
    Won,
    /// The latest token of a session that does not rotate.
    Current,
    /// Used a moment ago.
    Repeated,
    /// The session ended because its user is deleted or inactive. The refusal says that.
    Ended,
}

impl Begun {
    /// Checks the token against the row as it is after the update. `has_won` says that the update
    /// changed the row, and `store_now` is the store's clock.
    ///
    /// # Errors
    ///
    /// [`Refusal`]
    pub fn check_generation(
        self,
        policy: &Policy,
        row: Option<Row>,
        has_won: bool,
        store_now: Micros,
    ) -> Result<Checked, Refusal> {
        let row = row.ok_or(Refusal::of(Code::SessionUnknown))?;
        let of_user = [EndReason::UserDeleted, EndReason::UserDeactivated].map(EndReason::text);
        let verdict = if row.ended.as_deref().is_some_and(|reason| of_user.contains(&reason)) {
            Verdict::Ended
        } else {
            self.presented.check_mode(&row)?;
            if has_won {
                Verdict::Won
            } else {
                match self.presented.check_generation(policy, &row, store_now)? {
                    TokenStatus::Current => Verdict::Current,
                    TokenStatus::Repeated => Verdict::Repeated,
                }
            }
        };
        Ok(Checked { begun: self, row, verdict })
    }
}

/// A renewal whose token is good for it.
#[derive(Clone, Debug)]
pub struct Checked {
    begun: Begun,
    row: Row,
    verdict: Verdict,
}

impl Checked {
    /// Checks the user. `None`: the user was deleted.
    ///
    /// # Errors
    ///
    /// [`Refusal`]
    pub fn check_user(self, user: Option<&User<'_>>) -> Result<Allowed, Refusal> {
        let refused = if self.begun.extends_refresh {
            Code::RefreshUpdateFailed
        } else {
            Code::AccessRefreshFailed
        };
        check_user(Some(&self.row), user, refused)?;
        if self.verdict == Verdict::Ended {
            return Err(Refusal::of(Code::TokenBlacklisted));
        }
        if self.verdict != Verdict::Repeated && self.row.ends_at <= self.begun.now {
            return Err(Refusal::of(Code::TokenExpired));
        }
        let auth_hash = user.and_then(|user| user.auth_hashes.first()).cloned();
        let auth_hash = auth_hash.unwrap_or_default();
        Ok(Allowed { begun: self.begun, row: self.row, verdict: self.verdict, auth_hash })
    }
}

/// A renewal that the user may make.
#[derive(Clone)]
pub struct Allowed {
    begun: Begun,
    row: Row,
    verdict: Verdict,
    auth_hash: String,
}

impl fmt::Debug for Allowed {
    /// Never shows the user's hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Allowed")
            .field("row", &self.row)
            .field("verdict", &self.verdict)
            .finish_non_exhaustive()
    }
}

/// The result of a renewal.
#[derive(Debug)]
pub struct Renewed {
    /// The registered claims of the new refresh token; `None` if the presented one stays.
    pub refresh: Option<RegisteredClaims>,
    /// The registered claims of the new access token.
    pub access: RegisteredClaims,
    /// The last update; `None` if there is nothing to write. [`Renewed::finish`] takes the number of rows
    /// that it changed.
    pub update: Option<Update>,
    /// Another update, to run after that. If it changes the row, this is the session's first renewal
    /// from another device or network, and a face tells the project.
    pub mark: Option<Update>,
    /// Whether to blacklist the presented token's `jti`: it is a token of 0.0.4 that was replaced.
    pub blacklists: bool,
}

impl Allowed {
    /// Makes the claims and the last update. `client` is where the request comes from.
    ///
    /// # Errors
    ///
    /// [`IssueError::Random`] where the system gives no random bytes.
    pub fn renew(
        self,
        policy: &Policy,
        client: &Client<'_>,
        now: Micros,
    ) -> Result<Renewed, IssueError> {
        let Begun { presented, extends_refresh, now: begun_at } = self.begun;
        let has_won = self.verdict == Verdict::Won;
        let is_repeated = self.verdict == Verdict::Repeated;
        let mut row = self.row;
        if !is_repeated {
            row.renewed_at = if has_won { row.renewed_at } else { begun_at };
            row.generation = row.generation.max(presented.generation);
            if extends_refresh {
                let lifetime = row.lifetime.or(policy.options().refresh_lifetime);
                row.issued_at = begun_at;
                row.expires_at = begun_at.plus(lifetime).min(row.ends_at);
            }
        }
        let is_rotated = has_won || is_repeated;
        let is_replaced = is_rotated || (extends_refresh && !is_repeated);
        let refresh = is_replaced.then(|| refresh_claims(policy, &presented, &row, is_rotated));
        let refresh = refresh.transpose()?;
        let access = access_claims(policy, &presented, refresh.as_ref(), &row, is_rotated, now)?;
        let access_until = until(access.expires);
        if is_repeated {
            return Ok(Renewed {
                // Later where the winner's had little time left, or where a setting was made
                // longer since.
                update: (access_until > row.access_until).then(|| {
                    Update::of_live(vec![(Column::AccessUntil, Value::AtLeast(access_until.get()))])
                }),
                // The winner has stored its own device and address.
                mark: is_elsewhere(client, &row).then(|| {
                    let change = (Column::RenewedElsewhereAt, Value::StoreNow);
                    Update::of_live(vec![change])
                        .only_where(Condition::IsNull(Column::RenewedElsewhereAt))
                }),
                blacklists: false,
                refresh,
                access,
            });
        }
        let mut changes = vec![
            (Column::RenewedAt, Value::Integer(row.renewed_at.get())),
            (Column::Generation, Value::Integer(row.generation)),
            (Column::IssuedAt, Value::Integer(row.issued_at.get())),
            // Older tokens of a session that is not rotated are good for as long as they say.
            (
                Column::ExpiresAt,
                if has_won {
                    Value::Integer(row.expires_at.get())
                } else {
                    Value::AtLeast(row.expires_at.get())
                },
            ),
            (Column::AccessUntil, Value::AtLeast(access_until.get())),
            (Column::Device, Value::Text(client.device.to_owned())),
            (Column::UserAgent, Value::Text(client.user_agent.to_owned())),
            (Column::Address, text_or_null(client.address)),
        ];
        if has_won {
            // The grace period starts here, so waiting for a lock does not shorten it.
            changes.push((Column::RotatedAt, Value::StoreNow));
        }
        // Only where it is another: a change of the password that keeps this session may be under
        // way.
        if self.auth_hash != row.auth_hash {
            changes.push((Column::AuthHash, Value::Text(self.auth_hash)));
        }
        Ok(Renewed {
            blacklists: presented.is_legacy && presented.has_id && refresh.is_some(),
            update: Some(Update::of_live(changes)),
            mark: None,
            refresh,
            access,
        })
    }
}

impl Renewed {
    /// Ends the renewal, before its tokens are sent. It takes the number of rows that
    /// [`Renewed::update`] changed. Without an update, the number does not matter.
    ///
    /// # Errors
    ///
    /// [`Code::TokenBlacklisted`] if the session was ended in the meantime.
    pub fn finish(&self, rows_changed: u64) -> Result<(), Refusal> {
        if self.update.is_some() && rows_changed == 0 {
            Err(Refusal::of(Code::TokenBlacklisted))
        } else {
            Ok(())
        }
    }
}

fn refresh_claims(
    policy: &Policy,
    presented: &Presented,
    row: &Row,
    is_rotated: bool,
) -> Result<RegisteredClaims, IssueError> {
    let spec = RefreshTokenSpec {
        session: &presented.session.to_string(),
        generation: unsigned(row.generation),
        issued_at: row.issued_at.whole_seconds().unwrap_or_default(),
        expires: row.expires_at.whole_seconds(),
        has_derived_jti: is_rotated,
    };
    let tenant = presented.tenant.as_deref().map(str::to_owned);
    Ok(RegisteredClaims { tenant, ..RegisteredClaims::refresh(policy, &spec)? })
}

fn access_claims(
    policy: &Policy,
    presented: &Presented,
    refresh: Option<&RegisteredClaims>,
    row: &Row,
    is_rotated: bool,
    now: Micros,
) -> Result<RegisteredClaims, IssueError> {
    let is_late = policy.options().access_lifetime.is_some_and(|lifetime| {
        // Over half of the winner's token is gone, as after a long grace period.
        now.seconds_since(row.renewed_at) > lifetime.as_secs_f64() / 2.0
    });
    let (issued_at, expires) = match refresh {
        Some(refresh) => (refresh.issued_at, refresh.expires),
        None => (
            presented.issued_at.map(UnixTime::whole),
            Micros::of(presented.expires).whole_seconds(),
        ),
    };
    let session = presented.session.to_string();
    let link = RefreshLink {
        session: Some(&session),
        // The winner's is another, and has another `jti`.
        generation: (is_rotated && !is_late).then(|| unsigned(row.generation)),
        issued_at,
        expires,
        ends: row.ends_at.whole_seconds(),
    };
    let begins = if is_late { now } else { row.renewed_at };
    let begins = UnixTime::from_whole(begins.whole_seconds().unwrap_or_default());
    let tenant = presented.tenant.as_deref().map(str::to_owned);
    Ok(RegisteredClaims { tenant, ..RegisteredClaims::access(policy, &link, begins)? })
}

fn is_elsewhere(client: &Client<'_>, row: &Row) -> bool {
    let network = |address: &str| client::network(address);
    client.device != row.device
        || network(client.address) != network(row.address.as_deref().unwrap_or_default())
}

/// When an access token expires, in a row's time.
pub(super) fn until(expires: Option<i64>) -> Micros {
    expires.map_or(Micros::NEVER, |seconds| {
        let micros = seconds.saturating_mul(Micros::SECOND);
        Micros::new(micros.clamp(0, Micros::LATEST.get()))
    })
}

fn text_or_null(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { Value::Text(text.to_owned()) }
}

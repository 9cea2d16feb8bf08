//! The refresh token of a request, checked against the row of its session.

use std::sync::Arc;

use super::end::{EndReason, Liveness, Refusal, liveness};
use super::login::{self, NewSession};
use super::rotation::{RenewalError, State, TokenStatus};
use super::row::{NewRow, Row};
use crate::engine::JsonClaims;
use crate::error::Code;
use crate::http::Mode;
use crate::policy::Policy;
use crate::token::claims::Claims;
use crate::token::session_id::{SessionClaims, SessionId};
use crate::types::{Kind, Micros, UnixTime};

/// The verified refresh token of a request.
#[derive(Clone, Debug)]
pub struct Presented {
    pub(super) session: SessionId,
    /// For a token of 0.0.4 it is 0. A claim `gen` in such a token means something else.
    pub(super) generation: i64,
    pub(super) is_legacy: bool,
    pub(super) has_id: bool,
    pub(super) issued_at: Option<UnixTime>,
    pub(super) expires: Option<UnixTime>,
    pub(super) mode: Mode,
    pub(super) tenant: Option<Arc<str>>,
}

impl Presented {
    /// Takes the claims of a verified refresh token, and its mode.
    ///
    /// # Errors
    ///
    /// [`Code::SessionUnknown`] if it names no session or no generation.
    pub fn new(claims: &SessionClaims<'_>, mode: Mode) -> Result<Self, Refusal> {
        let unknown = Refusal::of(Code::SessionUnknown);
        let session = SessionId::of(claims).ok_or(unknown)?;
        let is_legacy = claims.session.is_none();
        let generation = match claims.generation {
            _ if is_legacy => 0,
            // The next generation has to fit into the column.
            Some(generation) if (0..i64::MAX).contains(&generation) => generation,
            _ => return Err(unknown),
        };
        Ok(Self {
            session,
            generation,
            is_legacy,
            has_id: claims.id.is_some(),
            issued_at: claims.issued_at,
            expires: claims.expires,
            mode,
            tenant: claims.tenant.map(Arc::from),
        })
    }

    /// Takes verified claims as JSON.
    ///
    /// # Errors
    ///
    /// As [`Presented::new`].
    pub fn from_json(claims: &JsonClaims, mode: Mode) -> Result<Self, Refusal> {
        let unknown = Refusal::of(Code::SessionUnknown);
        let payload = serde_json::to_vec(claims).map_err(|_| unknown)?;
        let claims = Claims::parse(&payload).map_err(|_| unknown)?;
        Self::new(&claims.session_claims(), mode)
    }

    /// The session, by which a face finds the row.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// Whether the token is of djwto 0.0.4, and names no session.
    pub fn is_legacy(&self) -> bool {
        self.is_legacy
    }

    /// Comes before the renewal of a token of 0.0.4: returns the row to write, if there is none yet.
    ///
    /// Read the blacklist before the row: a renewal blacklists the token and changes the row at once.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: the token was logged out, or came in another mode before.
    pub fn adopt(
        &self,
        policy: &Policy,
        row: Option<&Row>,
        is_blacklisted: bool,
        now: Micros,
    ) -> Result<Option<NewRow>, Refusal> {
        if let Some(row) = row {
            self.check_mode(row)?;
        }
        let is_live = match liveness(self.is_legacy, row.map(Into::into)) {
            Liveness::Live => true,
            Liveness::Ended => false,
            Liveness::AskBlacklist => !is_blacklisted,
        };
        if !is_live && row.is_none_or(|row| row.generation == 0) {
            return Err(Refusal::of(Code::TokenBlacklisted));
        }
        Ok(row.is_none().then(|| self.legacy_row(policy, Kind::Refresh, now)))
    }

    /// The row of a token of 0.0.4, which is its session's generation 0.
    ///
    /// A logout may present an access token. The refresh token of the same session expires later, at an
    /// unknown time.
    pub fn legacy_row(&self, policy: &Policy, kind: Kind, now: Micros) -> NewRow {
        let new = NewSession { mode: self.mode, lifetime: None };
        let expires = self.expires.filter(|_| kind == Kind::Refresh);
        login::open_legacy(policy, &new, self.issued_at, expires, now)
    }

    /// Checks the token without a renewal, for endpoints that list or check sessions.
    /// [`super::user::check_user`] comes next, with [`Code::TokenBlacklisted`].
    ///
    /// # Errors
    ///
    /// [`Refusal`]
    pub fn check(
        &self,
        policy: &Policy,
        row: Option<&Row>,
        is_blacklisted: bool,
        store_now: Micros,
    ) -> Result<(), Refusal> {
        let ended = Refusal::of(Code::TokenBlacklisted);
        if let Some(row) = row {
            self.check_mode(row)?;
        }
        match (liveness(self.is_legacy, row.map(Into::into)), row) {
            (_, None) if !self.is_legacy => Err(Refusal::of(Code::SessionUnknown)),
            (Liveness::AskBlacklist, _) if is_blacklisted => Err(ended),
            (Liveness::AskBlacklist, _) => Ok(()),
            (_, Some(row)) if !self.is_legacy || row.generation > 0 => {
                self.check_generation(policy, row, store_now).map(drop)
            }
            (Liveness::Live, _) => Ok(()),
            (Liveness::Ended, _) => Err(ended),
        }
    }

    /// Refuses a token of 0.0.4 in a cookie that came as Bearer before, or the reverse. A browser does
    /// not turn its cookie into text, so another client has the token. Later tokens of the session have
    /// a generation, which shows the same.
    pub(super) fn check_mode(&self, row: &Row) -> Result<(), Refusal> {
        let was_json = row.mode == Some(Mode::Json);
        if self.is_legacy && row.ended.is_none() && was_json != (self.mode == Mode::Json) {
            return Err(Refusal::ending(Code::RefreshReused, EndReason::Reuse));
        }
        Ok(())
    }

    pub(super) fn check_generation(
        &self,
        policy: &Policy,
        row: &Row,
        store_now: Micros,
    ) -> Result<TokenStatus, Refusal> {
        let since = |time: Option<Micros>| time.map(|time| store_now.seconds_since(time));
        let state = State {
            generation: unsigned(row.generation),
            is_ended: row.ended.is_some(),
            since_rotation: since(row.rotated_at),
            since_previous_rotation: since(row.previously_rotated_at),
        };
        let verdict =
            state.check_generation(unsigned(self.generation), policy.options().refresh_grace);
        verdict.map_err(|error| Refusal {
            code: error.code(),
            end: (error == RenewalError::Reused).then_some(EndReason::Reuse),
        })
    }
}

pub(super) fn unsigned(generation: i64) -> u64 {
    u64::try_from(generation).unwrap_or_default()
}

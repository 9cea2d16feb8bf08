//! Renewals, step by step: a store in memory under every interleaving of three renewals and a
//! logout, and each refusal by itself.

use std::collections::HashSet;
use std::time::Duration;

use djwto_core::http::Mode;
use djwto_core::policy::{Policy, PolicyOptions};
use djwto_core::session::end::{EndReason, Liveness, Refusal, end, liveness};
use djwto_core::session::login::{GivenClaims, NewSession, Opened, open};
use djwto_core::session::memory::MemoryRow;
use djwto_core::session::presented::Presented;
use djwto_core::session::renewal::{Renewed, begin};
use djwto_core::session::rotation::Rotation;
use djwto_core::session::row::{Client, NewRow, Row, Update};
use djwto_core::session::user::{Unrenewable, User, check_user};
use djwto_core::token::session_id::SessionClaims;
use djwto_core::types::{Kind, Micros, UnixTime};
use djwto_core::{Code, SessionId};

use crate::support::{NOW, at, now};

const CHROME: Client<'_> =
    Client { device: "Chrome on Linux", user_agent: "Chrome/1", address: "203.0.113.1" };
const ELSEWHERE: Client<'_> = Client { address: "198.51.100.7", ..CHROME };

fn policy(rotation: Rotation) -> Policy {
    Policy::new(PolicyOptions { rotation, ..PolicyOptions::default() }).unwrap()
}

fn micros(seconds: i64) -> Micros {
    Micros::new((NOW + seconds) * Micros::SECOND)
}

// --- a store in memory --------------------------------------------------------------------------

/// The row of one session: as it is committed, and as the transaction that holds the lock has it.
#[derive(Clone)]
struct Store {
    committed: MemoryRow,
    pending: Option<(usize, MemoryRow)>,
    now: Micros,
}

impl Store {
    fn new(new: &NewRow, auth_hash: &str) -> Self {
        let committed = MemoryRow::new(new, &CHROME, auth_hash);
        Self { committed, pending: None, now: micros(0) }
    }

    fn row(&self) -> Row {
        self.committed.row()
    }

    fn seen_by(&self, who: usize) -> &MemoryRow {
        match &self.pending {
            Some((holder, row)) if *holder == who => row,
            _ => &self.committed,
        }
    }

    fn is_locked_for(&self, who: usize) -> bool {
        self.pending.as_ref().is_some_and(|(holder, _)| *holder != who)
    }

    /// Carries an update out within the transaction of `who`; gives the number of rows.
    fn update(&mut self, who: usize, update: &Update) -> u64 {
        let mut row = self.seen_by(who).clone();
        let touched = row.update(update, self.now);
        if touched > 0 {
            self.pending = Some((who, row));
        }
        touched
    }

    fn commit(&mut self, who: usize) {
        if let Some((holder, row)) = self.pending.take() {
            assert_eq!(holder, who);
            self.committed = row;
        }
    }

    fn roll_back(&mut self, who: usize) {
        if !self.is_locked_for(who) {
            self.pending = None;
        }
    }
}

// --- the steps as a face takes them -------------------------------------------------------------

struct Session {
    id: SessionId,
    policy: Policy,
    store: Store,
}

impl Session {
    fn opened(rotation: Rotation, mode: Mode) -> Self {
        Self::opened_under(policy(rotation), mode)
    }

    fn opened_under(policy: Policy, mode: Mode) -> Self {
        let Opened { session, row, .. } = open(
            &policy,
            &NewSession { mode, lifetime: None },
            &GivenClaims { issued_at: Some(now()), ..GivenClaims::default() },
            now(),
        )
        .unwrap();
        Self { id: session, policy, store: Store::new(&row, "hash") }
    }

    fn presented(&self, generation: i64) -> Presented {
        let sid = self.id.to_string();
        let claims = SessionClaims {
            session: Some(&sid),
            generation: Some(generation),
            ..SessionClaims::default()
        };
        Presented::new(&claims, Mode::TwoCookies).unwrap()
    }

    /// A whole renewal that nothing interrupts, at a time.
    fn renew(&mut self, generation: i64, seconds: i64) -> Result<Renewed, Refusal> {
        self.renew_from(generation, seconds, &CHROME)
    }

    fn renew_from(
        &mut self,
        generation: i64,
        seconds: i64,
        client: &Client<'_>,
    ) -> Result<Renewed, Refusal> {
        self.store.now = micros(seconds);
        let mut actor = Actor::new(self.presented(generation), client);
        for _ in 0..3 {
            actor.step(0, &self.policy, &mut self.store);
        }
        let outcome = actor.outcome.unwrap();
        if let Err(Refusal { end: Some(reason), .. }) = &outcome {
            self.store.update(0, &end(reason.text()));
            self.store.commit(0);
        }
        outcome
    }
}

#[expect(clippy::large_enum_variant, reason = "a test has few of them")]
enum Step {
    Start(Presented),
    Updated(djwto_core::session::renewal::Begun, bool),
    Allowed(djwto_core::session::renewal::Allowed),
    Done,
}

struct Actor<'c> {
    step: Step,
    client: Client<'c>,
    outcome: Option<Result<Renewed, Refusal>>,
}

impl<'c> Actor<'c> {
    fn new(presented: Presented, client: &Client<'c>) -> Self {
        Self { step: Step::Start(presented), client: *client, outcome: None }
    }

    fn is_done(&self) -> bool {
        matches!(self.step, Step::Done)
    }

    /// Takes the next step: one statement, or several while the row is locked.
    fn step(&mut self, who: usize, policy: &Policy, store: &mut Store) {
        self.step = match std::mem::replace(&mut self.step, Step::Done) {
            Step::Start(presented) => {
                let (begun, update) = begin(presented, policy, true, store.now);
                let has_won = store.update(who, &update) > 0;
                Step::Updated(begun, has_won)
            }
            Step::Updated(begun, has_won) => {
                let hashes = ["hash".to_owned()];
                let user = User { is_active: true, auth_hashes: &hashes };
                let row = Some(store.seen_by(who).row());
                let checked = begun.check_generation(policy, row, has_won, store.now);
                match checked.and_then(|checked| checked.check_user(Some(&user))) {
                    Ok(allowed) => Step::Allowed(allowed),
                    Err(refusal) => self.refuse(who, store, refusal),
                }
            }
            Step::Allowed(allowed) => {
                let renewed = allowed.renew(policy, &self.client, store.now).unwrap();
                let touched = renewed.update.as_ref().map_or(0, |one| store.update(who, one));
                let finished = renewed.finish(touched);
                match finished {
                    Ok(()) => {
                        if let Some(mark) = &renewed.mark {
                            store.update(who, mark);
                        }
                        store.commit(who);
                        self.outcome = Some(Ok(renewed));
                        Step::Done
                    }
                    Err(refusal) => self.refuse(who, store, refusal),
                }
            }
            Step::Done => Step::Done,
        };
    }

    fn refuse(&mut self, who: usize, store: &mut Store, refusal: Refusal) -> Step {
        store.roll_back(who);
        self.outcome = Some(Err(refusal));
        Step::Done
    }

    /// Whether the next step would wait for another transaction's lock.
    fn would_wait(&self, who: usize, store: &Store) -> bool {
        !matches!(self.step, Step::Updated(..)) && store.is_locked_for(who)
    }
}

// --- every interleaving -------------------------------------------------------------------------

const LOGOUT: usize = 3;

/// Runs every order in which three renewals and, with `logs_out`, a logout can take their steps.
fn every_order(
    session: &Session,
    generations: [i64; 3],
    logs_out: bool,
    check: fn(&Store, &[Result<Renewed, Refusal>]),
) -> usize {
    fn replay(
        session: &Session,
        generations: [i64; 3],
        order: &[usize],
    ) -> Option<(Store, Vec<Actor<'static>>)> {
        let mut store = session.store.clone();
        let mut actors: Vec<_> =
            generations.map(|one| Actor::new(session.presented(one), &CHROME)).into();
        for who in order {
            if *who == LOGOUT {
                if store.is_locked_for(LOGOUT) {
                    return None;
                }
                store.update(LOGOUT, &end(EndReason::Logout.text()));
                store.commit(LOGOUT);
                continue;
            }
            let actor = &mut actors[*who];
            if actor.is_done() || actor.would_wait(*who, &store) {
                return None;
            }
            actor.step(*who, &session.policy, &mut store);
        }
        Some((store, actors))
    }

    let mut orders = vec![Vec::new()];
    let mut finished = 0;
    while let Some(order) = orders.pop() {
        let (store, actors) = replay(session, generations, &order).unwrap();
        let has_logged_out = !logs_out || order.contains(&LOGOUT);
        if has_logged_out && actors.iter().all(Actor::is_done) {
            let outcomes: Vec<_> = actors.into_iter().filter_map(|actor| actor.outcome).collect();
            check(&store, &outcomes);
            finished += 1;
            continue;
        }
        for who in 0..=LOGOUT {
            let mut next = order.clone();
            next.push(who);
            let may = who != LOGOUT || !has_logged_out;
            if may && replay(session, generations, &next).is_some() {
                orders.push(next);
            }
        }
    }
    finished
}

fn access_times(outcomes: &[Result<Renewed, Refusal>]) -> impl Iterator<Item = i64> + '_ {
    outcomes.iter().flatten().filter_map(|renewed| renewed.access.expires)
}

#[test]
fn three_tabs_get_one_successor_in_every_order() {
    let session = Session::opened(Rotation::Always, Mode::TwoCookies);
    let orders = every_order(&session, [1, 1, 1], false, |store, outcomes| {
        let ids = |renewed: &Renewed| {
            (renewed.refresh.as_ref().unwrap().id.clone(), renewed.access.id.clone())
        };
        let made: HashSet<_> = outcomes.iter().map(|one| ids(one.as_ref().unwrap())).collect();
        assert_eq!(made.len(), 1);
        assert_eq!((store.row().generation, store.row().ended), (2, None));
        assert!(store.committed.renewed_elsewhere_at().is_none());
    });
    assert!(orders > 50, "{orders}");
}

#[test]
fn a_logout_among_renewals_is_the_last_word_in_every_order() {
    for (rotation, mode) in
        [(Rotation::Always, Mode::TwoCookies), (Rotation::Never, Mode::TwoCookies)]
    {
        let session = Session::opened(rotation, mode);
        let orders = every_order(&session, [1, 1, 1], true, |store, outcomes| {
            assert_eq!(store.row().ended.as_deref(), Some("logout"));
            // The feed remembers the session for as long as any token that was given lives.
            let until = store.row().access_until.whole_seconds().unwrap();
            assert!(access_times(outcomes).all(|expires| expires <= until));
            for refusal in outcomes.iter().filter_map(|one| one.as_ref().err()) {
                assert_eq!((refusal.code, refusal.end), (Code::TokenBlacklisted, None));
            }
        });
        assert!(orders > 100, "{orders}");
    }
}

#[test]
fn a_successor_that_races_its_predecessor_ends_nothing() {
    let mut session = Session::opened(Rotation::Always, Mode::TwoCookies);
    session.renew(1, 0).unwrap();
    every_order(&session, [1, 2, 2], false, |store, outcomes| {
        assert_eq!((store.row().generation, store.row().ended), (3, None));
        for refusal in outcomes.iter().filter_map(|one| one.as_ref().err()) {
            assert_eq!((refusal.code, refusal.end), (Code::RefreshSuperseded, None));
        }
        assert!(outcomes[1].is_ok() && outcomes[2].is_ok());
    });
}

#[test]
fn without_rotation_every_renewal_is_answered_in_every_order() {
    let session = Session::opened(Rotation::Never, Mode::TwoCookies);
    let orders = every_order(&session, [1, 1, 1], false, |store, outcomes| {
        assert!(outcomes.iter().all(Result::is_ok));
        assert_eq!(store.row().generation, 1);
        let until = store.row().access_until.whole_seconds().unwrap();
        assert!(access_times(outcomes).all(|expires| expires <= until));
    });
    assert!(orders > 100, "{orders}");
}

// --- one by one ---------------------------------------------------------------------------------

#[test]
fn a_token_that_comes_again_after_the_grace_ends_the_session() {
    let mut session = Session::opened(Rotation::Always, Mode::TwoCookies);
    session.renew(1, 100).unwrap();
    session.renew(1, 109).unwrap();
    let refusal = session.renew(1, 110).unwrap_err();
    assert_eq!((refusal.code, refusal.end), (Code::RefreshReused, Some(EndReason::Reuse)));
    assert_eq!(session.store.row().ended.as_deref(), Some("reuse"));
    assert_eq!(session.renew(2, 111).unwrap_err().code, Code::TokenBlacklisted);
}

#[test]
fn a_repetition_from_elsewhere_is_marked_once_and_ends_nothing() {
    let mut session = Session::opened(Rotation::Always, Mode::TwoCookies);
    session.renew(1, 100).unwrap();
    assert!(session.renew(1, 101).unwrap().mark.is_none());
    assert!(session.renew_from(1, 102, &ELSEWHERE).unwrap().mark.is_some());
    assert_eq!(session.store.committed.renewed_elsewhere_at(), Some(micros(102)));
    session.renew_from(1, 103, &ELSEWHERE).unwrap();
    assert_eq!(session.store.committed.renewed_elsewhere_at(), Some(micros(102)));
    // Another version of the same browser is the same device.
    let updated = Client { user_agent: "Chrome/2", ..CHROME };
    assert!(session.renew_from(1, 104, &updated).unwrap().mark.is_none());
}

#[test]
fn a_session_ends_at_its_end_however_often_it_is_renewed() {
    let session_lifetime = Some(Duration::from_secs(1000));
    let options = PolicyOptions { rotation: Rotation::Always, ..PolicyOptions::default() };
    let policy = Policy::new(PolicyOptions { session_lifetime, ..options }).unwrap();
    let mut session = Session::opened_under(policy, Mode::TwoCookies);
    let renewed = session.renew(1, 900).unwrap();
    assert_eq!(renewed.refresh.unwrap().expires, Some(NOW + 1000));
    assert_eq!(renewed.access.expires, Some(NOW + 1000));
    assert_eq!(session.renew(2, 1000).unwrap_err().code, Code::TokenExpired);
}

#[test]
fn a_user_who_may_not_renew_has_a_slug_and_a_reason() {
    let hashes = ["new".to_owned(), "old".to_owned()];
    let session = Session::opened(Rotation::Always, Mode::TwoCookies);
    let row = |hash: &str| Row { auth_hash: hash.to_owned(), ..session.store.row() };
    let user = |is_active| User { is_active, auth_hashes: &hashes };
    for (refused, inactive) in [
        (Code::RefreshUpdateFailed, Code::UserInactive),
        (Code::AccessRefreshFailed, Code::AccessRefreshFailed),
        (Code::TokenBlacklisted, Code::TokenBlacklisted),
    ] {
        for (row, user, expected) in [
            (Some(row("new")), Some(user(true)), None),
            (Some(row("old")), Some(user(true)), None),
            (Some(row("")), Some(user(true)), None),
            (None, Some(user(true)), None),
            (Some(row("new")), None, Some((refused, EndReason::UserDeleted))),
            (Some(row("new")), Some(user(false)), Some((inactive, EndReason::UserDeactivated))),
            (Some(row("x")), Some(user(true)), Some((refused, EndReason::PasswordChanged))),
        ] {
            let found = check_user(row.as_ref(), user.as_ref(), refused).err();
            assert_eq!(found.map(|one| (one.code, one.end.unwrap())), expected);
        }
    }
}

#[test]
fn a_user_tells_which_sessions_can_no_longer_be_renewed() {
    let hashes = ["new".to_owned(), "old".to_owned()];
    let gone = Unrenewable::of(None);
    let inactive = Unrenewable::of(Some(&User { is_active: false, auth_hashes: &hashes }));
    let changed = Unrenewable::of(Some(&User { is_active: true, auth_hashes: &hashes }));
    assert_eq!((gone.reason, gone.but), (EndReason::UserDeleted, None));
    assert_eq!((inactive.reason, inactive.but), (EndReason::UserDeactivated, None));
    assert_eq!((changed.reason, changed.but), (EndReason::PasswordChanged, Some(&hashes[..])));
    for hash in ["", "new", "old", "x"] {
        assert!(gone.has(hash) && inactive.has(hash));
        assert_eq!(changed.has(hash), hash == "x");
    }
}

#[test]
fn a_row_says_whether_the_session_of_a_token_goes_on() {
    let session = Session::opened(Rotation::Always, Mode::TwoCookies);
    let row = |generation| Row { generation, ..session.store.row() };
    let ended = Row { ended: Some(String::new()), ..row(0) };
    for (row, of_ours, of_0_0_4) in [
        (None, Liveness::Ended, Liveness::AskBlacklist),
        (Some(&ended), Liveness::Ended, Liveness::Ended),
        (Some(&row(0)), Liveness::Live, Liveness::AskBlacklist),
        (Some(&row(1)), Liveness::Live, Liveness::Live),
    ] {
        let standing = row.map(Into::into);
        assert_eq!(
            (liveness(false, standing), liveness(true, standing)),
            (of_ours, of_0_0_4),
            "{row:?}"
        );
    }
}

#[test]
fn a_session_that_ended_with_its_user_says_so() {
    let mut session = Session::opened(Rotation::Always, Mode::TwoCookies);
    session.store.update(0, &end(EndReason::UserDeactivated.text()));
    session.store.commit(0);
    let (begun, update) = begin(session.presented(1), &session.policy, true, micros(1));
    assert_eq!(session.store.update(0, &update), 0);
    let row = Some(session.store.row());
    let checked = begun.check_generation(&session.policy, row, false, micros(1)).unwrap();
    let inactive = User { is_active: false, auth_hashes: &[] };
    assert_eq!(checked.clone().check_user(Some(&inactive)).unwrap_err().code, Code::UserInactive);
    let hashes = ["hash".to_owned()];
    let again = User { is_active: true, auth_hashes: &hashes };
    assert_eq!(checked.check_user(Some(&again)).unwrap_err().code, Code::TokenBlacklisted);
}

#[test]
fn a_token_of_0_0_4_is_adopted_once_and_comes_one_way_only() {
    let policy = policy(Rotation::Always);
    let expires = UnixTime::new(now().seconds() + 500.0);
    let claims = SessionClaims {
        id: Some("j1"),
        expires,
        issued_at: UnixTime::new(now().seconds() - 500.0),
        generation: Some(7),
        ..SessionClaims::default()
    };
    let presented = Presented::new(&claims, Mode::OneCookie).unwrap();
    assert_eq!(presented.session(), SessionId::of_legacy("j1"));
    let new = presented.adopt(&policy, None, false, micros(0)).unwrap().unwrap();
    assert_eq!((new.generation, new.expires_at), (0, micros(500)));
    assert_eq!((new.issued_at, new.authenticated_at), (micros(-500), micros(-500)));
    // Of an access token, the refresh token expires later, and when is not known.
    let of_access = presented.legacy_row(&policy, Kind::Access, micros(0));
    assert_eq!(of_access.expires_at, of_access.ends_at);
    let refused = presented.adopt(&policy, None, true, micros(0)).unwrap_err();
    assert_eq!(refused, Refusal { code: Code::TokenBlacklisted, end: None });
    let row = Store::new(&new, "hash").row();
    assert_eq!(presented.adopt(&policy, Some(&row), false, micros(0)).unwrap(), None);
    let as_bearer = Presented::new(&claims, Mode::Json).unwrap();
    let reuse = Refusal { code: Code::RefreshReused, end: Some(EndReason::Reuse) };
    assert_eq!(as_bearer.adopt(&policy, Some(&row), false, micros(0)).unwrap_err(), reuse);
    assert_eq!(as_bearer.check(&policy, Some(&row), false, micros(0)).unwrap_err(), reuse);
    presented.check(&policy, Some(&row), false, micros(0)).unwrap();
    presented.check(&policy, None, false, micros(0)).unwrap();
    for row in [Some(&row), None] {
        assert!(presented.check(&policy, row, true, micros(0)).is_err());
    }
}

#[test]
fn a_refresh_token_without_a_generation_names_no_session() {
    let sid = SessionId::of_legacy("x").to_string();
    for generation in [None, Some(-1), Some(i64::MAX)] {
        let claims = SessionClaims { session: Some(&sid), generation, ..SessionClaims::default() };
        let refusal = Presented::new(&claims, Mode::Json).unwrap_err();
        assert_eq!(refusal.code, Code::SessionUnknown);
    }
    let claims = SessionClaims { session: Some("a login"), ..SessionClaims::default() };
    assert_eq!(Presented::new(&claims, Mode::Json).unwrap_err().code, Code::SessionUnknown);
}

#[test]
fn a_login_of_its_own_lifetime_keeps_it() {
    let policy = policy(Rotation::Always);
    let new = NewSession { mode: Mode::Json, lifetime: Some(Duration::from_secs(3600)) };
    let given = GivenClaims { expires: Some(at(now().seconds() + 9.0)), ..GivenClaims::default() };
    let opened = open(&policy, &new, &given, now()).unwrap();
    assert_eq!(opened.refresh_expires, Some(NOW + 3600));
    assert_eq!((opened.row.expires_at, opened.row.ends_at), (micros(3600), micros(3600)));
    let short = NewSession { lifetime: Some(Duration::from_millis(999)), ..new };
    assert!(open(&policy, &short, &given, now()).is_err());
    let endless = NewSession { lifetime: Some(Duration::MAX), ..new };
    let opened = open(&policy, &endless, &given, now()).unwrap();
    assert_eq!(opened.row.ends_at, Micros::LATEST);
}

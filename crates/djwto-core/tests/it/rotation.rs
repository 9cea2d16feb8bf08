//! Rotation and reuse: the table of the state machine, and any story against a model.

use std::time::Duration;

use djwto_core::session::rotation::{RenewalError, Rotation, State, TokenStatus};
use djwto_core::{Code, Mode};
use proptest::prelude::*;

const GRACE: f64 = 10.0;

type Verdict = Result<TokenStatus, RenewalError>;

const CURRENT: Verdict = Ok(TokenStatus::Current);
const REPEATED: Verdict = Ok(TokenStatus::Repeated);
const SUPERSEDED: Verdict = Err(RenewalError::Superseded);
const REUSED: Verdict = Err(RenewalError::Reused);
const ENDED: Verdict = Err(RenewalError::Ended);

fn check_generation(state: State, presented: u64) -> Verdict {
    state.check_generation(presented, Duration::from_secs_f64(GRACE))
}

fn live(generation: u64, since: Option<f64>, since_previous: Option<f64>) -> State {
    State {
        generation,
        is_ended: false,
        since_rotation: since,
        since_previous_rotation: since_previous,
    }
}

#[test]
fn the_table() {
    // Of a session at generation 5: what is presented, how long ago 4 and 3 were used, and what
    // comes of it.
    let rows = [
        (5, Some(0.0), Some(1.0), CURRENT),
        (5, Some(99.0), None, CURRENT),
        (5, None, None, CURRENT),
        (5, Some(-99.0), Some(-99.0), CURRENT),
        (4, Some(0.0), Some(99.0), REPEATED),
        (4, Some(9.999), None, REPEATED),
        (4, Some(10.0), Some(10.0), REUSED),
        (4, Some(99.0), Some(99.0), REUSED),
        (4, None, None, REUSED),
        (4, Some(f64::NAN), None, REUSED),
        (4, Some(f64::INFINITY), None, REUSED),
        (4, Some(-0.001), Some(1.0), SUPERSEDED),
        (3, Some(0.0), Some(0.0), SUPERSEDED),
        (3, Some(0.0), Some(9.999), SUPERSEDED),
        (3, Some(0.0), Some(10.0), REUSED),
        (3, Some(0.0), None, REUSED),
        (3, Some(99.0), Some(-0.001), SUPERSEDED),
        (2, Some(0.0), Some(0.0), REUSED),
        (2, Some(-1.0), Some(-1.0), REUSED),
        (0, Some(0.0), Some(0.0), REUSED),
        (6, Some(0.0), Some(0.0), CURRENT),
        (u64::MAX, None, None, CURRENT),
    ];
    for (presented, since, since_previous, expected) in rows {
        let state = live(5, since, since_previous);
        assert_eq!(check_generation(state, presented), expected, "{presented} of {state:?}");
        assert_eq!(check_generation(State { is_ended: true, ..state }, presented), ENDED);
    }
}

#[test]
fn no_grace_forgives_nothing() {
    for since in [0.0, 0.001] {
        let state = live(5, Some(since), Some(since));
        assert_eq!(state.check_generation(5, Duration::ZERO), CURRENT);
        assert_eq!(state.check_generation(4, Duration::ZERO), REUSED);
        assert_eq!(state.check_generation(3, Duration::ZERO), REUSED);
    }
}

#[test]
fn what_a_client_is_told() {
    let codes = [
        (RenewalError::Ended, Code::TokenBlacklisted, 401),
        (RenewalError::Superseded, Code::RefreshSuperseded, 409),
        (RenewalError::Reused, Code::RefreshReused, 401),
    ];
    for (error, code, status) in codes {
        assert_eq!((error.code(), error.code().status()), (code, status));
        assert_eq!(error.to_string(), code.sentence());
    }
}

#[test]
fn which_sessions_are_rotated() {
    let rows = [
        ("never", Rotation::Never, [false, false, false]),
        ("cookies", Rotation::Cookies, [false, true, true]),
        ("always", Rotation::Always, [true, true, true]),
    ];
    for (name, rotation, applies) in rows {
        assert_eq!(Rotation::from_name(name), Some(rotation));
        let modes = [Mode::Json, Mode::OneCookie, Mode::TwoCookies];
        assert_eq!(modes.map(|mode| rotation.applies(mode)), applies);
    }
    assert_eq!(Rotation::from_name("Always"), None);
    assert_eq!(Rotation::default(), Rotation::Cookies);
}

/// A store with its clock, which does what each verdict demands; and beside it all that happened.
#[derive(Default)]
struct Store {
    clock: f64,
    generation: u64,
    used_at: Vec<f64>,
    is_ended: bool,
}

impl Store {
    /// When a generation was used: when the session moved on from it.
    fn used(&self, generation: u64) -> Option<f64> {
        self.used_at.get(usize::try_from(generation).unwrap()).copied()
    }

    fn since(&self, generations_ago: u64) -> Option<f64> {
        let used = self.used(self.generation.checked_sub(generations_ago)?)?;
        Some(self.clock - used)
    }

    fn present(&mut self, generation: u64) -> Verdict {
        let state = State {
            is_ended: self.is_ended,
            ..live(self.generation, self.since(1), self.since(2))
        };
        let verdict = check_generation(state, generation);
        match verdict {
            Ok(TokenStatus::Current) => {
                // Of generations that a store which was set back has missed, it knows no time.
                let presented = usize::try_from(generation).unwrap();
                self.used_at.resize(presented, f64::NEG_INFINITY);
                self.used_at.push(self.clock);
                self.generation = generation + 1;
            }
            Err(RenewalError::Reused) => self.is_ended = true,
            _ => {}
        }
        verdict
    }
}

/// A client presents one of the issued tokens, so many behind the latest, some time
/// later; or the store's clock is set.
fn steps() -> impl Strategy<Value = Vec<(f64, u64)>> {
    let seconds = prop_oneof![
        6 => 0.0..4.0,
        2 => 4.0..30.0,
        1 => Just(GRACE),
        1 => -3600.0..0.0,
    ];
    let behind = prop_oneof![5 => Just(0_u64), 3 => Just(1), 2 => Just(2), 1 => 3_u64..6];
    prop::collection::vec((seconds, behind), 1..60)
}

proptest! {
    /// In any order and at any time: one token has one successor, a session that was ended
    /// stays so, reuse always ends it, and nothing else does.
    #[test]
    fn any_story(steps in steps()) {
        let mut store = Store::default();
        for (seconds, behind) in steps {
            store.clock += seconds;
            let Some(presented) = store.generation.checked_sub(behind) else { continue };
            let (before, was_ended) = (store.generation, store.is_ended);
            let used = store.used(presented);
            let elapsed = used.map(|used| store.clock - used);
            let verdict = store.present(presented);
            if was_ended {
                prop_assert_eq!(verdict, ENDED);
                prop_assert_eq!((store.generation, store.is_ended), (before, true));
                continue;
            }
            // Only the latest token moves the session on, and only by one.
            prop_assert_eq!(verdict == CURRENT, used.is_none());
            prop_assert_eq!(store.generation, before + u64::from(verdict == CURRENT));
            // A successor is given again only if it is the latest itself, and so unused.
            if verdict == REPEATED {
                prop_assert_eq!(presented + 1, store.generation);
                prop_assert_eq!(store.used(presented + 1), None);
            }
            prop_assert_eq!(store.is_ended, verdict == REUSED);
            match elapsed {
                Some(elapsed) if elapsed >= GRACE => prop_assert_eq!(verdict, REUSED),
                // The owner's other tabs, and clients that come while the clock cannot tell.
                Some(_) if behind <= 2 => prop_assert_ne!(verdict, REUSED),
                Some(_) => prop_assert_eq!(verdict, REUSED),
                None => {}
            }
        }
    }

    /// A store that was set back is moved on by the newest token, and by it alone for good.
    #[test]
    fn a_store_that_was_set_back(generations in 2_u64..20, back in 1_u64..20, older in 1_u64..20) {
        let mut store = Store::default();
        for generation in 0..generations {
            store.clock += 2.0 * GRACE;
            prop_assert_eq!(store.present(generation), CURRENT);
        }
        let newest = store.generation;
        store.generation = newest.saturating_sub(back);
        store.used_at.truncate(usize::try_from(store.generation).unwrap());
        prop_assert_eq!(store.present(newest), CURRENT);
        prop_assert_eq!(store.generation, newest + 1);
        prop_assert_eq!(store.present(newest), REPEATED);
        if let Some(used) = newest.checked_sub(older) {
            prop_assert_eq!(store.present(used), REUSED);
        }
    }

    /// Two who hold the same token are noticed, unless they come within the grace of each other.
    #[test]
    fn a_thief_is_noticed(
        turns in prop::collection::vec((any::<bool>(), GRACE..100.0), 2..20),
    ) {
        let mut store = Store::default();
        let mut held = [0, 0];
        for (who, seconds) in turns.iter().copied() {
            store.clock += seconds;
            let mine = held.get_mut(usize::from(who)).unwrap();
            if store.present(*mine).is_ok() {
                *mine = store.generation;
            }
        }
        let has_changed_hands = turns.windows(2).any(|two| two[0].0 != two[1].0);
        prop_assert_eq!(store.is_ended, has_changed_hands);
    }
}

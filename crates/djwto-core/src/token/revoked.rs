//! The set of ended sessions.
//!
//! A face fills the set, and every verification asks it. An access token of an ended session is refused,
//! although its signature is good and it has not expired (RFC 9700 §4.14.2). An entry stays until the
//! last access token of its session has expired. The set has no store and no clock: the face knows how
//! fresh it is.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::session_id::SessionId;

/// Ended sessions, each with the time until which it must be remembered.
#[derive(Default)]
pub struct Revocations {
    ended: RwLock<Ended>,
}

/// Hashed with a random key per process (`SipHash`), so a sender cannot choose where an id goes.
type Ended = HashMap<SessionId, i64>;

/// The size up to which messages of other processes may grow the set. More comes from the store only.
pub const MAX_HEARD: usize = 1_000_000;

/// The longest time that a session is remembered, in seconds: 400 days. The store repeats it long
/// before that.
pub const LONGEST_SECONDS: i64 = 400 * 24 * 60 * 60;

impl Revocations {
    /// Remembers ended sessions, each until the last of its access tokens has expired: seconds
    /// since 1970-01-01T00:00:00Z. Of two times for one session the later counts.
    pub fn extend(&self, ended: impl IntoIterator<Item = (SessionId, i64)>) {
        let mut set = self.write();
        for (session, until) in ended {
            let known = set.entry(session).or_insert(until);
            *known = until.max(*known);
        }
    }

    /// Remembers sessions from another process, while the set is smaller than [`MAX_HEARD`]. Returns how
    /// many found no room.
    pub fn hear(&self, ended: impl IntoIterator<Item = (SessionId, i64)>) -> usize {
        let (mut set, mut left_out) = (self.write(), 0);
        for (session, until) in ended {
            let has_room = set.len() < MAX_HEARD;
            match set.entry(session) {
                Entry::Occupied(mut known) => {
                    let until = until.max(*known.get());
                    known.insert(until);
                }
                Entry::Vacant(place) if has_room => {
                    place.insert(until);
                }
                Entry::Vacant(_) => left_out += 1,
            }
        }
        left_out
    }

    /// Forgets the sessions that had to be remembered until an earlier time. The others are remembered
    /// for at most [`LONGEST_SECONDS`] from this time.
    pub fn forget_before(&self, time: i64) {
        let (mut set, longest) = (self.write(), time.saturating_add(LONGEST_SECONDS));
        set.retain(|_, until| {
            *until = longest.min(*until);
            *until >= time
        });
        if set.len() < set.capacity() / 4 {
            set.shrink_to_fit();
        }
    }

    /// Whether a session was ended.
    pub fn contains(&self, session: SessionId) -> bool {
        self.read().contains_key(&session)
    }

    /// How many sessions are remembered.
    pub fn len(&self) -> usize {
        self.read().len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn read(&self) -> RwLockReadGuard<'_, Ended> {
        self.ended.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Ended> {
        self.ended.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocations").field("len", &self.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use super::{LONGEST_SECONDS, MAX_HEARD, Revocations, SessionId};

    const SID: &str = "6f1c7d0e-8c5b-4f2a-9d3e-2b1a0c9d8e7f";

    #[test]
    fn a_session_is_remembered_until_the_latest_time_that_was_said() {
        let (set, session) = (Revocations::default(), SessionId::parse(SID).unwrap());
        assert!(!set.contains(session));
        set.extend([(session, 100), (session, 50)]);
        set.forget_before(100);
        assert!(set.contains(session));
        set.forget_before(101);
        assert!(!set.contains(session) && set.is_empty());
    }

    #[test]
    fn no_time_that_was_said_is_for_ever() {
        let (set, session) = (Revocations::default(), SessionId::parse(SID).unwrap());
        for until in [i64::MAX, 1 << 62] {
            set.extend([(session, until)]);
            set.forget_before(100);
            assert!(set.contains(session));
            set.forget_before(100 + LONGEST_SECONDS);
            assert!(set.contains(session));
            set.forget_before(101 + LONGEST_SECONDS);
            assert!(set.is_empty());
        }
    }

    #[test]
    fn what_others_say_fills_the_set_to_a_bound_and_a_store_fills_it_further() {
        let set = Revocations::default();
        let id = |number: usize| SessionId::from_bytes((number as u128).to_le_bytes());
        let entries = |from: usize, to: usize| (from..to).map(move |number| (id(number), 100));
        assert_eq!(set.hear(entries(0, MAX_HEARD - 1)), 0);
        assert_eq!(set.hear(entries(MAX_HEARD - 2, MAX_HEARD + 5)), 5);
        assert_eq!(set.len(), MAX_HEARD);
        // A later time of one that is known needs no room.
        assert_eq!(set.hear([(id(7), 200)]), 0);
        set.extend(entries(MAX_HEARD, MAX_HEARD + 5));
        assert_eq!(set.len(), MAX_HEARD + 5);
        set.forget_before(101);
        assert!(set.contains(id(7)) && set.len() == 1);
    }

    #[test]
    fn ids_that_share_their_folded_bytes_are_no_slower_than_others() {
        // 40,000 of these took 37 seconds while the hash was the two halves combined.
        let same = (0..100_000_u64).map(|number| {
            let half = u128::from(number);
            (SessionId::from_bytes((half << 64 | half).to_le_bytes()), 100)
        });
        let set = Revocations::default();
        set.hear(same);
        assert_eq!(set.len(), 100_000);
    }
}

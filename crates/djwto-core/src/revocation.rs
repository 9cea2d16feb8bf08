//! The sessions that are no longer welcome.
//!
//! A set that a face feeds, and that every verification asks: an access token of an ended session
//! is refused although its signature holds and its time has not come (RFC 9700 §4.14.2). An entry
//! stays until the last access token of its session has expired. The set knows neither a store
//! nor a clock; how fresh it is, is the face's business.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use aws_lc_rs::digest;
use uuid::Uuid;

use crate::claims::{UnixTime, UserId};

/// A session by its `sid`, which is a UUID.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(Uuid);

impl SessionId {
    /// Names the session of a token. Every part of djwto that asks which session a token belongs to
    /// asks here.
    ///
    /// That is its `sid`. A token of djwto 0.0.4 has none, and its session is derived from its
    /// `jti`, or from its user and the time of the login where tokens had no `jti` either. Its
    /// access and its refresh token have one session.
    ///
    /// `None` where `sid` is no UUID, and so none of ours, or where no user is named.
    pub fn of(claims: &SessionClaims<'_>) -> Option<Self> {
        match (claims.session, claims.id) {
            (Some(sid), _) => Self::parse(sid),
            (None, Some(jti)) => Some(Self::of_legacy(jti)),
            (None, None) => claims.user.map(|user| Self::of_login(user, claims)),
        }
    }

    fn of_login(user: &UserId<'_>, claims: &SessionClaims<'_>) -> Self {
        let issued_at = claims.refresh_issued_at.or(claims.issued_at);
        let time = match (issued_at, claims.expires) {
            (Some(time), _) => Some(("iat", time)),
            (None, Some(time)) => Some(("exp", time)),
            (None, None) => None,
        };
        let (claim, time) = time.map_or(("", 0.0), |(claim, time)| (claim, time.seconds()));
        // 0.0 and -0.0 are one time.
        let time = (time + 0.0).to_bits().to_be_bytes();
        let user = user.to_text();
        Self(derived("djwto legacy login", &[user.as_bytes(), claim.as_bytes(), &time]))
    }

    /// The session of that `sid`; `None` where it is no UUID, and so none of ours.
    pub fn parse(sid: &str) -> Option<Self> {
        Uuid::try_parse(sid).ok().map(Self)
    }

    /// The session that a token of djwto 0.0.4 belongs to, which has a `jti` and no `sid`.
    ///
    /// It is derived, so that everyone who renews or ends such a token means the same session.
    pub fn of_legacy(jti: &str) -> Self {
        Self(derived("djwto legacy session", &[jti.as_bytes()]))
    }

    /// From the 16 bytes of the UUID.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

/// The claims by which a session is named.
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionClaims<'a> {
    /// `sid`
    pub session: Option<&'a str>,
    /// `jti`
    pub id: Option<&'a str>,
    /// `user.id`
    pub user: Option<&'a UserId<'a>>,
    /// `iat`
    pub issued_at: Option<UnixTime>,
    /// `refresh_iat`
    pub refresh_issued_at: Option<UnixTime>,
    /// `exp`
    pub expires: Option<UnixTime>,
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A `UUIDv8` (RFC 9562 §5.8) of the SHA-256 over a purpose and parts.
///
/// Byte 8 is odd. `MariaDB` 10.11 refuses a `uuid` of version 8 whose byte 8 is 0x80 or less.
pub(crate) fn derived(purpose: &str, parts: &[&[u8]]) -> Uuid {
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
        // Each with its length, so that no two lists of parts run together into one text.
        hash.update(&part.len().to_be_bytes());
        hash.update(part);
    }
    let mut bytes = [0; 16];
    for (byte, hashed) in bytes.iter_mut().zip(hash.finish().as_ref()) {
        *byte = *hashed;
    }
    bytes[8] |= 1;
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// Ended sessions, each with the time until which it must be remembered.
#[derive(Default)]
pub struct Revocations {
    ended: RwLock<Ended>,
}

/// Hashed by a key that each process draws (SipHash): no sender chooses where an id falls.
type Ended = HashMap<SessionId, i64>;

/// How many sessions the set grows to by what others say. Beyond it the store is to say so itself.
pub const MAX_HEARD: usize = 1_000_000;

/// How long a session is remembered at most, in seconds: 400 days. A store that still has it says
/// so again, long before.
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

    /// Remembers sessions that another process tells of, but lets the set grow to [`MAX_HEARD`]
    /// and no further. Returns how many found no room.
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

    /// Forgets the sessions that had to be remembered until a time before this one. No other is
    /// remembered for longer than [`LONGEST_SECONDS`] from that time, even where a later time was
    /// told.
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

    use super::{LONGEST_SECONDS, MAX_HEARD, Revocations, SessionId, derived};

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

    #[test]
    fn a_legacy_session_is_the_same_each_time_and_no_others() {
        assert_eq!(SessionId::of_legacy("a"), SessionId::of_legacy("a"));
        assert_ne!(SessionId::of_legacy("a"), SessionId::of_legacy("b"));
        assert_eq!(derived("x", &[b"a"]).get_version_num(), 8);
        assert_ne!(derived("x", &[b"ab", b"c"]), derived("x", &[b"a", b"bc"]));
    }

    #[test]
    fn a_derived_id_is_one_that_every_store_takes() {
        for number in 0..2000_u32 {
            let id = derived("x", &[&number.to_be_bytes()]);
            assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
            assert_ne!(id.as_bytes()[8], 0x80, "{id}");
        }
    }

    #[test]
    fn what_is_no_uuid_is_no_session_of_ours() {
        assert_eq!(SessionId::parse("the login"), None);
        assert_eq!(SessionId::parse(""), None);
    }
}

//! The cache of verified tokens.
//!
//! A hit skips only the signature and the JSON. The whole token is compared, and its times, kind,
//! tenant and session are checked again. A cache belongs to one set of keys and one policy. Its entries
//! and bytes are bounded. The token that expires first leaves first, and no token stays past its `exp`.
//! A token enters when it comes for the second time, so a flood of new tokens costs little and pushes
//! none out.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::token::session_id::SessionId;
use crate::token::verify::{RecheckedClaims, Requirements, Verified, VerifyError, verify_again};
use crate::types::UnixTime;

/// Verified tokens, each with the claims as a face has them.
pub struct TokenCache<V> {
    max_entries: usize,
    max_bytes: usize,
    secrets: [u64; 2],
    seen_once: Box<[AtomicU64]>,
    inner: Mutex<Inner<V>>,
}

/// What a cache holds, and how often it had the token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheInfo {
    /// Tokens in it.
    pub entries: usize,
    /// The bytes they take, as the face estimates it.
    pub bytes: usize,
    /// Lookups that found their token.
    pub hits: u64,
    /// Lookups that did not.
    pub misses: u64,
}

/// A token's place in the cache: a keyed hash, which a sender cannot foresee.
#[derive(Clone, Copy, Debug)]
pub struct Place(u64);

/// The answer to a lookup.
#[derive(Debug)]
pub enum Lookup<V> {
    /// The token was verified before. This is the result of checking it again.
    Hit(Result<(V, SessionId), VerifyError>),
    /// It is not there. This is the place for it, once it is verified, if it was seen before.
    Miss(Place),
}

impl<V: Clone> TokenCache<V> {
    /// A cache of so many tokens, and so many bytes; `None` where either is zero.
    pub fn new(max_entries: usize, max_bytes: usize) -> Option<Self> {
        let slots = max_entries.min(MAX_ENTRIES).next_power_of_two() * 2;
        let random = RandomState::new();
        (max_entries > 0 && max_bytes > 0).then(|| Self {
            max_entries: max_entries.min(MAX_ENTRIES),
            max_bytes,
            secrets: [random.hash_one(0), random.hash_one(1)],
            seen_once: std::iter::repeat_with(AtomicU64::default).take(slots).collect(),
            inner: Mutex::new(Inner::default()),
        })
    }

    /// Looks a token up. The policy must be the one under which tokens were put in.
    pub fn get(&self, token: &[u8], requirements: &Requirements<'_>) -> Lookup<V> {
        let place = self.place(token);
        let mut inner = self.lock();
        let expired = inner.remove_expired(requirements.now);
        let found = match inner.entries.get(&place.0) {
            Some(entry) if *entry.token == *token => {
                let verdict = verify_again(&entry.rechecked, requirements);
                Some(verdict.map(|session| (entry.value.clone(), session)))
            }
            _ => None,
        };
        *(if found.is_some() { &mut inner.hits } else { &mut inner.misses }) += 1;
        drop(inner);
        drop(expired); // outside the lock: a face's values may take their time
        found.map_or(Lookup::Miss(place), Lookup::Hit)
    }

    /// Whether the token of this place was seen before; from now on it was.
    pub fn seen_before(&self, place: Place) -> bool {
        let Some(mask) = self.seen_once.len().checked_sub(1) else { return false };
        #[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
        let slot = place.0 as usize & mask & !1;
        // A pair of slots holds the two latest sights, the older one in the second.
        let (Some(first), Some(second)) = (self.seen_once.get(slot), self.seen_once.get(slot | 1))
        else {
            return false;
        };
        // Plain loads and stores: where threads meet, a sight may be forgotten, and no more.
        let previous = first.load(Ordering::Relaxed);
        if previous == place.0 {
            return true;
        }
        let older = second.load(Ordering::Relaxed);
        first.store(place.0, Ordering::Relaxed);
        second.store(previous, Ordering::Relaxed);
        older == place.0
    }

    /// Puts a verified token in, with a value that takes about so many bytes.
    pub fn insert(
        &self,
        place: Place,
        token: &[u8],
        verified: &Verified,
        value: V,
        value_bytes: usize,
    ) {
        let rechecked = verified.rechecked.clone();
        let bytes = token.len() + value_bytes + OVERHEAD;
        if bytes > self.max_bytes {
            return;
        }
        let entry = Entry { token: token.into(), rechecked, value, bytes };
        let mut inner = self.lock();
        let mut removed: Vec<_> = inner.insert(place.0, entry).into_iter().collect();
        while inner.entries.len() > self.max_entries || inner.bytes > self.max_bytes {
            removed.extend(inner.remove_soonest());
        }
        drop(inner);
        drop(removed);
    }

    /// Its size and its fortune.
    pub fn info(&self) -> CacheInfo {
        let inner = self.lock();
        CacheInfo {
            entries: inner.entries.len(),
            bytes: inner.bytes,
            hits: inner.hits,
            misses: inner.misses,
        }
    }

    /// A signature is as good as random, so its end tells tokens apart. It is folded with secrets. A
    /// sender who makes tokens with equal ends gets none of them verified.
    #[expect(clippy::cast_possible_truncation, reason = "both halves of the product are taken")]
    fn place(&self, token: &[u8]) -> Place {
        // 96 bits; nothing shorter has a signature.
        let Some(([one, other], [])) = token.last_chunk::<16>().map(|end| end.as_chunks::<8>())
        else {
            return Place(0);
        };
        let [first, second] = self.secrets;
        let product = u128::from(u64::from_le_bytes(*one) ^ first)
            * u128::from(u64::from_le_bytes(*other) ^ second);
        Place(product as u64 ^ (product >> 64) as u64)
    }

    fn lock(&self) -> MutexGuard<'_, Inner<V>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> fmt::Debug for TokenCache<V> {
    /// Never shows a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache")
            .field("max_entries", &self.max_entries)
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}

/// More would be a mistake in the settings: ten million tokens of a kilobyte fill a server.
const MAX_ENTRIES: usize = 10_000_000;
/// What an entry takes beside its token and its value: two nodes, and pointers to both, in bytes.
const OVERHEAD: usize = 160;

struct Inner<V> {
    entries: HashMap<u64, Entry<V>, BuildHasherDefault<Identity>>,
    /// The end of each entry and its place, soonest first.
    ends: BTreeSet<(u64, u64)>,
    /// The first of the ends, or a time before it.
    soonest: u64,
    bytes: usize,
    hits: u64,
    misses: u64,
}

struct Entry<V> {
    token: Box<[u8]>,
    rechecked: RecheckedClaims,
    value: V,
    bytes: usize,
}

impl<V> Default for Inner<V> {
    fn default() -> Self {
        Self {
            entries: HashMap::default(),
            ends: BTreeSet::new(),
            soonest: u64::MAX,
            bytes: 0,
            hits: 0,
            misses: 0,
        }
    }
}

impl<V> Inner<V> {
    fn insert(&mut self, place: u64, entry: Entry<V>) -> Option<Entry<V>> {
        let replaced = self.remove(place);
        self.ends.insert((entry.end(), place));
        self.soonest = self.soonest.min(entry.end());
        self.bytes += entry.bytes;
        self.entries.insert(place, entry);
        replaced
    }

    fn remove(&mut self, place: u64) -> Option<Entry<V>> {
        let entry = self.entries.remove(&place)?;
        self.ends.remove(&(entry.end(), place));
        self.bytes -= entry.bytes;
        Some(entry)
    }

    fn remove_soonest(&mut self) -> Option<Entry<V>> {
        let (_, place) = *self.ends.first()?;
        self.remove(place)
    }

    fn remove_expired(&mut self, now: UnixTime) -> Vec<Entry<V>> {
        let mut expired = Vec::new();
        // What ends at the end of time stays: to wait for that would never end.
        let now = whole_seconds(now).min(u64::MAX - 1);
        while self.soonest <= now {
            self.soonest = self.ends.first().map_or(u64::MAX, |(end, _)| *end);
            if self.soonest <= now {
                expired.extend(self.remove_soonest());
            }
        }
        expired
    }
}

impl<V> Entry<V> {
    /// `exp` in whole seconds; the end of time without one.
    fn end(&self) -> u64 {
        self.rechecked.expires.map_or(u64::MAX, whole_seconds)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and fractions are cut as `verify` cuts them"
)]
fn whole_seconds(time: UnixTime) -> u64 {
    time.seconds() as u64
}

/// The places are hashes already.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, place: u64) {
        self.0 = place;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

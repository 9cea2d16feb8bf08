//! The throttle: which counters a login attempt uses, and what happens if one is full.
//!
//! 1. The pair: an account and a network. It has the lowest limit. A success frees its slots.
//! 2. The account, over all networks, in a window and in a day. If one of these counters is full, the
//!    network decides. A network that the account knows has [`KNOWN_ATTEMPTS`], and no success frees
//!    those. An unknown network is refused until the window has passed. If the counter of the day is
//!    full, it has [`STRANGER_ATTEMPTS`] instead, because a refusal would last a day.
//! 3. The network, over all accounts. An IPv6 network is a /64; a /48 has ten times as many attempts.
//!
//! A page of another origin can make its visitor's browser fail logins. All attempts of such pages
//! share one pair, and at most half of the network's counter, so they lock no visitor out.
//!
//! A counter is a number of slots, and each slot holds a [`Mark`]. A face stores the marks, and takes
//! a free slot in one atomic step. A slot is free again one window after it was taken.
//!
//! Source: OWASP, Authentication Cheat Sheet, "Login Throttling" and "Device Cookies".

use std::ops::Range;
use std::time::Duration;

use crate::http::client;

/// The attempts of a network that the account knows, if a counter of the account is full.
pub const KNOWN_ATTEMPTS: u32 = 20;
/// Within this time, in seconds.
pub const KNOWN_SECONDS: u32 = 5 * 60;
/// The attempts of any other network, if the counter of the account's day is full.
pub const STRANGER_ATTEMPTS: u32 = 1;
/// Within this time, in seconds.
pub const STRANGER_SECONDS: u32 = 15 * 60;
/// How many times the attempts of a network an IPv6 /48 has: one customer may have all of it.
pub const PER_SITE: u32 = 10;
const DAY_SECONDS: u32 = 24 * 3600;
/// A counter with at most this many slots is small: each attempt reads all of it.
const MAX_SMALL: u32 = 20;
/// How many slots of a large counter are tried before any are read.
const PROBES: u64 = 3;
/// How many slots are read at once.
const PART_SLOTS: u32 = 200;
/// An attempt that takes longer, in seconds, counts as failed: its process has stopped.
const LOST_SECONDS: f64 = 30.0;

/// How many attempts may fail.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of an account and a network.
    pub attempts: u32,
    /// Of an account.
    pub account_attempts: u32,
    /// Of a network.
    pub network_attempts: u32,
    /// Of an account, in a day.
    pub day_attempts: u32,
    /// The time of the first three.
    pub window: Duration,
}

/// A number of attempts that may fail within a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// What is counted. It holds an address, so a face stores a keyed hash of it.
    pub name: String,
    /// How many attempts may fail.
    pub size: u32,
    /// Within which time, in seconds.
    pub seconds: u32,
    /// Whether it counts many accounts or networks: then no login waits for a free slot.
    pub is_shared: bool,
}

impl Count {
    fn new(name: String, size: u32, seconds: u32) -> Self {
        Self { name, size, seconds, is_shared: false }
    }

    fn shared(name: String, size: u32, seconds: u32) -> Self {
        Self { is_shared: true, ..Self::new(name, size, seconds) }
    }

    /// Whether it has too many slots to read all of them for each attempt.
    pub fn is_large(&self) -> bool {
        self.size > MAX_SMALL
    }

    /// The slots of a large counter to try before any are read: while most slots are free, one of these
    /// is. None for a small counter. `seed` is random, so that attempts at the same instant try
    /// different slots; it protects no secret.
    pub fn probes(&self, seed: u64) -> Vec<u32> {
        if !self.is_large() {
            return Vec::new();
        }
        let size = u64::from(self.size);
        // Three that differ: two steps are less than the whole round.
        let (start, step) = (seed % size, 1 + (seed / size) % ((size - 1) / 2));
        let round = (0..PROBES).map(|number| (start + number * step) % size);
        round.filter_map(|slot| u32::try_from(slot).ok()).collect()
    }

    /// All slots, in the order in which they are read and tried, part by part: some databases take no
    /// more than 999 parameters. `seed` is random, and spreads attempts over the parts.
    pub fn parts(&self, seed: u64) -> Vec<Range<u32>> {
        let starts = (0..self.size).step_by(PART_SLOTS as usize);
        let mut parts: Vec<_> =
            starts.map(|start| start..start.saturating_add(PART_SLOTS).min(self.size)).collect();
        let first = usize::try_from(seed).ok().and_then(|seed| seed.checked_rem(parts.len()));
        parts.rotate_left(first.unwrap_or_default());
        parts
    }

    /// What an attempt does that finds no free slot but these marks, at this time in seconds.
    ///
    /// Without marks, other attempts were a moment earlier. Then the time of the first free slot is a
    /// guess.
    pub fn full(&self, marks: &[Mark], now: f64) -> Full {
        let first = marks.iter().map(|mark| mark.taken).min_by(f64::total_cmp).unwrap_or(now);
        let free = first + f64::from(self.seconds);
        let is_going = |mark: &Mark| !mark.has_failed && now - mark.taken < LOST_SECONDS;
        let is_in_flight = !self.is_shared && marks.iter().any(is_going);
        let retry_after = if is_in_flight { 1 } else { self.seconds_until(free, now) };
        Full { free, is_in_flight, retry_after }
    }

    /// `Retry-After`, in seconds, where no slot is free before this time: from 1 to the count's own
    /// time.
    pub fn seconds_until(&self, free: f64, now: f64) -> u32 {
        let seconds = (free - now).ceil().min(f64::from(self.seconds)).max(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is between 1 and a number of 32 bits"
        )]
        let seconds = seconds as u32;
        seconds
    }
}

/// The content of a slot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    /// When it was taken, by the clock, in seconds.
    pub taken: f64,
    /// Whether the attempt has failed.
    pub has_failed: bool,
}

/// A count without a free slot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Full {
    /// When the first slot is free, by the clock, in seconds.
    pub free: f64,
    /// Whether a slot may be free sooner: an attempt that holds one has not failed yet.
    pub is_in_flight: bool,
    /// When it is worth another try, in seconds.
    pub retry_after: u32,
}

/// What an attempt does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It takes a slot of this counter. If none is free, it waits for one that may be free soon
    /// ([`Full::is_in_flight`]); otherwise it is refused.
    Demand(Count),
    /// It takes a slot of this count, if one is free.
    Take(Count),
    /// It asks whether the account has logged in from this network before.
    AskKnown,
    /// It may check the password. If that does not fail, its slots are freed.
    Admit,
    /// It is refused, with [`Full::retry_after`] of the counter that it tried last.
    Refuse,
}

/// One attempt to log in, and how far it has come.
#[derive(Clone, Debug)]
pub struct Attempt {
    counts: Counts,
    /// The counters that it has to take first, the next one last.
    demanded: Vec<Count>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Networks,
    Day,
    Account,
    Known { is_day_full: bool },
    Above,
}

impl Attempt {
    /// An attempt with these counts.
    pub fn new(counts: Counts) -> Self {
        let mut demanded = counts.networks.clone();
        demanded.extend(counts.pair.clone());
        demanded.reverse();
        Self { counts, demanded, phase: Phase::Networks }
    }

    /// What it counts, beside the network.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The first step, with `None`. After that, what follows from the step before: whether it has a
    /// slot, or whether the account knows the network.
    ///
    /// The attempt has to take the networks and the pair. Then it tries the account's day, and its
    /// window if the day is not full. If either is full, it has to take [`Counts::above`], which
    /// depends on whether the account knows the network.
    pub fn next(&mut self, outcome: Option<bool>) -> Step {
        if let Some(count) = self.demanded.pop() {
            return Step::Demand(count);
        }
        match (self.phase, outcome) {
            (Phase::Networks, _) => match (&self.counts.day, &self.counts.account) {
                (_, None) => Step::Admit,
                (Some(day), Some(_)) => {
                    self.phase = Phase::Day;
                    Step::Take(day.clone())
                }
                (None, Some(account)) => {
                    self.phase = Phase::Account;
                    Step::Take(account.clone())
                }
            },
            (Phase::Day, Some(false)) => {
                self.phase = Phase::Known { is_day_full: true };
                Step::AskKnown
            }
            (Phase::Day, _) => {
                self.phase = Phase::Account;
                self.counts.account.clone().map_or(Step::Admit, Step::Take)
            }
            (Phase::Account, Some(false)) => {
                self.phase = Phase::Known { is_day_full: false };
                Step::AskKnown
            }
            (Phase::Known { is_day_full }, outcome) => {
                let is_known = outcome == Some(true);
                self.demanded = self.counts.above(is_day_full, is_known).to_vec();
                self.demanded.reverse();
                self.phase = Phase::Above;
                match self.demanded.pop() {
                    Some(count) => Step::Demand(count),
                    None if is_day_full => Step::Admit,
                    None => Step::Refuse,
                }
            }
            (Phase::Account | Phase::Above, _) => Step::Admit,
        }
    }
}

/// The counts of one attempt, in the order in which they are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Of its network.
    pub networks: Vec<Count>,
    /// Of its account and network.
    pub pair: Option<Count>,
    /// Of its account, in a day.
    pub day: Option<Count>,
    /// Of its account.
    pub account: Option<Count>,
    known: Option<Count>,
    strangers: Vec<Count>,
}

impl Counts {
    /// The counts of an attempt to log in to an account of a tenant from an address; "" for none.
    ///
    /// `account` and `tenant` are normalised, so that no two spellings of one differ, and have no
    /// space. Accounts of one name in two tenants are counted apart. The counts of a network are over
    /// all tenants, so guesses are not multiplied by them.
    /// `is_foreign` says that a page of an untrusted origin sent the attempt.
    pub fn of(
        account: &str,
        tenant: &str,
        address: &str,
        limits: &Limits,
        is_foreign: bool,
    ) -> Self {
        let (network, site) = (client::network(address), client::site(address));
        let window = limits.window.as_nanos().div_ceil(1_000_000_000).max(1);
        let window = u32::try_from(window).unwrap_or(u32::MAX);
        // Neither name has a space left in it, so that no count is taken for another.
        let who = if is_foreign { format!("foreign {network}") } else { network.clone() };
        let (has_network, has_name) = (!network.is_empty(), !account.is_empty());
        let account =
            if tenant.is_empty() { account.to_owned() } else { format!("{account} of {tenant}") };
        let mut networks = Vec::new();
        if has_network {
            let attempts = limits.network_attempts;
            if is_foreign {
                networks.push(Count::shared(
                    format!("network {who}"),
                    attempts.div_ceil(2),
                    window,
                ));
            }
            networks.push(Count::shared(format!("network {network}"), attempts, window));
            if !site.is_empty() {
                let attempts = attempts.saturating_mul(PER_SITE);
                networks.push(Count::shared(format!("network {site}"), attempts, window));
            }
        }
        // Without an address all clients would be one, and could lock each other out; without a
        // name all accounts would be one. Where both are missing, something must count.
        let pair = (has_network || !has_name)
            .then(|| Count::new(format!("pair {who} {account}"), limits.attempts, window));
        let of_account = has_name
            .then(|| Count::shared(format!("account {account}"), limits.account_attempts, window));
        let mut counts =
            Self { networks, pair, day: None, account: of_account, known: None, strangers: vec![] };
        if has_name && has_network {
            let day = format!("day {account}");
            counts.day = Some(Count::shared(day, limits.day_attempts, DAY_SECONDS));
            let known = format!("known {who} {account}");
            counts.known = Some(Count::new(known, KNOWN_ATTEMPTS, KNOWN_SECONDS));
            let stranger = |who: &str, size| {
                Count::new(format!("stranger {who} {account}"), size, STRANGER_SECONDS)
            };
            counts.strangers.push(stranger(&who, STRANGER_ATTEMPTS));
            if !site.is_empty() {
                counts.strangers.push(stranger(&site, STRANGER_ATTEMPTS * PER_SITE));
            }
        }
        counts
    }

    /// The counts that decide above the account's own; none of them refuse the attempt.
    pub fn above(&self, is_day_full: bool, is_known: bool) -> &[Count] {
        match &self.known {
            Some(known) if is_known => std::slice::from_ref(known),
            _ if is_day_full => &self.strangers,
            _ => &[],
        }
    }
}

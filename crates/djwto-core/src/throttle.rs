//! Brakes on guessing passwords: which counts an attempt to log in has, and what a full one means.
//!
//! 1. The pair: an account and a network. The strictest count; a success frees what it has used.
//! 2. The account, over all networks, in a window and in a day. Above either of them the network
//!    decides: one that the account knows has [`KNOWN_ATTEMPTS`], and no success frees those. A
//!    network that it does not know is refused until the window has passed. Above the day's count,
//!    where that would be a refusal for a day, it has [`STRANGER_ATTEMPTS`] instead.
//! 3. The network, over all accounts. An IPv6 network is a /64; a /48 has ten times as many.
//!
//! Pages of other origins make their visitor's browser log in wrongly. All of these together have a
//! pair of their own, and at most half of the network's count, so they lock no visitor out.
//!
//! A count is a number of slots, each of which holds a [`Mark`]. A face keeps the marks where it
//! likes and takes a free slot in one atomic step. A slot is free again a window after it was taken.
//!
//! Source: OWASP, Authentication Cheat Sheet, "Login Throttling" and "Device Cookies".

use std::time::Duration;

use crate::http::client;

/// What a network that the account knows has above the account's counts.
pub const KNOWN_ATTEMPTS: u32 = 20;
/// Within this time, in seconds.
pub const KNOWN_SECONDS: u32 = 5 * 60;
/// What any other network has above the account's count of a day.
pub const STRANGER_ATTEMPTS: u32 = 1;
/// Within this time, in seconds.
pub const STRANGER_SECONDS: u32 = 15 * 60;
/// How many networks' worth of attempts an IPv6 /48 has: one customer may hold all of it.
pub const PER_SITE: u32 = 10;
const DAY_SECONDS: u32 = 24 * 3600;
/// An attempt that takes longer, in seconds, has lost its process, and counts as failed.
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
    /// Whether logins of many accounts or networks are in it: then no login waits for a free slot.
    pub is_shared: bool,
}

impl Count {
    fn new(name: String, size: u32, seconds: u32) -> Self {
        Self { name, size, seconds, is_shared: false }
    }

    fn shared(name: String, size: u32, seconds: u32) -> Self {
        Self { is_shared: true, ..Self::new(name, size, seconds) }
    }

    /// What it means that each slot holds one of these marks at this time, in seconds.
    pub fn full(&self, marks: &[Mark], now: f64) -> Full {
        let first = marks.iter().map(|mark| mark.taken).min_by(f64::total_cmp).unwrap_or(now);
        let free = first + f64::from(self.seconds);
        let is_going = |mark: &Mark| !mark.has_failed && now - mark.taken < LOST_SECONDS;
        let is_in_flight = !self.is_shared && marks.iter().any(is_going);
        Full { free, is_in_flight, retry_after: self.seconds_until(free, now, is_in_flight) }
    }

    /// `Retry-After`, in seconds, of an attempt that found no slot before this one is free.
    pub fn seconds_until(&self, free: f64, now: f64, is_in_flight: bool) -> u32 {
        if is_in_flight {
            return 1;
        }
        let seconds = (free - now).ceil().clamp(1.0, f64::from(self.seconds));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is between 1 and a number of 32 bits"
        )]
        let seconds = seconds as u32;
        seconds
    }
}

/// What stands in a slot.
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
    /// The counts of an attempt to log in to an account from an address; "" for neither.
    ///
    /// `account` is normalised, so that no two spellings of one account differ, and has no space.
    /// `is_foreign` says that a page of an origin that is not trusted has sent the attempt.
    pub fn of(account: &str, address: &str, limits: &Limits, is_foreign: bool) -> Self {
        let (network, site) = (client::network(address), client::site(address));
        let window = limits.window.as_millis().div_ceil(1000);
        let window = u32::try_from(window).unwrap_or(u32::MAX);
        // A name has no space left in it, so that no count is taken for another.
        let who = if is_foreign { format!("foreign {network}") } else { network.clone() };
        let (has_network, has_name) = (!network.is_empty(), !account.is_empty());
        let mut networks = Vec::new();
        if has_network {
            let size = limits.network_attempts;
            if is_foreign {
                networks.push(Count::shared(format!("network {who}"), size.div_ceil(2), window));
            }
            networks.push(Count::shared(format!("network {network}"), size, window));
            if !site.is_empty() {
                let size = size.saturating_mul(PER_SITE);
                networks.push(Count::shared(format!("network {site}"), size, window));
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

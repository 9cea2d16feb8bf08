//! How fresh the set is: when to read the store, and whether a guard may trust the set.

/// How long guards wait for a look, in seconds from its start.
pub const PATIENCE_SECONDS: f64 = 5.0;
/// The least time that guards wait for a running look, in seconds. A process that was frozen during a
/// look has the answer in a moment.
pub const CHANCE_SECONDS: f64 = 0.25;
/// The pause after a failed look, in seconds, if the interval is longer.
pub const RETRY_SECONDS: f64 = 1.0;
/// The least time from the start of one look to the next, in seconds, if the interval is longer.
pub const SPACING_SECONDS: f64 = 0.1;
/// How many looks a guard waits for. A look that was running when the process was frozen may be too
/// old when it ends.
const MAX_WAITS: u32 = 2;

/// What a process knows of the age of its set.
///
/// Times are seconds of a monotonic clock; its start does not matter.
#[derive(Clone, Debug)]
pub struct Freshness {
    interval: f64,
    max_age: Option<f64>,
    fresh_until: f64,
    failed_until: f64,
    look: Look,
}

/// What a guard has to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// Go on: the set can be trusted.
    Trusted,
    /// Wake the thread that looks, wait until the look has ended, and ask again.
    Wait {
        /// The longest wait, in seconds. More than 0.
        seconds: f64,
    },
    /// Refuse the request with `store_unavailable`.
    Refused,
}

/// The look that is under way, or the next one.
#[derive(Clone, Copy, Debug)]
struct Look {
    /// When the patience of guards began.
    begun: f64,
    /// When the first guard began to wait.
    awaited: f64,
}

const NEXT: Look = Look { begun: f64::INFINITY, awaited: f64::INFINITY };

impl Look {
    /// Until when guards wait for it.
    fn patient_until(&self, now: f64) -> f64 {
        let until = self.begun.min(now) + PATIENCE_SECONDS;
        until.max(self.awaited.min(now) + CHANCE_SECONDS)
    }
}

impl Freshness {
    /// For a process that has not looked yet. Both arguments are seconds.
    ///
    /// Without `interval` there are no looks, and the set is always trusted. Without `max_age` a set of
    /// any age is trusted, but a new process waits for its first look.
    pub fn new(interval: Option<f64>, max_age: Option<f64>) -> Self {
        let fresh_until = if interval.is_some() { f64::NEG_INFINITY } else { f64::INFINITY };
        Self {
            interval: interval.unwrap_or(0.0),
            max_age,
            fresh_until,
            failed_until: f64::NEG_INFINITY,
            look: NEXT,
        }
    }

    /// Until when the set may be trusted. A face may keep it until the next call.
    pub fn fresh_until(&self) -> f64 {
        self.fresh_until
    }

    /// Whether the set may be trusted.
    pub fn is_fresh(&self, now: f64) -> bool {
        now <= self.fresh_until
    }

    /// Whether [`Freshness::guard`] would let a guard wait that has not waited yet.
    pub fn is_awaited(&self, now: f64) -> bool {
        !self.is_fresh(now) && self.is_worth_waiting(now)
    }

    /// What a guard has to do that has waited this many times for one request.
    pub fn guard(&mut self, now: f64, waits: u32) -> Verdict {
        if self.is_fresh(now) {
            return Verdict::Trusted;
        }
        let is_open = self.max_age.is_none();
        let may_wait = waits < if is_open { 1 } else { MAX_WAITS };
        if may_wait && self.is_worth_waiting(now) {
            self.look.begun = self.look.begun.min(now);
            self.look.awaited = self.look.awaited.min(now);
            return Verdict::Wait { seconds: self.look.patient_until(now) - now };
        }
        if is_open {
            self.fresh_until = f64::INFINITY;
            return Verdict::Trusted;
        }
        Verdict::Refused
    }

    /// A look begins. The patience counts from here, unless a guard waits already.
    pub fn begin(&mut self, now: f64) {
        self.look.begun = self.look.begun.min(now);
    }

    /// A look that began at `started` has succeeded. Returns the seconds to the next one, if no guard wakes it sooner.
    ///
    /// The set is trusted until `max_age` after the next look is due: before that it may be an
    /// interval old at any time.
    pub fn succeeded(&mut self, started: f64, now: f64) -> f64 {
        self.look = NEXT;
        self.failed_until = f64::NEG_INFINITY;
        self.fresh_until = self.max_age.map_or(f64::INFINITY, |age| started + self.interval + age);
        if self.is_fresh(now) { self.interval } else { 0.0 }
    }

    /// The look has failed. Returns the seconds to the next one, if no guard wakes it sooner.
    ///
    /// Until that look should have ended, no guard waits. A guard that comes later waits again, because
    /// the process was frozen in between.
    pub fn failed(&mut self, now: f64) -> f64 {
        self.look = NEXT;
        let pause = self.interval.min(RETRY_SECONDS);
        self.failed_until = now + pause + PATIENCE_SECONDS;
        pause
    }

    /// The least seconds to wait after a look that began at `started`: guards and messages of Redis may
    /// wake the thread at any time.
    pub fn seconds_until_next(&self, started: f64, now: f64) -> f64 {
        (started + self.interval.min(SPACING_SECONDS) - now).max(0.0)
    }

    /// Whether an answer may come: no look has failed just now, and none hangs.
    fn is_worth_waiting(&self, now: f64) -> bool {
        now > self.failed_until && now < self.look.patient_until(now)
    }
}

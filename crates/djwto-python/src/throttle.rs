//! The counts of an attempt to log in. The rules are in `djwto_core::throttle`.

use std::time::Duration;

use djwto_core::throttle::{self, Limits};
use pyo3::prelude::*;

/// The settings, by the attributes of `conf.Throttle`.
#[derive(FromPyObject)]
pub(crate) struct LimitsArgument {
    attempts: u32,
    account_attempts: u32,
    network_attempts: u32,
    day_attempts: u32,
    window: Duration,
}

/// What stands in a slot, by the attributes of `throttle_slots.Mark`.
#[derive(FromPyObject)]
pub(crate) struct MarkArgument {
    taken: f64,
    has_failed: bool,
}

/// A number of attempts that may fail within a time.
#[pyclass(frozen, module = "djwto._core")]
pub(crate) struct Count(throttle::Count);

#[pymethods]
impl Count {
    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    #[getter]
    fn size(&self) -> u32 {
        self.0.size
    }

    #[getter]
    fn seconds(&self) -> u32 {
        self.0.seconds
    }

    #[getter]
    fn is_shared(&self) -> bool {
        self.0.is_shared
    }

    #[getter]
    fn is_large(&self) -> bool {
        self.0.is_large()
    }

    fn probes(&self, seed: u64) -> Vec<u32> {
        self.0.probes(seed)
    }

    fn parts(&self, seed: u64) -> Vec<(u32, u32)> {
        self.0.parts(seed).into_iter().map(|part| (part.start, part.end)).collect()
    }

    #[expect(clippy::needless_pass_by_value, reason = "PyO3 hands over owned lists")]
    fn full(&self, marks: Vec<MarkArgument>, now: f64) -> (f64, bool, u32) {
        let mark =
            |mark: &MarkArgument| throttle::Mark { taken: mark.taken, has_failed: mark.has_failed };
        let marks: Vec<_> = marks.iter().map(mark).collect();
        let full = self.0.full(&marks, now);
        (full.free, full.is_in_flight, full.retry_after)
    }

    fn seconds_until(&self, free: f64, now: f64) -> u32 {
        self.0.seconds_until(free, now)
    }
}

/// The counts of one attempt.
#[pyclass(frozen, module = "djwto._core")]
pub(crate) struct Counts(throttle::Counts);

#[pymethods]
impl Counts {
    #[new]
    #[expect(clippy::needless_pass_by_value, reason = "PyO3 hands over an owned value")]
    fn new(account: &str, address: &str, limits: LimitsArgument, is_foreign: bool) -> Self {
        let limits = Limits {
            attempts: limits.attempts,
            account_attempts: limits.account_attempts,
            network_attempts: limits.network_attempts,
            day_attempts: limits.day_attempts,
            window: limits.window,
        };
        Self(throttle::Counts::of(account, address, &limits, is_foreign))
    }

    #[getter]
    fn networks(&self) -> Vec<Count> {
        self.0.networks.iter().cloned().map(Count).collect()
    }

    #[getter]
    fn pair(&self) -> Option<Count> {
        self.0.pair.clone().map(Count)
    }

    #[getter]
    fn day(&self) -> Option<Count> {
        self.0.day.clone().map(Count)
    }

    #[getter]
    fn account(&self) -> Option<Count> {
        self.0.account.clone().map(Count)
    }

    fn above(&self, is_day_full: bool, is_known: bool) -> Vec<Count> {
        self.0.above(is_day_full, is_known).iter().cloned().map(Count).collect()
    }
}

//! The counts of an attempt to log in. The rules are in `djwto_core::throttle`.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use djwto_core::throttle::{self, Limits, Step};
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

/// One attempt to log in.
#[pyclass(frozen, module = "djwto._core")]
pub(crate) struct Attempt(Mutex<throttle::Attempt>);

#[pymethods]
impl Attempt {
    #[new]
    #[expect(clippy::needless_pass_by_value, reason = "PyO3 hands over an owned value")]
    fn new(
        account: &str,
        tenant: &str,
        address: &str,
        limits: LimitsArgument,
        is_foreign: bool,
    ) -> Self {
        let limits = Limits {
            attempts: limits.attempts,
            account_attempts: limits.account_attempts,
            network_attempts: limits.network_attempts,
            day_attempts: limits.day_attempts,
            window: limits.window,
        };
        let counts = throttle::Counts::of(account, tenant, address, &limits, is_foreign);
        Self(Mutex::new(throttle::Attempt::new(counts)))
    }

    #[getter]
    fn pair(&self) -> Option<String> {
        self.lock().counts().pair.as_ref().map(|pair| pair.name.clone())
    }

    /// The next step: its name, and its count. `outcome` is whether a slot was taken, or whether the
    /// network is known.
    fn next(&self, outcome: Option<bool>) -> (&'static str, Option<Count>) {
        match self.lock().next(outcome) {
            Step::Demand(count) => ("demand", Some(Count(count))),
            Step::Take(count) => ("take", Some(Count(count))),
            Step::AskKnown => ("ask_known", None),
            Step::Admit => ("admit", None),
            Step::Refuse => ("refuse", None),
        }
    }
}

impl Attempt {
    fn lock(&self) -> MutexGuard<'_, throttle::Attempt> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

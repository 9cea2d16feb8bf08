//! `djwto._core.Freshness` and `EndedReader`: the feed of ended sessions, each step by one call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use djwto_core::SessionId;
use djwto_core::session::feed::{self, Ask, Comparison, Condition, EndedRow, Page, Verdict};
use djwto_core::session::messages;
use djwto_core::types::Micros;
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;

use crate::convert::unix_time;
use crate::revocations::Revocations;

// No lock here is held without the interpreter's lock, which a fork needs too. So no child of a fork
// begins with a lock that stays closed.

/// How far the set may be trusted.
#[pyclass(frozen, module = "djwto._core")]
pub(crate) struct Freshness(Mutex<feed::Freshness>);

#[pymethods]
impl Freshness {
    #[new]
    fn new(interval: Option<f64>, max_age: Option<f64>) -> Self {
        Self(Mutex::new(feed::Freshness::new(interval, max_age)))
    }

    #[getter]
    fn fresh_until(&self) -> f64 {
        self.lock().fresh_until()
    }

    fn is_awaited(&self, now: f64) -> bool {
        self.lock().is_awaited(now)
    }

    fn guard(&self, now: f64, waits: u32) -> (bool, f64) {
        match self.lock().guard(now, waits) {
            Verdict::Trusted => (true, 0.0),
            Verdict::Wait { seconds } => (false, seconds),
            Verdict::Refused => (false, 0.0),
        }
    }

    fn begin(&self, now: f64) {
        self.lock().begin(now);
    }

    fn succeeded(&self, started: f64, now: f64) -> f64 {
        self.lock().succeeded(started, now)
    }

    fn failed(&self, now: f64) -> f64 {
        self.lock().failed(now)
    }

    fn seconds_until_next(&self, started: f64, now: f64) -> f64 {
        self.lock().seconds_until_next(started, now)
    }
}

impl Freshness {
    fn lock(&self) -> MutexGuard<'_, feed::Freshness> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a look asks, and what comes of the answers.
#[pyclass(frozen, module = "djwto._core")]
pub(crate) struct EndedReader {
    reader: Mutex<feed::EndedReader>,
    set: Arc<djwto_core::Revocations>,
}

/// Conditions, each of a column, and the greatest number of rows.
type PageQuery = (Vec<(&'static str, &'static str, Py<PyAny>)>, usize);

/// How far to count back, and in which slices; or a page.
type FirstQuery = (Option<(i64, i64)>, Option<PageQuery>);

#[pymethods]
impl EndedReader {
    #[new]
    fn new(revocations: &Revocations, page_rows: usize, share_seconds: f64) -> Self {
        let reader = Mutex::new(feed::EndedReader::new(page_rows, share_seconds));
        Self { reader, set: Arc::clone(&revocations.0) }
    }

    fn begin(
        &self,
        py: Python<'_>,
        now: f64,
        server_now: f64,
        interval: f64,
    ) -> PyResult<FirstQuery> {
        Ok(match self.lock().begin(now, unix_time(server_now)?, interval) {
            Ask::Counts(counts) => (Some((counts.back, counts.slice)), None),
            Ask::Page(page) => (None, Some(page_query(py, &page)?)),
        })
    }

    fn counted(
        &self,
        py: Python<'_>,
        counts: BTreeMap<i64, u64>,
        now: f64,
    ) -> PyResult<Option<PageQuery>> {
        self.lock().counted(counts, now).map(|page| page_query(py, &page)).transpose()
    }

    #[expect(clippy::needless_pass_by_value, reason = "PyO3 hands over owned lists")]
    fn read(
        &self,
        py: Python<'_>,
        rows: Vec<(i64, i64, [u8; 16])>,
        now: f64,
    ) -> PyResult<Option<PageQuery>> {
        let row = |&(revoked_at, access_until, id): &(i64, i64, [u8; 16])| EndedRow {
            revoked_at: Micros::new(revoked_at),
            access_until: Micros::new(access_until),
            id: SessionId::from_bytes(id),
        };
        let rows: Vec<_> = rows.iter().map(row).collect();
        let next = self.lock().read(&rows, now, &self.set);
        next.map(|page| page_query(py, &page)).transpose()
    }
}

impl EndedReader {
    fn lock(&self) -> MutexGuard<'_, feed::EndedReader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Conditions as Python renders them, by the names of Django's lookups.
fn page_query(py: Python<'_>, page: &Page) -> PyResult<PageQuery> {
    let lookup = |comparison: Comparison| match comparison {
        Comparison::Equal => "exact",
        Comparison::AtLeast => "gte",
        Comparison::Above => "gt",
        Comparison::Below => "lt",
    };
    let condition = |condition: &Condition| {
        Ok(match condition {
            Condition::RevokedAt(comparison, time) => {
                ("revoked_at", lookup(*comparison), time.get().into_py_any(py)?)
            }
            Condition::AccessUntil(comparison, time) => {
                ("access_until", lookup(*comparison), time.get().into_py_any(py)?)
            }
            Condition::Id(comparison, id) => {
                ("id", lookup(*comparison), id.to_string().into_py_any(py)?)
            }
        })
    };
    let conditions = page.conditions.iter().map(condition).collect::<PyResult<_>>()?;
    Ok((conditions, page.size))
}

/// What a message of ended sessions means.
#[pyclass(frozen, get_all, module = "djwto._core")]
pub(crate) struct HeardMessage {
    left_out: usize,
    needs_look: bool,
    pause_seconds: f64,
}

impl From<messages::Heard> for HeardMessage {
    fn from(heard: messages::Heard) -> Self {
        let left_out = if let messages::Heard::LeftOut(number) = heard { number } else { 0 };
        Self { left_out, needs_look: heard.needs_look(), pause_seconds: heard.pause_seconds() }
    }
}

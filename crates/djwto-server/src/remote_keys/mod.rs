//! The keys of Django's tokens, by the URL of their JWK Set. A task fetches them again and again.
//!
//! The rules are the core's ([`djwto_core::key::published`]); this module waits, wakes and logs. New keys
//! are in the guard before [`RemoteKeys::wait`] returns.

mod fetch;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use djwto_core::KeyRing;
use djwto_core::key::published::{FETCH_SECONDS, FetchSchedule, seconds_of};
use rustls::ClientConfig;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

pub use fetch::KeysUrl;

use crate::config::Config;
use crate::files;
use crate::problem::Problem;
use crate::server::Server;
use crate::store::patience::within;
use crate::trust::{Authorities, Trust, client_config};

/// The keys of one URL, and when they are fetched.
#[derive(Debug)]
pub struct RemoteKeys {
    url: KeysUrl,
    /// The text of `keys_ca`; `None`: the authorities of the operating system.
    authorities: Option<String>,
    /// Made at the first fetch: the authorities of the system are many.
    tls: Mutex<Option<Arc<ClientConfig>>>,
    /// The start of the clock.
    start: Instant,
    schedule: Mutex<FetchSchedule>,
    /// Lets the task look at the schedule.
    wake: Notify,
    /// The number of fetches that have ended.
    fetches: watch::Sender<u64>,
}

/// What a fetch has brought.
#[derive(Debug)]
pub struct Fetched {
    /// The keys.
    pub ring: KeyRing,
    /// How long they may be kept, in seconds.
    pub seconds: f64,
}

impl RemoteKeys {
    /// The keys of a URL. Nothing is fetched yet.
    ///
    /// # Errors
    ///
    /// [`Problem`]: `keys_ca` cannot be read.
    pub fn new(url: KeysUrl, config: &Config) -> Result<Self, Problem> {
        let authorities = config.keys_ca.as_ref().map(|path| {
            let text = files::read(path)?;
            let found = Authorities::from_pem(text.as_bytes());
            found.map_err(|what| Problem::of_file(path, what))?;
            Ok(text)
        });
        Ok(Self {
            url,
            authorities: authorities.transpose()?,
            tls: Mutex::default(),
            start: Instant::now(),
            schedule: Mutex::default(),
            wake: Notify::new(),
            fetches: watch::Sender::new(0),
        })
    }

    /// Where they are.
    pub fn url(&self) -> &KeysUrl {
        &self.url
    }

    /// Whether both come from the same place, and trust the same authorities.
    pub fn is_as(&self, other: &Self) -> bool {
        (&self.url, &self.authorities) == (&other.url, &other.authorities)
    }

    /// Starts the task that puts fetched keys into the guards of the server. It ends when no guard uses
    /// them any more. Needs a runtime of tokio.
    pub fn start(self: &Arc<Self>, server: &Arc<Server>) {
        tokio::spawn(run(Arc::clone(self), Arc::downgrade(server)));
    }

    /// Fetches once.
    ///
    /// # Errors
    ///
    /// A sentence says why there are no keys.
    pub async fn fetch(&self) -> Result<Fetched, String> {
        let tls = if self.url.is_https() { Some(self.tls()?) } else { None };
        let answer = within(Duration::from_secs_f64(FETCH_SECONDS), self.url.get(tls)).await;
        let answer =
            answer.ok_or_else(|| format!("no answer within {FETCH_SECONDS} seconds"))??;
        let ring = KeyRing::from_published(&answer.body).map_err(|error| error.to_string())?;
        Ok(Fetched { ring, seconds: seconds_of(&answer.cache_control) })
    }

    /// A token names a key that is not there. Waits for a fetch, if one may bring the key: at most 2
    /// seconds. The future may be dropped at any time.
    pub async fn wait(&self) {
        // Before the question: a fetch that ends after it then ends the wait.
        let mut fetches = self.fetches.subscribe();
        let seconds = lock(&self.schedule).unknown_key(self.now());
        if let Some(seconds) = seconds {
            self.wake.notify_one();
            within(Duration::from_secs_f64(seconds), fetches.changed()).await;
        }
    }

    /// Fetches soon, as an operator asks for it.
    pub fn ask(&self) {
        lock(&self.schedule).ask(self.now());
        self.wake.notify_one();
    }

    /// Lets the task look whether a guard still uses these keys.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, String> {
        let mut made = lock(&self.tls);
        if let Some(config) = &*made {
            return Ok(Arc::clone(config));
        }
        let authorities = match &self.authorities {
            Some(text) => Authorities::from_pem(text.as_bytes()),
            None => Authorities::of_system(),
        }?;
        let config = client_config(Trust::Named(authorities), "http/1.1");
        let config = Arc::new(config.map_err(|error| error.to_string())?);
        Ok(Arc::clone(made.insert(config)))
    }

    /// Seconds of a monotonic clock.
    fn now(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}

async fn run(keys: Arc<RemoteKeys>, server: Weak<Server>) {
    let mut has_failed = false;
    while let Some(server) = server.upgrade().filter(|server| server.uses(&keys)) {
        let pause = lock(&keys.schedule).seconds_until_next(keys.now());
        if pause > 0.0 {
            drop(server);
            tokio::select! {
                () = keys.wake.notified() => {}
                () = sleep(Duration::from_secs_f64(pause)) => {}
            }
            continue;
        }
        lock(&keys.schedule).begin(keys.now());
        let fetched = keys.fetch().await;
        server.metrics().fetched(fetched.is_ok());
        match fetched {
            Ok(Fetched { ring, seconds }) => {
                if server.use_keys(&keys, ring) {
                    tracing::info!("{}: fetched other keys", keys.url);
                } else if has_failed {
                    tracing::info!("{}: it answers again", keys.url);
                }
                has_failed = false;
                lock(&keys.schedule).succeeded(keys.now(), seconds);
            }
            Err(reason) => {
                if !has_failed {
                    tracing::error!("{}: {reason}. {UNREACHED}", keys.url);
                }
                has_failed = true;
                lock(&keys.schedule).failed(keys.now());
            }
        }
        keys.fetches.send_modify(|number| *number += 1);
    }
}

const UNREACHED: &str =
    "The keys before stay in use; without any, requests are refused with 503. It is tried again";

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

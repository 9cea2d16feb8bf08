//! `djwto-server serve`: from the first file to the last request.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;

use crate::listener::Listener;
use crate::logging;
use crate::notify::Notifier;
use crate::problem::Problem;
use crate::server::{self, Reloader, Server};

/// How often the files are looked at.
const WATCH: Duration = Duration::from_secs(1);

/// Serves until SIGTERM or SIGINT. Requests under way are answered, for at most the time of `[limits]`.
/// SIGHUP reads the files again, and fetches keys that are at a URL. A service manager hears of all that
/// ([`Notifier`]).
///
/// # Errors
///
/// Everything that hinders the start.
pub async fn serve(path: &Path) -> Result<(), Vec<Problem>> {
    let one = |problem| vec![problem];
    let (files, watched) = server::read(path).map_err(one)?;
    logging::start(&files.config.log);
    let (server, reloader) = Server::start(&files, watched)?;
    let mut signals = Signals::new().map_err(one)?;
    let mut bound = Vec::new();
    for listen in &files.config.listen {
        bound.push(Listener::bind(listen).await.map_err(one)?);
    }
    let graceful = Arc::new(GracefulShutdown::new());
    let mut listeners = JoinSet::new();
    for listener in bound {
        tracing::info!("listening on {}", listener.address());
        let graceful = Arc::clone(&graceful);
        listeners.spawn(listener.accept(Arc::clone(&server), move || graceful.watcher()));
    }
    drop(files);
    let notifier = Arc::new(Notifier::from_env());
    let watch = watch(Arc::clone(&server), reloader, signals.hangup, Arc::clone(&notifier));
    let mut watching = tokio::spawn(watch);
    tokio::select! {
        // Rules that are tightened later would never apply.
        _ = &mut watching => {
            return Err(vec![Problem::new("files", "they are not watched any more")]);
        }
        _ = signals.terminate.recv() => {}
        _ = signals.interrupt.recv() => {}
    }
    notifier.stopping();
    server.drain();
    watching.abort();
    listeners.shutdown().await;
    drain(&server, graceful).await;
    server.database().feed().stop().await;
    tracing::info!("stopped");
    logging::finish();
    Ok(())
}

/// Waits for the requests under way.
async fn drain(server: &Server, graceful: Arc<GracefulShutdown>) {
    let Some(graceful) = Arc::into_inner(graceful) else { return };
    let (limit, open) = (server.limits().drain, graceful.count());
    tracing::info!("stopping; {open} connections are open");
    tokio::select! {
        () = graceful.shutdown() => {}
        () = answered(server) => {}
        () = tokio::time::sleep(limit) => {
            tracing::warn!("some requests were not answered within {} seconds", limit.as_secs_f64());
        }
    }
}

/// How long a connection may still send the rest of a request's headers.
const HEADERS: Duration = Duration::from_secs(2);

/// Waits until every request whose headers have come is answered. A connection that sends none, or half
/// of them, does not hold up the end.
async fn answered(server: &Server) {
    tokio::time::sleep(HEADERS).await;
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    while server.metrics().under_way() > 0 {
        ticks.tick().await;
    }
    // The last answer is on its way to the socket.
    tokio::time::sleep(ticks.period()).await;
}

/// Says when the server is ready, and reads the files again when they have changed, or at SIGHUP.
async fn watch(
    server: Arc<Server>,
    mut reloader: Reloader,
    mut hangup: Signal,
    notifier: Arc<Notifier>,
) {
    let mut ticks = tokio::time::interval(WATCH);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut is_ready = false;
    loop {
        let is_forced = tokio::select! {
            () = ready(&server), if !is_ready => {
                is_ready = true;
                notifier.ready();
                continue;
            }
            _ = ticks.tick() => false,
            _ = hangup.recv() => true,
        };
        let notifier = Arc::clone(&notifier);
        // Files may be on a slow disk, and keys take a moment.
        let worked = tokio::task::spawn_blocking(move || {
            if is_forced || reloader.has_changed() {
                if is_ready {
                    notifier.reloading();
                }
                reloader.reload();
                if is_ready {
                    notifier.ready();
                }
            }
            if is_forced {
                reloader.fetch_keys();
            }
            reloader
        });
        match worked.await {
            Ok(same) => reloader = same,
            Err(error) => {
                tracing::error!("files are not watched any more: {error}");
                return;
            }
        }
    }
}

/// Waits until the ended sessions are known.
async fn ready(server: &Server) {
    // A reload may replace it meanwhile: then the caller asks again at its next tick.
    server.database().feed().until_fresh().await;
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> Result<Self, Problem> {
        let one = |kind| signal(kind).map_err(|error| Problem::new("signals", error));
        Ok(Self {
            terminate: one(SignalKind::terminate())?,
            interrupt: one(SignalKind::interrupt())?,
            hangup: one(SignalKind::hangup())?,
        })
    }
}

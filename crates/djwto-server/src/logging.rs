//! Log lines on standard error, as text or JSON. No line shows a token, a cookie or a query.

use std::io::{self, Write, stderr};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::HeaderName;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use uuid::Uuid;

use crate::config::{Log, LogFormat, Proxy};
use crate::decision::Decision;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Starts the log of the program.
pub fn start(log: &Log) {
    let level = log.level.parse().unwrap_or(LevelFilter::INFO);
    let lines = tracing_subscriber::fmt()
        // Its complaints about a failed write would panic where standard error is gone.
        .log_internal_errors(false)
        .with_writer(Lines::start())
        .with_max_level(level)
        .with_ansi(false);
    // A program starts one log; a second start keeps the first.
    let _ = match log.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).try_init(),
    };
}

/// The most lines that wait for standard error.
const WAITING: usize = 4096;
/// The longest wait for the last lines at the end.
const LAST: Duration = Duration::from_secs(1);

static LINES: OnceLock<Lines> = OnceLock::new();

/// The lines that no one will read.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// How many lines were not written since the start: too many waited, or standard error was closed.
pub fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

fn drop_line() {
    DROPPED.fetch_add(1, Ordering::Relaxed);
}

/// Lines on their way to standard error. A thread writes them: a reader that stalls stops no request. Where
/// too many wait, new ones are dropped.
#[derive(Clone, Debug)]
struct Lines(SyncSender<Job>);

#[derive(Debug)]
enum Job {
    Line(Vec<u8>),
    Flush(Sender<()>),
}

impl Lines {
    fn start() -> Self {
        let start = || {
            let (sender, jobs) = sync_channel(WAITING);
            thread::spawn(move || write(&jobs));
            Self(sender)
        };
        LINES.get_or_init(start).clone()
    }
}

fn write(jobs: &Receiver<Job>) {
    for job in jobs {
        match job {
            Job::Line(line) => stderr().write_all(&line).unwrap_or_else(|_| drop_line()),
            Job::Flush(done) => drop(done.send(())),
        }
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.try_send(Job::Line(line.to_owned())).unwrap_or_else(|_| drop_line());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Lines {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

/// Waits until the last lines are written, for at most a second.
pub fn finish() {
    let (done, is_done) = channel();
    if let Some(Lines(jobs)) = LINES.get()
        && jobs.try_send(Job::Flush(done)).is_ok()
    {
        let _ = is_done.recv_timeout(LAST);
    }
}

/// The id of a request: that of its proxy, else a new one. A peer that is no known proxy cannot choose it.
fn request_id(headers: &HeaderMap, proxy: Option<Proxy>) -> String {
    let id = proxy.and_then(|_| sent_id(headers));
    id.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
}

/// The id that the proxy sent, if it is a UUID or 32 hexadecimal digits. No part of a token looks so.
fn sent_id(headers: &HeaderMap) -> Option<&str> {
    let mut ids = headers.get_all(REQUEST_ID).iter();
    match (ids.next(), ids.next()) {
        (Some(id), None) => id.to_str().ok().filter(|id| is_id(id)),
        _ => None,
    }
}

fn is_id(id: &str) -> bool {
    matches!(id.len(), 32 | 36) && Uuid::try_parse(id).is_ok()
}

/// Writes the line of a decision.
pub fn decided(headers: &HeaderMap, proxy: Option<Proxy>, decision: &Decision<'_>) {
    if !tracing::enabled!(target: "djwto_server::access", tracing::Level::INFO) {
        return;
    }
    let (code, status) = match &decision.outcome {
        Ok(_) => ("passed", 200),
        Err(refused) if refused.redirect.is_some() => (refused.code().slug(), 303),
        Err(refused) => (refused.code().slug(), refused.code().status()),
    };
    tracing::info!(
        target: "djwto_server::access",
        id = %request_id(headers, proxy),
        proxy = proxy.map_or("", Proxy::name),
        host = decision.host.unwrap_or(""),
        method = decision.method.unwrap_or(""),
        rule = decision.rule.unwrap_or_default(),
        code,
        status,
        "decided"
    );
}

#[cfg(test)]
mod tests {
    use super::request_id;
    use crate::config::Proxy;
    use hyper::HeaderMap;

    #[test]
    fn an_id_of_another_shape_is_replaced() {
        let id_from = |proxy, values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("x-request-id", value.parse().unwrap());
            }
            request_id(&headers, proxy)
        };
        let id = |values: &[&str]| id_from(Some(Proxy::Nginx), values);
        for good in ["0b9d6f0c7a1e4f1f9a50c6f3f0a3f1d2", "0b9d6f0c-7a1e-4f1f-9a50-c6f3f0a3f1d2"] {
            assert_eq!(id(&[good]), good);
            assert_ne!(id_from(None, &[good]), good);
        }
        let long = "a".repeat(64);
        for values in [&[][..], &[""], &["a", "b"], &["request-1"], &["a.b.c"], &[long.as_str()]] {
            let id = id(values);
            assert!(id.len() == 36 && !values.contains(&id.as_str()), "{id}");
        }
    }
}

//! The members of `djwto.toml`, as serde reads them.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::SocketMode;
use crate::problem::Problem;
use crate::rules::HostsSettings;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) export: PathBuf,
    pub(super) keys_ca: Option<PathBuf>,
    pub(super) database: Option<String>,
    pub(super) database_env: Option<String>,
    pub(super) listen: Vec<String>,
    #[serde(default)]
    pub(super) socket_mode: SocketMode,
    pub(super) portal: Option<String>,
    #[serde(default)]
    pub(super) peers: Vec<super::peers::Entry>,
    pub(super) assertions: Option<AssertionsTable>,
    #[serde(default)]
    pub(super) hosts: HostsSettings,
    #[serde(default)]
    pub(super) log: LogTable,
    #[serde(default)]
    pub(super) limits: LimitsTable,
    pub(super) tls: Option<TlsTable>,
}

/// `[assertions]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AssertionsTable {
    pub(super) issuer: String,
    pub(super) keys: PathBuf,
}

/// `[tls]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsTable {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// `[log]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LogTable {
    format: LogFormat,
    level: Option<String>,
}

/// How the server logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Text or JSON.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
}

/// The form of a line of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl LogTable {
    pub(super) fn checked(self) -> Result<Log, Problem> {
        let level = self.level.unwrap_or_else(|| "info".to_owned());
        if !["error", "warn", "info", "debug", "trace"].contains(&level.as_str()) {
            let what = "expected \"error\", \"warn\", \"info\", \"debug\" or \"trace\"";
            return Err(Problem::new("log.level", what));
        }
        Ok(Log { format: self.format, level })
    }
}

/// `[limits]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LimitsTable {
    header_bytes: Option<usize>,
    request_seconds: Option<f64>,
    idle_seconds: Option<f64>,
    drain_seconds: Option<f64>,
}

/// The bounds of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of the first line and the headers together.
    pub header_bytes: usize,
    /// The longest time for an answer.
    pub request: Duration,
    /// The longest time from the start of a connection, or from an answer, to the end of the next
    /// request's headers. Proxies keep their connections for a minute, so it is longer.
    pub idle: Duration,
    /// The longest time that a stopping server waits for requests under way.
    pub drain: Duration,
}

/// hyper reads with a buffer of at least so many bytes.
const LEAST_HEADER_BYTES: usize = 8192;
/// Larger than what nginx and Envoy take of a client, with the forwarded headers beside it.
const HEADER_BYTES: usize = 96 << 10;
const MOST_HEADER_BYTES: usize = 1 << 20;
/// Less than the five seconds that proxies wait for the guard: its refusal says more than theirs.
const REQUEST_SECONDS: f64 = 4.0;

impl LimitsTable {
    pub(super) fn checked(self) -> Result<Limits, Problem> {
        let header_bytes = self.header_bytes.unwrap_or(HEADER_BYTES);
        if !(LEAST_HEADER_BYTES..=MOST_HEADER_BYTES).contains(&header_bytes) {
            let what = format!("expected {LEAST_HEADER_BYTES} to {MOST_HEADER_BYTES}");
            return Err(Problem::new("limits.header_bytes", what));
        }
        Ok(Limits {
            header_bytes,
            request: seconds("limits.request_seconds", self.request_seconds, REQUEST_SECONDS, 0.1)?,
            idle: seconds("limits.idle_seconds", self.idle_seconds, 75.0, 0.1)?,
            drain: seconds("limits.drain_seconds", self.drain_seconds, 30.0, 0.0)?,
        })
    }
}

const MOST_SECONDS: f64 = 3600.0;

fn seconds(place: &str, found: Option<f64>, default: f64, least: f64) -> Result<Duration, Problem> {
    let found = found.unwrap_or(default);
    if !(least..=MOST_SECONDS).contains(&found) {
        let what = format!("expected {least} to {MOST_SECONDS} seconds");
        return Err(Problem::new(place, what));
    }
    Ok(Duration::from_secs_f64(found))
}

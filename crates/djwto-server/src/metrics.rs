//! What the server counts. Nothing personal stands in a label.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use djwto_core::Code;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::{MetricType, TypedMetric};
use prometheus_client::registry::{Registry, Unit};

use crate::feed;
use crate::guard::Guard;
use crate::logging;

/// The content type of the page.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = [(&'static str, &'static str); 1];

/// The counters of a server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    passed: Counter,
    refused: HashMap<Code, Counter>,
    seconds: Times,
    signed: Counter,
    kept: Counter,
    reloads: [Counter; 2],
    fetches: [Counter; 2],
    connections: Gauge,
    under_way: Gauge,
    restart: Gauge,
    export: Family<[(&'static str, String); 1], Gauge>,
    gauges: Gauges,
}

/// What is read from elsewhere when the page is asked for.
#[derive(Debug, Default)]
struct Gauges {
    keys: Gauge,
    cache_entries: Gauge,
    cache_bytes: Gauge,
    cache_hits: Gauge,
    cache_misses: Gauge,
    ended: Gauge,
    ended_fresh: Gauge,
    ended_age: Gauge<f64, AtomicU64>,
    lines_dropped: Counter,
    looks_succeeded: Gauge,
    looks_failed: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("djwto");
        let decisions = Family::<Labels, Counter>::default();
        let passed = decisions.get_or_create_owned(&[("code", "passed")]);
        let one = |code: &Code| (*code, decisions.get_or_create_owned(&[("code", code.slug())]));
        let refused = Code::ALL.iter().map(one).collect();
        registry.register("decisions", "Decisions by their code", decisions);
        let seconds = Times::default();
        registry.register_with_unit(
            "decision",
            "Time from the headers of a request to its decision",
            Unit::Seconds,
            seconds.clone(),
        );
        let assertions = Family::<Labels, Counter>::default();
        let signed = assertions.get_or_create_owned(&[("source", "signed")]);
        let kept = assertions.get_or_create_owned(&[("source", "kept")]);
        registry.register("assertions", "Assertions handed out, signed or kept", assertions);
        let reloads = Family::<Labels, Counter>::default();
        let reload = |result| reloads.get_or_create_owned(&[("result", result)]);
        let outcomes = [reload("failed"), reload("succeeded")];
        registry.register("reloads", "Attempts to read changed files", reloads);
        let fetches = Family::<Labels, Counter>::default();
        let fetch = |result| fetches.get_or_create_owned(&[("result", result)]);
        let by_result = [fetch("failed"), fetch("succeeded")];
        registry.register("key_fetches", "Attempts to fetch keys from their URL", fetches);
        let connections = Gauge::default();
        registry.register("connections", "Open connections", connections.clone());
        let under_way = Gauge::default();
        registry.register(
            "requests_under_way",
            "Requests that are not answered yet",
            under_way.clone(),
        );
        let restart = Gauge::default();
        let help = "1 while a changed file asks for what only a restart can change";
        registry.register("restart_needed", help, restart.clone());
        let export = Family::<[(&'static str, String); 1], Gauge>::default();
        registry.register(
            "export_info",
            "The export that decides, by its fingerprint",
            export.clone(),
        );
        let gauges = Gauges::default();
        for (name, help, gauge) in [
            ("keys", "Keys that verify tokens of Django", &gauges.keys),
            ("cache_entries", "Verified tokens that are kept", &gauges.cache_entries),
            ("cache_bytes", "The bytes that they take", &gauges.cache_bytes),
            (
                "cache_hits",
                "Tokens that were found there, since the last reload",
                &gauges.cache_hits,
            ),
            ("cache_misses", "Tokens that were not, since the last reload", &gauges.cache_misses),
            ("ended_sessions", "Ended sessions that are known", &gauges.ended),
            ("ended_sessions_fresh", "1 while that knowledge is fresh enough", &gauges.ended_fresh),
            ("looks_succeeded", "Looks for ended sessions that succeeded", &gauges.looks_succeeded),
            ("looks_failed", "Looks for ended sessions that failed", &gauges.looks_failed),
        ] {
            registry.register(name, help, gauge.clone());
        }
        let help = "Lines of the log that were not written";
        registry.register("log_lines_dropped", help, gauges.lines_dropped.clone());
        let help = "Age of the last look that succeeded; -1 before the first";
        registry.register_with_unit(
            "ended_sessions_age",
            help,
            Unit::Seconds,
            gauges.ended_age.clone(),
        );
        Self {
            registry,
            passed,
            refused,
            seconds,
            signed,
            kept,
            reloads: outcomes,
            fetches: by_result,
            connections,
            under_way,
            restart,
            export,
            gauges,
        }
    }
}

impl Metrics {
    /// Counts a decision: its code, or `None` where the request may pass.
    pub fn decided(&self, code: Option<Code>, took: Duration) {
        match code {
            None => drop(self.passed.inc()),
            Some(code) => {
                if let Some(counter) = self.refused.get(&code) {
                    counter.inc();
                }
            }
        }
        self.seconds.observe(took);
    }

    /// Counts an assertion, signed now or kept before.
    pub fn asserted(&self, is_signed: bool) {
        if is_signed {
            self.signed.inc()
        } else {
            self.kept.inc()
        };
    }

    /// Counts an attempt to read changed files.
    pub fn reloaded(&self, is_success: bool) {
        let [failed, succeeded] = &self.reloads;
        if is_success {
            succeeded.inc()
        } else {
            failed.inc()
        };
    }

    /// Counts an attempt to fetch keys.
    pub fn fetched(&self, is_success: bool) {
        let [failed, succeeded] = &self.fetches;
        if is_success {
            succeeded.inc()
        } else {
            failed.inc()
        };
    }

    /// Whether a changed file asks for what only a restart can change.
    pub fn needs_restart(&self, is_needed: bool) {
        self.restart.set(i64::from(is_needed));
    }

    /// Which export decides from now on.
    pub fn exported(&self, fingerprint: &str) {
        self.export.clear();
        self.export.get_or_create_owned(&[("fingerprint", fingerprint.to_owned())]).set(1);
    }

    /// A connection is open until the value is dropped.
    pub fn connected(&self) -> Counted {
        Counted::of(&self.connections)
    }

    /// A request is under way until the value is dropped.
    pub fn asked(&self) -> Counted {
        Counted::of(&self.under_way)
    }

    /// How many requests are under way.
    pub fn under_way(&self) -> i64 {
        self.under_way.get()
    }

    /// The page for Prometheus.
    ///
    /// # Errors
    ///
    /// [`fmt::Error`], which the library never returns for a text in memory.
    pub fn page(&self, guard: &Guard, feed: &feed::State) -> Result<String, fmt::Error> {
        let (cache, gauges) = (guard.engine().cache_info(), &self.gauges);
        gauges.keys.set(whole(guard.engine().keys().keys().len()));
        gauges.cache_entries.set(whole(cache.entries));
        gauges.cache_bytes.set(whole(cache.bytes));
        gauges.cache_hits.set(whole(cache.hits));
        gauges.cache_misses.set(whole(cache.misses));
        gauges.ended.set(whole(feed.entries));
        gauges.ended_fresh.set(i64::from(feed.is_fresh));
        gauges.ended_age.set(feed.age.map_or(-1.0, |age| age.as_secs_f64()));
        gauges.looks_succeeded.set(whole(feed.succeeded));
        gauges.looks_failed.set(whole(feed.failed));
        gauges.lines_dropped.inner().store(logging::dropped(), Ordering::Relaxed);
        let mut page = String::new();
        encode(&mut page, &self.registry)?;
        Ok(page)
    }
}

fn whole(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// A connection or a request, while it lasts.
#[derive(Debug)]
pub struct Counted(Gauge);

impl Counted {
    fn of(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A histogram without a lock: the library's has one, which all requests would share.
#[derive(Clone, Debug, Default)]
struct Times(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    nanos: AtomicU64,
    buckets: [AtomicU64; BOUNDS.len() + 1],
}

/// Seconds.
const BOUNDS: [f64; 12] =
    [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0];

impl Times {
    fn observe(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let at = BOUNDS.iter().take_while(|bound| seconds > **bound).count();
        if let Some(bucket) = self.0.buckets.get(at) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.0.nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}

impl EncodeMetric for Times {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let bounds = BOUNDS.iter().copied().chain([f64::INFINITY]);
        let counts = self.0.buckets.iter().map(|count| count.load(Ordering::Relaxed));
        let buckets: Vec<_> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = Duration::from_nanos(self.0.nanos.load(Ordering::Relaxed)).as_secs_f64();
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for Times {
    const TYPE: MetricType = MetricType::Histogram;
}

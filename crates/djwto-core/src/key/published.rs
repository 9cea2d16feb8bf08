//! The keys of another service, by the URL of its JWK Set: which answers are accepted, and when to fetch.

use serde_json::{Map, Value};

use super::{JwkSetError, Key, KeyRing, Skipped};
use crate::json;

/// The largest answer, in bytes.
pub const MAX_BYTES: usize = 64 << 10;
/// How long a fetch may take, in seconds.
pub const FETCH_SECONDS: f64 = 5.0;
/// How long a request waits at most for a fetch, from its start, in seconds.
pub const WAIT_SECONDS: f64 = 2.0;
/// How long after the start of a fetch an unknown key starts no other one, in seconds.
pub const UNKNOWN_SECONDS: f64 = 10.0;
/// The bounds of `max-age`, in seconds.
pub const LEAST_SECONDS: f64 = 60.0;
/// See [`LEAST_SECONDS`].
pub const MOST_SECONDS: f64 = 86_400.0;
/// How long an answer is kept that does not say it, in seconds.
pub const USUAL_SECONDS: f64 = 300.0;
/// The pause after a failed fetch while there are no keys, in seconds.
pub const RETRY_SECONDS: f64 = 2.0;

impl KeyRing {
    /// The keys of a JWK Set that anyone may read. None of them signs.
    ///
    /// A key of an unknown kind is passed over (RFC 7517 §5). Several keys may have the same `kid`.
    ///
    /// # Errors
    ///
    /// [`JwkSetError`]: it is not a set, none of its keys can be used, or a key in it is not public.
    pub fn from_published(text: &[u8]) -> Result<Self, JwkSetError> {
        let set = json::parse_object(text).map_err(JwkSetError::NotJson)?;
        let Some(Value::Array(jwks)) = set.get("keys") else { return Err(JwkSetError::NoKeys) };
        let (mut keys, mut skipped) = (Vec::new(), Vec::new());
        for (place, jwk) in jwks.iter().enumerate() {
            let Value::Object(jwk) = jwk else { return Err(JwkSetError::NoKeys) };
            if is_private(jwk) {
                return Err(JwkSetError::Private);
            }
            match Key::from_members(jwk) {
                Ok(key) => keys.push(key),
                Err(error) => {
                    let id = jwk.get("kid").and_then(Value::as_str).map(str::to_owned);
                    skipped.push(Skipped { place, id, error });
                }
            }
        }
        match (keys.is_empty(), skipped.is_empty()) {
            (false, _) => Ok(Self::of(keys, None)),
            (true, false) => Err(JwkSetError::Unusable(skipped)),
            (true, true) => Err(JwkSetError::NoKeys),
        }
    }
}

/// Whether a JWK has a private or a secret part (RFC 7518 §§6.2.2, 6.3.2, 6.4).
fn is_private(jwk: &Map<String, Value>) -> bool {
    let is_secret = jwk.get("kty").and_then(Value::as_str) == Some("oct");
    is_secret
        || ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|name| jwk.contains_key(*name))
}

/// How long an answer may be kept by its header `Cache-Control`, in seconds, within bounds
/// (RFC 9111 §5.2.2).
pub fn seconds_of(cache_control: &str) -> f64 {
    let mut seconds = None;
    for directive in cache_control.split(',') {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => return LEAST_SECONDS,
            // One that is too large for the type is longer than the bound.
            "max-age" if seconds.is_none() => {
                let digits = value.trim().trim_matches('"');
                let is_number =
                    !digits.is_empty() && digits.bytes().all(|one| one.is_ascii_digit());
                seconds = is_number.then(|| digits.parse().unwrap_or(MOST_SECONDS));
            }
            _ => {}
        }
    }
    seconds.unwrap_or(USUAL_SECONDS).clamp(LEAST_SECONDS, MOST_SECONDS)
}

/// When to fetch, and how long a request waits for it.
///
/// Times are seconds of a monotonic clock; its start does not matter.
#[derive(Clone, Debug)]
pub struct FetchSchedule {
    started: f64,
    is_running: bool,
    has_keys: bool,
    next: f64,
}

impl Default for FetchSchedule {
    /// Nothing has been fetched, and a fetch is due.
    fn default() -> Self {
        let long_ago = f64::NEG_INFINITY;
        Self { started: long_ago, is_running: false, has_keys: false, next: long_ago }
    }
}

impl FetchSchedule {
    /// The seconds until the next fetch: 0 if it is due.
    pub fn seconds_until_next(&self, now: f64) -> f64 {
        (self.next - now).max(0.0)
    }

    /// A fetch begins.
    pub fn begin(&mut self, now: f64) {
        self.started = now;
        self.is_running = true;
        self.next = f64::INFINITY;
    }

    /// It has brought keys that may be kept for so many seconds ([`seconds_of`]).
    pub fn succeeded(&mut self, now: f64, seconds: f64) {
        self.has_keys = true;
        self.end(now, seconds);
    }

    /// It has failed. The keys before it stay in use.
    pub fn failed(&mut self, now: f64) {
        self.end(now, if self.has_keys { LEAST_SECONDS } else { RETRY_SECONDS });
    }

    fn end(&mut self, now: f64, pause: f64) {
        self.is_running = false;
        // One that was asked for in the meantime is due.
        self.next = self.next.min(now + pause);
    }

    /// Makes a fetch due, as an operator asks for it.
    pub fn ask(&mut self, now: f64) {
        self.next = now;
    }

    /// A token names a key that is not there. Returns how many seconds its request waits for a fetch;
    /// `None`: it does not wait.
    ///
    /// All unknown keys together start at most one fetch in [`UNKNOWN_SECONDS`].
    pub fn unknown_key(&mut self, now: f64) -> Option<f64> {
        if !self.is_running && now - self.started >= UNKNOWN_SECONDS {
            self.begin(now);
            self.next = now;
        }
        let left = self.started + WAIT_SECONDS - now;
        (self.is_running && left > 0.0).then_some(left)
    }
}

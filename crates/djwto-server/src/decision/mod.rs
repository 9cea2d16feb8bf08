//! Whether a request may pass: a plain function of the guard, the request, what is known and the time.
//!
//! ```text
//! peer → forwarded headers → host → path → rule → (public: done) → token → ended sessions → CSRF →
//! permissions → assertion
//! ```
//!
//! [`decide`] does no I/O. Where it needs an answer from outside, it returns a [`Step`] that asks for
//! it. The caller gets the answer, puts it into [`Known`] and calls again. Every failure is a
//! refusal.

mod decide;
mod upstream;
mod validate;

pub use decide::decide;
pub use validate::{Posted, Seen, validate};

use djwto_core::Code;
use djwto_core::error::Failure;
use djwto_core::types::UserId;
use hyper::HeaderMap;
use hyper::header::HeaderValue;
use smallvec::SmallVec;

use crate::forwarded::{Forwarded, Invalid};

/// The request that a proxy asks about.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'r> {
    /// What the proxy says of it.
    pub forwarded: Result<Forwarded<'r>, Invalid>,
    /// The headers of the client, as the proxy passes them on.
    pub headers: &'r HeaderMap,
}

/// What the caller knows.
#[derive(Clone, Debug)]
pub struct Known {
    /// Whether the keys may be fetched again.
    pub keys: Keys,
    /// The state of the set of ended sessions.
    pub ended: Ended,
    /// The answer to [`Step::Ask`]: the permissions of the user; `None` in it if the user does not exist
    /// or is inactive.
    pub permissions: Option<Result<Option<Vec<String>>, Unavailable>>,
}

/// Whether the keys may be fetched again, for a token that none of them has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// A wait may bring newer ones.
    MayChange,
    /// The wait is over.
    Settled,
}

/// The state of the set of ended sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It can be trusted.
    Fresh,
    /// It is too old, and a wait may help.
    Old,
    /// It is too old, and the wait did not help.
    Unknown,
}

/// The store did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable;

/// The next step of a decision.
#[derive(Debug)]
pub enum Step<'g> {
    /// It is decided.
    Done(Decision<'g>),
    /// Wait until the keys of a URL were fetched, and decide again with the guard that has them.
    Fetch,
    /// Wait until the set of ended sessions can be trusted.
    Wait,
    /// Read this user's permissions from the store.
    Ask(UserId<'static>),
}

/// Whether the request may pass.
#[derive(Debug)]
pub struct Decision<'g> {
    /// The method, if rules know it.
    pub method: Option<&'static str>,
    /// The host by its name in the rules, if it is one.
    pub host: Option<&'g str>,
    /// The number of the rule, counted from 1.
    pub rule: Option<usize>,
    /// What to answer.
    pub outcome: Result<Pass, Refused>,
}

impl Decision<'_> {
    /// A refusal before the host is known.
    pub fn early(refused: Refused) -> Self {
        Self { method: None, host: None, rule: None, outcome: Err(refused) }
    }
}

/// What an upstream gets.
#[derive(Debug, Default)]
pub struct Pass {
    /// The assertion; `None`: none is configured, or the rule is public.
    pub assertion: Option<HeaderValue>,
    /// Whether the assertion was signed for this request.
    pub is_signed: bool,
    /// The client's cookies without those of djwto.
    pub cookie: Option<HeaderValue>,
    /// The client's `Authorization` without a token of djwto.
    pub authorization: Option<HeaderValue>,
}

/// Why the request may not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The code and its detail.
    pub failure: Failure,
    /// Whether a browser wants to show a page.
    pub is_navigation: bool,
    /// Where the browser may get new tokens; `None`: nowhere, or it is no navigation.
    pub redirect: Option<String>,
}

impl Refused {
    /// A refusal that is no page.
    pub fn new(failure: impl Into<Failure>) -> Self {
        Self { failure: failure.into(), is_navigation: false, redirect: None }
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.failure.code
    }
}

/// The lines of one header.
struct HeaderLines<'r>(SmallVec<[&'r [u8]; 4]>);

impl<'r> HeaderLines<'r> {
    fn of(headers: &'r HeaderMap, name: impl hyper::header::AsHeaderName) -> Self {
        Self(headers.get_all(name).iter().map(HeaderValue::as_bytes).collect())
    }

    fn lines(&self) -> djwto_core::http::Lines<'_> {
        self.0.as_slice().into()
    }
}

//! How a process updates its set of ended sessions from the store: what to ask, when, and how long
//! guards may trust the set.
//!
//! There are two state machines, without a store, a clock or a thread. Times are arguments, in seconds:
//!
//! - [`Freshness`] says when the next look at the store is due, whether a guard may trust the set,
//!   and whether a guard waits for a look. Guards and the thread that looks share one.
//! - [`EndedReader`] says which queries a look makes, and puts the answers into the set. Only the
//!   thread that looks has it.
//!
//! A face makes the queries, waits and wakes:
//!
//! ```
//! use djwto_core::session::feed::{Ask, Counts, EndedReader, EndedRow, Freshness, Page};
//! use djwto_core::{Revocations, UnixTime};
//! # use std::collections::BTreeMap;
//! # fn count(_: Counts) -> BTreeMap<i64, u64> { BTreeMap::new() }
//! # fn rows(_: &Page) -> Vec<EndedRow> { Vec::new() }
//!
//! # fn main() -> Result<(), &'static str> {
//! let set = Revocations::default();
//! let mut freshness = Freshness::new(Some(1.0), Some(60.0));
//! let mut reader = EndedReader::new(2000, 0.02);
//!
//! // By a monotonic clock, and by the server's.
//! let (now, server_now) = (7.0, UnixTime::new(1_700_000_000.0).ok_or("finite")?);
//! freshness.begin(now);
//! let mut page = match reader.begin(now, server_now, 1.0) {
//!     Ask::Counts(counts) => reader.counted(count(counts), now),
//!     Ask::Page(page) => Some(page),
//! };
//! while let Some(asked) = page {
//!     page = reader.read(&rows(&asked), now, &set);
//! }
//! assert_eq!(freshness.succeeded(now, now + 0.1), 1.0);
//! assert!(freshness.is_fresh(68.0) && !freshness.is_fresh(68.1));
//! # Ok(())
//! # }
//! ```

mod freshness;
mod pages;
mod reader;

pub use freshness::{
    CHANCE_SECONDS, Freshness, PATIENCE_SECONDS, RETRY_SECONDS, SPACING_SECONDS, Verdict,
};
pub use pages::{Comparison, Condition, EndedRow, Page};
pub use reader::{
    Ask, Counts, EndedReader, MARGIN_SECONDS, MAX_RANGES, OVERLAP_SECONDS, RELOAD_SECONDS,
    SLICE_MICROS,
};

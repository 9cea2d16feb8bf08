//! Which queries a look makes, so that known rows are not read again.
//!
//! A look compares counts: how many sessions ended in each tenth of a second, in the store and in what
//! was read. It reads rows only if a count has grown. So it finds a row whose transaction commits up to
//! [`OVERLAP_SECONDS`] late, and reads each of a quarter of a million ends in a minute once.

use std::collections::BTreeMap;

use super::pages::{Comparison, Condition, EndedRow, Page, Pages};
use crate::token::revoked::Revocations;
use crate::types::{Micros, UnixTime};

/// How far a look goes back behind the last one, in seconds: a transaction may commit that late.
pub const OVERLAP_SECONDS: f64 = 60.0;
/// How often all ended sessions are read again, in seconds: the store's clock may jump.
pub const RELOAD_SECONDS: f64 = 60.0;
/// How much longer than needed an ended session is remembered, in seconds: a clock may be set back.
pub const MARGIN_SECONDS: i64 = 3600;
/// The microseconds whose ends are counted together.
pub const SLICE_MICROS: i64 = Micros::SECOND / 10;
/// The most groups of slices that are read with one query each. If there are more, one query reads
/// everything from the first to the last.
pub const MAX_RANGES: usize = 8;

/// What a process has read of the ended sessions, and what it asks next.
///
/// A look is [`EndedReader::begin`], then an answer to each query. A failed look needs no call: the next
/// `begin` knows of it. The first look reads all ended sessions. Later looks read what is new, and a
/// part of the reload that is due every [`RELOAD_SECONDS`].
#[derive(Clone, Debug)]
pub struct EndedReader {
    page_rows: usize,
    share: f64,
    /// How many rows were read of each slice; as far back as a look goes.
    known: BTreeMap<i64, u64>,
    /// The last look that was done.
    looked: Option<Look>,
    /// When the last reload began that was done.
    reloaded: Option<f64>,
    /// A reload that goes on in the next look.
    suspended: Option<Reload>,
    step: Step,
}

/// The first query of a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// To be answered by [`EndedReader::counted`].
    Counts(Counts),
    /// To be answered by [`EndedReader::read`].
    Page(Page),
}

/// How many sessions have ended, by slices: a number of rows for each
/// `revoked_at - revoked_at % slice`, of the rows with `revoked_at >= now - back`.
///
/// The present time is the store's own, at the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// In microseconds.
    pub back: i64,
    /// In microseconds.
    pub slice: i64,
}

#[derive(Clone, Copy, Debug)]
struct Look {
    /// By the monotonic clock.
    now: f64,
    /// By the server's.
    server_now: UnixTime,
    /// Whether a reload is done in one go.
    is_whole: bool,
}

/// A read of all ended sessions.
#[derive(Clone, Debug)]
struct Reload {
    begun: f64,
    /// The sessions whose tokens expired before this time, in seconds since 1970, are forgotten.
    margin: i64,
    /// Whether the rows are counted: what the first load reads, the look after it need not.
    counts: bool,
    pages: Pages,
}

/// What the next answer is about.
#[derive(Clone, Debug)]
enum Step {
    Done,
    Counting(Look),
    /// Slices whose count has grown: the pages of one range, and the ranges after it, the next last.
    New(Look, BTreeMap<i64, u64>, Pages, Vec<(i64, i64)>),
    /// A reload, and until when this look goes on with it.
    Reloading(Look, Reload, f64),
}

impl EndedReader {
    /// For a process that has read nothing yet.
    ///
    /// A statement reads at most `page_rows`; with 2000 it holds no lock for long. A look spends
    /// `share_seconds` on a reload; 0.02 leaves a process time for its requests.
    pub fn new(page_rows: usize, share_seconds: f64) -> Self {
        Self {
            page_rows,
            share: share_seconds,
            known: BTreeMap::new(),
            looked: None,
            reloaded: None,
            suspended: None,
            step: Step::Done,
        }
    }

    /// Begins a look, and gives its first query.
    ///
    /// `now` is in seconds of a monotonic clock. `interval` is the time from look to look in
    /// seconds. If looks are rare, a reload is done in one go.
    pub fn begin(&mut self, now: f64, server_now: UnixTime, interval: f64) -> Ask {
        let is_first = self.reloaded.is_none();
        let look = Look { now, server_now, is_whole: is_first || interval >= RELOAD_SECONDS };
        if is_first {
            self.known.clear();
            let reload = self.new_reload(look, true);
            return Ask::Page(self.go_on(look, reload, now));
        }
        // If the last look was not done, it has failed, and a reload in it begins again.
        self.step = Step::Counting(look);
        // A machine that slept has a monotonic clock that stood still.
        let elapsed = self.looked.map_or(f64::INFINITY, |last| {
            (now - last.now).max(server_now.seconds() - last.server_now.seconds())
        });
        let back = Micros::of(UnixTime::new(elapsed + OVERLAP_SECONDS)).get();
        Ask::Counts(Counts { back, slice: SLICE_MICROS })
    }

    /// Takes the counts by the start of each slice, and gives the next query. `None`: the look is
    /// done.
    pub fn counted(&mut self, counts: BTreeMap<i64, u64>, now: f64) -> Option<Page> {
        let Step::Counting(look) = self.take() else { return None };
        // The oldest slice is cut, and then counts less than was read of it.
        let known = |start: &i64| self.known.get(start).copied().unwrap_or_default();
        let grown = counts.iter().filter(|(start, count)| **count > known(start));
        let mut ranges = ranges(grown.map(|(start, _)| *start));
        ranges.reverse();
        self.next_range(look, counts, ranges, now)
    }

    /// Takes the rows of a page, puts them into the set, and gives the next query. `None`: the look
    /// is done.
    pub fn read(&mut self, rows: &[EndedRow], now: f64, set: &Revocations) -> Option<Page> {
        set.extend(
            rows.iter().map(|row| (row.id, row.access_until.get().div_euclid(Micros::SECOND))),
        );
        match self.take() {
            Step::Done | Step::Counting(_) => None,
            Step::New(look, counts, mut pages, ranges) => {
                if !pages.advance(rows) {
                    return self.next_range(look, counts, ranges, now);
                }
                let page = pages.query();
                self.step = Step::New(look, counts, pages, ranges);
                Some(page)
            }
            Step::Reloading(look, mut reload, until) => {
                if reload.counts {
                    for row in rows {
                        *self.known.entry(slice_of(row.revoked_at)).or_default() += 1;
                    }
                }
                if !reload.pages.advance(rows) {
                    set.forget_before(reload.margin);
                    self.reloaded = Some(reload.begun);
                } else if now > until {
                    self.suspended = Some(reload);
                } else {
                    let page = reload.pages.query();
                    self.step = Step::Reloading(look, reload, until);
                    return Some(page);
                }
                self.looked = Some(look);
                None
            }
        }
    }

    fn next_range(
        &mut self,
        look: Look,
        counts: BTreeMap<i64, u64>,
        mut ranges: Vec<(i64, i64)>,
        now: f64,
    ) -> Option<Page> {
        if let Some((low, high)) = ranges.pop() {
            let range = vec![
                Condition::RevokedAt(Comparison::AtLeast, Micros::new(low)),
                Condition::RevokedAt(Comparison::Below, Micros::new(high)),
            ];
            let pages = Pages::of(range, self.page_rows);
            let page = pages.query();
            self.step = Step::New(look, counts, pages, ranges);
            return Some(page);
        }
        self.known = counts;
        let is_due = self.reloaded.is_none_or(|last| look.now - last >= RELOAD_SECONDS);
        let reload = match self.suspended.take() {
            None if is_due => self.new_reload(look, false),
            None => {
                self.looked = Some(look);
                return None;
            }
            Some(reload) => reload,
        };
        Some(self.go_on(look, reload, now))
    }

    fn new_reload(&self, look: Look, counts: bool) -> Reload {
        let margin = UnixTime::from_whole(look.server_now.whole().saturating_sub(MARGIN_SECONDS));
        let range = vec![
            Condition::RevokedAt(Comparison::AtLeast, Micros::new(0)),
            Condition::AccessUntil(Comparison::AtLeast, Micros::of(Some(margin))),
        ];
        let pages = Pages::of(range, self.page_rows);
        Reload { begun: look.now, margin: margin.whole(), counts, pages }
    }

    fn go_on(&mut self, look: Look, reload: Reload, now: f64) -> Page {
        let until = if look.is_whole { f64::INFINITY } else { now + self.share };
        let page = reload.pages.query();
        self.step = Step::Reloading(look, reload, until);
        page
    }

    fn take(&mut self) -> Step {
        std::mem::replace(&mut self.step, Step::Done)
    }
}

/// The start of the slice of a time.
fn slice_of(time: Micros) -> i64 {
    time.get().saturating_sub(time.get().rem_euclid(SLICE_MICROS))
}

/// Joins slices that touch: the first microsecond of a range, and the one after the last.
fn ranges(starts: impl Iterator<Item = i64>) -> Vec<(i64, i64)> {
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for start in starts {
        let end = start.saturating_add(SLICE_MICROS);
        match ranges.last_mut() {
            Some(last) if last.1 == start => last.1 = end,
            _ => ranges.push((start, end)),
        }
    }
    match (ranges.first(), ranges.last()) {
        (Some(first), Some(last)) if ranges.len() > MAX_RANGES => vec![(first.0, last.1)],
        _ => ranges,
    }
}

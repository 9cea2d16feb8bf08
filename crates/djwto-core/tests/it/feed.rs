//! The feed of ended sessions: a store in memory whose rows commit late, clocks that leap, looks
//! that fail; and how long guards wait.

#![expect(clippy::float_cmp, reason = "sums of few binary digits are exact")]

use std::collections::{BTreeMap, HashSet};

use djwto_core::session::feed::{
    Ask, CHANCE_SECONDS, Comparison, Condition, Counts, EndedReader, EndedRow, Freshness,
    MARGIN_SECONDS, MAX_RANGES, OVERLAP_SECONDS, PATIENCE_SECONDS, Page, RELOAD_SECONDS,
    RETRY_SECONDS, SLICE_MICROS, SPACING_SECONDS, Verdict,
};
use djwto_core::types::Micros;
use djwto_core::{Revocations, SessionId};
use proptest::prelude::*;

use crate::support::{NOW, at};

/// What a query takes, in seconds.
const QUERY: f64 = 0.004;

// --- a store in memory --------------------------------------------------------------------------

/// A row, and when its transaction commits: in seconds since the test began.
#[derive(Clone, Copy, Debug)]
struct Stored {
    row: EndedRow,
    visible: f64,
}

/// A store, a process beside it, and the clocks of both. All in seconds since the test began.
struct World {
    rows: Vec<Stored>,
    time: f64,
    /// How far the monotonic clock is behind: it stands still while the machine sleeps.
    slept: f64,
    store_ahead: f64,
    server_ahead: f64,
    set: Revocations,
    reader: EndedReader,
}

/// What one look has asked.
#[derive(Debug, Default)]
struct Looked {
    is_done: bool,
    is_first: bool,
    queries: usize,
    counts: Option<BTreeMap<i64, u64>>,
    pages: Vec<(Page, Vec<EndedRow>)>,
}

fn micros(time: f64) -> Micros {
    Micros::of(Some(at(time)))
}

fn compare<T: Ord>(value: &T, comparison: Comparison, other: &T) -> bool {
    match comparison {
        Comparison::Equal => value == other,
        Comparison::AtLeast => value >= other,
        Comparison::Above => value > other,
        Comparison::Below => value < other,
    }
}

fn key(row: &EndedRow) -> (Micros, Micros, String) {
    (row.revoked_at, row.access_until, row.id.to_string())
}

impl World {
    fn new(page_rows: usize, share: f64) -> Self {
        let reader = EndedReader::new(page_rows, share);
        let (time, set) = (0.0, Revocations::default());
        Self { rows: vec![], time, slept: 0.0, store_ahead: 0.0, server_ahead: 0.0, set, reader }
    }

    #[expect(clippy::cast_precision_loss, reason = "a time of this century is exact")]
    fn store_now(&self) -> f64 {
        NOW as f64 + self.time + self.store_ahead
    }

    #[expect(clippy::cast_precision_loss, reason = "a time of this century is exact")]
    fn server_now(&self) -> f64 {
        NOW as f64 + self.time + self.server_ahead
    }

    fn monotonic(&self) -> f64 {
        self.time - self.slept
    }

    /// Ends a session so long ago, by a transaction that commits so late.
    fn end(&mut self, ago: f64, late: f64, lives: f64) -> SessionId {
        let id = SessionId::from_bytes((self.rows.len() as u128 * 0x9e37_79b9).to_le_bytes());
        let row = EndedRow {
            revoked_at: micros(self.store_now() - ago),
            access_until: micros(self.store_now() + lives),
            id,
        };
        self.rows.push(Stored { row, visible: self.time + late });
        id
    }

    fn visible(&self, time: f64) -> Vec<EndedRow> {
        let rows = self.rows.iter().filter(|stored| stored.visible <= time);
        rows.map(|stored| stored.row).collect()
    }

    fn counts(&self, asked: Counts) -> BTreeMap<i64, u64> {
        let since = micros(self.store_now()).get() - asked.back;
        let mut counts = BTreeMap::new();
        for row in self.visible(self.time).iter().filter(|row| row.revoked_at.get() >= since) {
            let time = row.revoked_at.get();
            *counts.entry(time - time % asked.slice).or_default() += 1;
        }
        counts
    }

    fn page(&self, page: &Page) -> Vec<EndedRow> {
        let holds = |row: &EndedRow, condition: &Condition| match condition {
            Condition::RevokedAt(by, time) => compare(&row.revoked_at, *by, time),
            Condition::AccessUntil(by, time) => compare(&row.access_until, *by, time),
            Condition::Id(by, id) => compare(&row.id.to_string(), *by, &id.to_string()),
        };
        let mut rows = self.visible(self.time);
        rows.retain(|row| page.conditions.iter().all(|condition| holds(row, condition)));
        rows.sort_by_key(key);
        rows.truncate(page.size);
        rows
    }

    /// A look, which breaks off before it has so many answers.
    fn look(&mut self, interval: f64, fails_at: Option<usize>) -> Looked {
        let mut looked = Looked::default();
        let server_now = at(self.server_now());
        let mut ask = Some(self.reader.begin(self.monotonic(), server_now, interval));
        looked.is_first = matches!(ask, Some(Ask::Page(_)));
        while let Some(asked) = ask {
            if fails_at == Some(looked.queries) {
                return looked;
            }
            looked.queries += 1;
            assert!(looked.queries < 2000, "a look without an end");
            self.time += QUERY;
            let page = match asked {
                Ask::Counts(asked) => {
                    let counts = self.counts(asked);
                    looked.counts = Some(counts.clone());
                    self.reader.counted(counts, self.monotonic())
                }
                Ask::Page(page) => {
                    let rows = self.page(&page);
                    let next = self.reader.read(&rows, self.monotonic(), &self.set);
                    looked.pages.push((page, rows));
                    next
                }
            };
            ask = page.map(Ask::Page);
        }
        looked.is_done = true;
        looked
    }

    fn knows(&self, rows: &[EndedRow]) -> bool {
        rows.iter().all(|row| self.set.contains(row.id))
    }
}

impl Looked {
    /// The rows of what is new, and not of a reload: their range has an end.
    fn new_rows(&self) -> impl Iterator<Item = &EndedRow> {
        self.new_pages().flat_map(|(_, rows)| rows)
    }

    fn new_pages(&self) -> impl Iterator<Item = &(Page, Vec<EndedRow>)> {
        let is_new = |page: &Page| {
            let is_end =
                |one: &Condition| matches!(one, Condition::RevokedAt(Comparison::Below, _));
            page.conditions.iter().any(is_end)
        };
        self.pages.iter().filter(move |(page, _)| is_new(page))
    }
}

fn slice(row: &EndedRow) -> i64 {
    row.revoked_at.get() - row.revoked_at.get() % SLICE_MICROS
}

// --- every ended row gets into the set ----------------------------------------------------------

#[derive(Clone, Debug)]
enum Event {
    /// Time passes.
    Pass(f64),
    /// So many sessions end at one time and commit so late.
    End {
        number: usize,
        late: f64,
        lives: f64,
    },
    Look {
        fails_at: Option<usize>,
    },
    /// The machine sleeps.
    Sleep(f64),
    /// The server's clock is set.
    SetServer(f64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let late = prop_oneof![3 => Just(0.0), 2 => 0.0..OVERLAP_SECONDS - 1.0];
    let lives = prop_oneof![4 => 1.0..900.0, 1 => Just(1e12)];
    let fails = prop_oneof![3 => Just(None), 1 => (0_usize..6).prop_map(Some)];
    let event = prop_oneof![
        3 => (0.0..3.0).prop_map(Event::Pass),
        1 => (20.0..90.0).prop_map(Event::Pass),
        4 => (1_usize..7, late, lives)
            .prop_map(|(number, late, lives)| Event::End { number, late, lives }),
        6 => fails.prop_map(|fails_at| Event::Look { fails_at }),
        1 => (1.0..4000.0).prop_map(Event::Sleep),
        1 => (-1000.0..1000.0).prop_map(Event::SetServer),
    ];
    prop::collection::vec(event, 1..60)
}

proptest! {
    #[test]
    fn every_ended_row_gets_into_the_set_and_none_is_read_twice(
        events in events(),
        page_rows in 1_usize..6,
        share in prop_oneof![Just(0.0), Just(QUERY * 1.5), Just(1e9)],
        rare in any::<bool>(),
        // A machine that sleeps while its clock is set back has to wait for the reload.
        sleeps in any::<bool>(),
    ) {
        let mut world = World::new(page_rows, share);
        let mut known: Option<BTreeMap<i64, u64>> = None;
        let (mut has_loaded, mut forgotten) = (false, 0.0_f64);
        for event in events {
            match event {
                Event::Pass(seconds) => world.time += seconds,
                Event::Sleep(seconds) if sleeps => {
                    world.time += seconds;
                    world.slept += seconds;
                }
                Event::SetServer(ahead) if !sleeps => world.server_ahead = ahead,
                Event::Sleep(_) | Event::SetServer(_) => {}
                Event::End { number, late, lives } => {
                    for _ in 0..number {
                        world.end(0.0, late, lives);
                    }
                }
                Event::Look { fails_at } => {
                    let (before, server_now) = (world.visible(world.time), world.server_now());
                    let interval = if rare { RELOAD_SECONDS } else { 1.0 };
                    let looked = world.look(interval, fails_at);
                    // Until a first load is whole, the next look is one.
                    prop_assert_eq!(looked.is_first, !has_loaded);
                    if let (Some(counts), Some(known)) = (&looked.counts, &known) {
                        // Rows are read where there are more of them than were read before.
                        let grown = |start: &i64| counts[start] > known.get(start).copied().unwrap_or(0);
                        let number = counts.keys().filter(|start| grown(start)).count();
                        for row in looked.new_rows() {
                            let counted = counts.contains_key(&slice(row));
                            prop_assert!(number > MAX_RANGES || !counted || grown(&slice(row)));
                        }
                        prop_assert!(number > 0 || looked.new_rows().next().is_none());
                    }
                    if looked.is_done {
                        has_loaded = true;
                        // What expired an hour before, by the server's clock, is forgotten.
                        forgotten = forgotten.max(server_now - 3600.0);
                        let rows = before.into_iter().filter(|row| row.access_until >= micros(forgotten));
                        prop_assert!(world.knows(&rows.collect::<Vec<_>>()));
                    }
                    // A look that broke off may have counted before.
                    known = looked.counts.filter(|_| looked.is_done);
                    for (page, rows) in &looked.pages {
                        prop_assert_eq!(page.size, page_rows);
                        prop_assert!(rows.len() <= page_rows);
                    }
                }
            }
        }
    }

    #[test]
    fn a_first_load_reads_every_row_once_and_in_order_whatever_the_times(
        times in prop::collection::vec((0_i64..4, 0_i64..3), 0..40),
        page_rows in 1_usize..6,
    ) {
        let mut world = World::new(page_rows, 0.0);
        for (ended, until) in times {
            world.end(-f64::from(i32::try_from(ended).unwrap()), 0.0, 100.0 + f64::from(i32::try_from(until).unwrap()));
        }
        let looked = world.look(1.0, None);
        let read: Vec<_> = looked.pages.iter().flat_map(|(_, rows)| rows).copied().collect();
        let mut all = world.visible(0.0);
        all.sort_by_key(key);
        prop_assert_eq!(read, all);
        // What it has counted, the next look need not read.
        let next = world.look(1.0, None);
        prop_assert_eq!(next.queries, 1);
    }

    #[test]
    fn a_row_that_a_leap_of_the_stores_clock_hides_is_found_within_two_reloads(
        leap in 61.0_f64..1000.0,
        hidden in 1_usize..30,
        share in prop_oneof![Just(0.0), Just(1.0)],
    ) {
        let mut world = World::new(4, share);
        prop_assert!(world.look(1.0, None).is_done);
        // The clock is behind while they end, and leaps before anyone looks.
        world.store_ahead = -leap;
        let ids: Vec<_> = (0..hidden).map(|_| world.end(0.0, 0.0, 2000.0)).collect();
        world.store_ahead = 0.0;
        let begun = world.time;
        while world.time < begun + 2.0 * RELOAD_SECONDS + 1.0 {
            // A reload delays nothing that is new.
            let fresh = world.end(0.0, 0.0, 300.0);
            prop_assert!(world.look(1.0, None).is_done);
            prop_assert!(world.set.contains(fresh));
            world.time += 1.0;
        }
        prop_assert!(ids.iter().all(|id| world.set.contains(*id)));
    }
}

#[test]
fn a_row_later_than_the_overlap_waits_for_the_reload() {
    for (late, heard) in [(OVERLAP_SECONDS - 1.0, true), (OVERLAP_SECONDS + 2.0, false)] {
        let mut world = World::new(10, 1.0);
        assert!(world.look(1.0, None).is_done);
        let id = world.end(late, 0.0, 300.0);
        assert!(world.look(1.0, None).is_done);
        assert_eq!(world.set.contains(id), heard);
        world.time += RELOAD_SECONDS;
        assert!(world.look(1.0, None).is_done);
        assert!(world.set.contains(id));
    }
}

#[test]
fn what_is_known_is_not_read_again() {
    let mut world = World::new(4, 1.0);
    for number in 0..3 {
        world.end(f64::from(number), 0.0, 300.0);
    }
    assert!(world.look(1.0, None).is_done);
    // One query, which counts.
    assert_eq!(world.look(1.0, None).queries, 1);
    // A late commit beside rows that are known, and one of now: each its own small range.
    world.end(2.0, 0.0, 300.0);
    world.end(0.0, 0.0, 300.0);
    let looked = world.look(1.0, None);
    assert_eq!(looked.queries, 3);
    assert!(world.knows(&world.visible(world.time)));
    assert_eq!(world.look(1.0, None).queries, 1);
    // Late commits all over the place are one range.
    for number in 0..20 {
        world.end(f64::from(number) * 2.0, 0.0, 300.0);
    }
    let looked = world.look(1.0, None);
    let starts: HashSet<_> =
        looked.pages.iter().map(|(page, _)| format!("{:?}", &page.conditions[..2])).collect();
    assert_eq!(starts.len(), 1);
    assert!(world.knows(&world.visible(world.time)));
}

#[test]
fn slices_that_touch_are_read_together() {
    let mut world = World::new(100, 1.0);
    assert!(world.look(1.0, None).is_done);
    for number in 0..5 {
        world.end(f64::from(number) * 0.1, 0.0, 300.0);
    }
    assert_eq!(world.look(1.0, None).queries, 2);
}

#[test]
fn a_first_load_that_breaks_off_is_no_load() {
    let mut world = World::new(4, 1.0);
    let old: Vec<_> = (0..20).map(|_| world.end(120.0, 0.0, 300.0)).collect();
    for _ in 0..2 {
        let looked = world.look(1.0, Some(2));
        assert!(looked.is_first && !looked.is_done);
    }
    let looked = world.look(1.0, None);
    assert!(looked.is_first && looked.is_done);
    assert!(old.iter().all(|id| world.set.contains(*id)));
    let new = world.end(0.0, 0.0, 300.0);
    assert!(!world.look(1.0, None).is_first);
    assert!(world.set.contains(new));
}

#[test]
fn a_reload_is_spread_over_looks_unless_looks_are_rare() {
    let mut world = World::new(4, 0.0);
    assert!(world.look(1.0, None).is_done);
    let hidden: Vec<_> = (0..20).map(|_| world.end(120.0, 0.0, 300.0)).collect();
    let knows = |world: &World, ids: &[SessionId]| ids.iter().all(|id| world.set.contains(*id));
    world.time += RELOAD_SECONDS;
    let mut looks = 0;
    while !knows(&world, &hidden) {
        let fresh = world.end(0.0, 0.0, 300.0);
        let looked = world.look(1.0, None);
        assert!(looked.is_done && world.set.contains(fresh));
        let reloading = looked.pages.len() - looked.new_pages().count();
        assert_eq!(reloading, 1);
        looks += 1;
        assert!(looks < 40);
    }
    assert!(looks > 2);
    while world.look(1.0, None).queries > 1 {}
    let hidden: Vec<_> = (0..20).map(|_| world.end(120.0, 0.0, 300.0)).collect();
    world.time += RELOAD_SECONDS;
    assert!(world.look(RELOAD_SECONDS, None).is_done);
    assert!(knows(&world, &hidden));
}

#[test]
fn a_reload_that_breaks_off_begins_again_and_one_that_waits_goes_on() {
    let mut world = World::new(4, 0.0);
    for _ in 0..20 {
        world.end(120.0, 0.0, 300.0);
    }
    assert!(world.look(1.0, None).is_done);
    let place = |looked: &Looked| looked.pages.last().map(|(page, _)| page.conditions.len());
    world.time += RELOAD_SECONDS;
    // A count and the first page, which knows no place to go on from.
    let first = world.look(1.0, None);
    assert_eq!((first.queries, place(&first)), (2, Some(2)));
    // The count fails, so the reload is as far as it was.
    assert!(!world.look(1.0, Some(0)).is_done);
    let second = world.look(1.0, None);
    assert_eq!((second.queries, place(&second)), (2, Some(5)));
    // Its own page fails.
    assert!(!world.look(1.0, Some(1)).is_done);
    let again = world.look(1.0, None);
    assert_eq!((again.queries, place(&again)), (2, Some(2)));
}

#[test]
fn the_set_forgets_an_hour_after_the_last_access_token() {
    for (ago, is_remembered) in [(59.0, true), (61.0, false)] {
        let mut world = World::new(10, 1.0);
        let id = world.end(0.0, 0.0, -ago * 60.0);
        world.set.extend([(id, NOW - 60 * if is_remembered { 59 } else { 61 })]);
        assert!(world.look(1.0, None).is_done);
        assert_eq!(world.set.contains(id), is_remembered);
    }
    assert_eq!(MARGIN_SECONDS, 3600);
}

#[test]
fn answers_that_nothing_asked_for_are_no_harm() {
    let mut world = World::new(4, 1.0);
    let id = world.end(0.0, 0.0, 300.0);
    let rows = world.visible(0.0);
    assert_eq!(world.reader.counted(BTreeMap::from([(i64::MAX, 1), (i64::MIN, 1)]), 0.0), None);
    assert_eq!(world.reader.read(&rows, 0.0, &world.set), None);
    assert!(world.set.contains(id));
    assert!(world.look(1.0, None).is_first);
    assert!(matches!(world.reader.begin(f64::NAN, at(f64::MAX), 1.0), Ask::Counts(_)));
    let odd = BTreeMap::from([(i64::MAX, u64::MAX), (i64::MIN, 1)]);
    assert!(world.reader.counted(odd, f64::NAN).is_some());
}

#[test]
fn pages_of_no_rows_are_pages_of_one() {
    let mut world = World::new(0, 1.0);
    let ids: Vec<_> = (0..3).map(|_| world.end(0.0, 0.0, 300.0)).collect();
    assert!(world.look(1.0, None).is_done);
    assert!(ids.iter().all(|id| world.set.contains(*id)));
}

// --- how far the set may be trusted -------------------------------------------------------------

const INTERVAL: f64 = 1.0;
const AGE: f64 = 60.0;

fn waits(freshness: &mut Freshness, now: f64) -> f64 {
    match freshness.guard(now, 0) {
        Verdict::Wait { seconds } => seconds,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_set_is_trusted_for_an_interval_and_its_age_and_no_longer() {
    let mut freshness = Freshness::new(Some(INTERVAL), Some(AGE));
    freshness.begin(100.0);
    assert_eq!(freshness.succeeded(100.0, 103.0), INTERVAL);
    // From the start of the look, since it says nothing of what ended during it.
    assert_eq!(freshness.fresh_until(), 161.0);
    assert_eq!(freshness.guard(161.0, 0), Verdict::Trusted);
    assert!(!freshness.is_awaited(161.0) && freshness.is_awaited(161.01));
    // A process that was frozen looks before it refuses.
    assert_eq!(waits(&mut freshness, 161.01), PATIENCE_SECONDS);
    freshness.begin(161.01);
    freshness.failed(161.02);
    assert_eq!(freshness.guard(161.03, 1), Verdict::Refused);
    assert_eq!(freshness.guard(161.03, 0), Verdict::Refused);
}

#[test]
fn after_a_look_that_failed_no_guard_waits_until_the_next_has_had_its_time() {
    let mut freshness = Freshness::new(Some(3600.0), Some(AGE));
    freshness.begin(0.0);
    assert_eq!(freshness.failed(2.0), RETRY_SECONDS);
    let until = 2.0 + RETRY_SECONDS + PATIENCE_SECONDS;
    assert!(!freshness.is_awaited(until));
    assert_eq!(freshness.guard(until, 0), Verdict::Refused);
    // Frozen since: the failure says nothing of this moment.
    assert!(freshness.is_awaited(until + 0.01));
    assert_eq!(waits(&mut freshness, until + 0.01), PATIENCE_SECONDS);
    // A look that succeeds since makes the failure forgotten.
    let mut freshness = Freshness::new(Some(0.1), Some(1.0));
    freshness.begin(0.0);
    freshness.failed(0.0);
    freshness.begin(0.1);
    freshness.succeeded(0.1, 0.2);
    assert!(freshness.is_awaited(2.0));
    // The pause is no longer than the interval.
    let mut freshness = Freshness::new(Some(0.5), Some(AGE));
    freshness.begin(0.0);
    assert_eq!(freshness.failed(2.0), 0.5);
}

#[test]
fn guards_wait_five_seconds_from_the_start_of_a_look_and_no_more() {
    let mut freshness = Freshness::new(Some(INTERVAL), Some(AGE));
    // It has not begun: from the first guard that waits.
    assert_eq!(waits(&mut freshness, 100.0), PATIENCE_SECONDS);
    freshness.begin(101.0);
    assert_eq!(waits(&mut freshness, 102.0), 3.0);
    // It hangs.
    assert_eq!(freshness.guard(105.0, 0), Verdict::Refused);
    assert!(!freshness.is_awaited(105.0));
    // One that no guard waited for, in a process that was frozen: the answer is there in a moment.
    let mut freshness = Freshness::new(Some(INTERVAL), Some(AGE));
    freshness.begin(100.0);
    assert_eq!(waits(&mut freshness, 160.0), CHANCE_SECONDS);
    assert_eq!(freshness.guard(160.0 + CHANCE_SECONDS, 0), Verdict::Refused);
}

#[test]
fn one_guard_waits_for_two_looks() {
    let mut freshness = Freshness::new(Some(INTERVAL), Some(AGE));
    freshness.begin(0.0);
    assert!(matches!(freshness.guard(0.0, 0), Verdict::Wait { .. }));
    // The process was frozen during the look: it is too old when it ends, and the next is due.
    assert_eq!(freshness.succeeded(0.0, 100.0), 0.0);
    assert!(matches!(freshness.guard(100.0, 1), Verdict::Wait { .. }));
    assert_eq!(freshness.guard(100.0, 2), Verdict::Refused);
    freshness.begin(100.0);
    freshness.succeeded(100.0, 100.1);
    assert_eq!(freshness.guard(100.1, 2), Verdict::Trusted);
}

#[test]
fn without_a_greatest_age_guards_wait_for_one_look_and_are_open_then() {
    let mut freshness = Freshness::new(Some(INTERVAL), None);
    assert!(freshness.is_awaited(0.0));
    assert!(matches!(freshness.guard(0.0, 0), Verdict::Wait { .. }));
    assert_eq!(freshness.guard(1.0, 1), Verdict::Trusted);
    assert!(freshness.is_fresh(1e12));
    // None waits where the look has failed already.
    let mut freshness = Freshness::new(Some(INTERVAL), None);
    freshness.begin(0.0);
    freshness.failed(0.1);
    assert_eq!(freshness.guard(0.2, 0), Verdict::Trusted);
    let mut freshness = Freshness::new(Some(INTERVAL), None);
    freshness.begin(0.0);
    freshness.succeeded(0.0, 0.1);
    assert!(freshness.is_fresh(1e12));
}

#[test]
fn without_an_interval_no_look_is_made_and_every_guard_goes_on() {
    let mut freshness = Freshness::new(None, Some(AGE));
    assert_eq!(freshness.guard(1e12, 0), Verdict::Trusted);
    assert!(!freshness.is_awaited(0.0));
}

#[test]
fn an_interval_longer_than_the_age_is_no_outage() {
    let mut freshness = Freshness::new(Some(3600.0), Some(1.0));
    freshness.begin(0.0);
    assert_eq!(freshness.succeeded(0.0, 0.1), 3600.0);
    assert!(freshness.is_fresh(3601.0) && !freshness.is_fresh(3601.1));
}

#[test]
fn looks_that_are_woken_keep_a_distance() {
    let freshness = Freshness::new(Some(INTERVAL), Some(AGE));
    assert!((freshness.seconds_until_next(100.0, 100.0) - SPACING_SECONDS).abs() < 1e-6);
    assert_eq!(freshness.seconds_until_next(100.0, 100.5), 0.0);
    let freshness = Freshness::new(Some(0.01), Some(AGE));
    assert_eq!(freshness.seconds_until_next(0.0, 0.0), 0.01);
}

#[derive(Clone, Debug)]
enum Moment {
    Pass(f64),
    Begin,
    Succeed,
    Fail,
    Guard(u32),
}

proptest! {
    #[test]
    fn no_guard_goes_on_by_a_set_that_is_too_old_and_none_waits_for_long(
        moments in prop::collection::vec(prop_oneof![
            2 => (0.0..3.0).prop_map(Moment::Pass),
            1 => (10.0..100.0).prop_map(Moment::Pass),
            2 => Just(Moment::Begin),
            2 => Just(Moment::Succeed),
            1 => Just(Moment::Fail),
            3 => (0_u32..3).prop_map(Moment::Guard),
        ], 0..80),
    ) {
        let mut freshness = Freshness::new(Some(INTERVAL), Some(AGE));
        let (mut now, mut begun, mut trusted_until) = (0.0_f64, None, f64::NEG_INFINITY);
        for moment in moments {
            match moment {
                Moment::Pass(seconds) => now += seconds,
                Moment::Begin if begun.is_none() => {
                    begun = Some(now);
                    freshness.begin(now);
                }
                Moment::Succeed => if let Some(started) = begun.take() {
                    let pause = freshness.succeeded(started, now);
                    trusted_until = started + INTERVAL + AGE;
                    prop_assert_eq!(pause, if now <= trusted_until { INTERVAL } else { 0.0 });
                },
                Moment::Fail => if begun.take().is_some() {
                    freshness.failed(now);
                    prop_assert!(!freshness.is_awaited(now));
                },
                Moment::Begin => {}
                Moment::Guard(waits) => {
                    let is_awaited = freshness.is_awaited(now);
                    match freshness.guard(now, waits) {
                        Verdict::Trusted => prop_assert!(now <= trusted_until),
                        Verdict::Refused => {
                            prop_assert!(now > trusted_until && (!is_awaited || waits == 2));
                        }
                        Verdict::Wait { seconds } => {
                            prop_assert!(now > trusted_until && is_awaited && waits < 2);
                            prop_assert!(seconds > 0.0 && seconds < PATIENCE_SECONDS + 1e-6);
                        }
                    }
                }
            }
        }
    }
}

//! Which counts an attempt to log in has, and what a full one means.

use std::collections::HashSet;
use std::time::Duration;

use djwto_core::throttle::{Attempt, Count, Counts, Limits, Mark, Step};
use proptest::prelude::*;

const LIMITS: Limits = Limits {
    attempts: 5,
    account_attempts: 50,
    network_attempts: 201,
    day_attempts: 300,
    window: Duration::from_millis(299_500),
};
const DAY: u32 = 86_400;

fn counts(account: &str, address: &str, is_foreign: bool) -> Counts {
    Counts::of(account, "", address, &LIMITS, is_foreign)
}

fn count(name: &str, size: u32, seconds: u32, is_shared: bool) -> Count {
    Count { name: name.to_owned(), size, seconds, is_shared }
}

fn mark(taken: f64, has_failed: bool) -> Mark {
    Mark { taken, has_failed }
}

#[test]
fn an_attempt_counts_for_its_network_its_pair_and_its_account() {
    let found = counts("alice", "203.0.113.1", false);
    // The window is rounded up to whole seconds.
    assert_eq!(found.networks, [count("network 203.0.113.1", 201, 300, true)]);
    assert_eq!(found.pair, Some(count("pair 203.0.113.1 alice", 5, 300, false)));
    assert_eq!(found.account, Some(count("account alice", 50, 300, true)));
    assert_eq!(found.day, Some(count("day alice", 300, DAY, true)));
}

#[test]
fn an_ipv6_network_is_a_64_and_its_site_has_ten_times_as_many() {
    let found = counts("alice", "2001:db8:0:7::1", false);
    let networks = [
        count("network 2001:db8:0:7::/64", 201, 300, true),
        count("network 2001:db8::/48", 2010, 300, true),
    ];
    assert_eq!(found.networks, networks);
    assert_eq!(found.pair.as_ref().unwrap().name, "pair 2001:db8:0:7::/64 alice");
    let strangers = [
        count("stranger 2001:db8:0:7::/64 alice", 1, 900, false),
        count("stranger 2001:db8::/48 alice", 10, 900, false),
    ];
    assert_eq!(found.above(true, false), strangers);
}

#[test]
fn foreign_pages_have_a_pair_of_their_own_and_half_of_the_network() {
    let found = counts("alice", "203.0.113.1", true);
    let networks = [
        count("network foreign 203.0.113.1", 101, 300, true),
        count("network 203.0.113.1", 201, 300, true),
    ];
    assert_eq!(found.networks, networks);
    assert_eq!(found.pair.as_ref().unwrap().name, "pair foreign 203.0.113.1 alice");
    assert_eq!(found.above(true, true), [count("known foreign 203.0.113.1 alice", 20, 300, false)]);
    let strangers = [count("stranger foreign 203.0.113.1 alice", 1, 900, false)];
    assert_eq!(found.above(true, false), strangers);
}

#[test]
fn above_the_account_a_known_network_has_twenty_and_another_one_a_try_above_the_day() {
    let found = counts("alice", "203.0.113.1", false);
    let known = [count("known 203.0.113.1 alice", 20, 300, false)];
    assert_eq!(found.above(false, true), known);
    assert_eq!(found.above(true, true), known);
    assert_eq!(found.above(true, false), [count("stranger 203.0.113.1 alice", 1, 900, false)]);
    assert!(found.above(false, false).is_empty());
}

#[test]
fn without_an_address_only_the_account_counts_and_without_both_the_pair() {
    let nameless = counts("", "203.0.113.1", false);
    assert_eq!(nameless.pair.as_ref().unwrap().name, "pair 203.0.113.1 ");
    assert_eq!((nameless.account.as_ref(), nameless.day.as_ref()), (None, None));
    let nowhere = counts("alice", "", false);
    assert_eq!(
        (nowhere.networks.len(), nowhere.pair.as_ref(), nowhere.day.as_ref()),
        (0, None, None)
    );
    assert_eq!(nowhere.account.as_ref().unwrap().name, "account alice");
    assert!(nowhere.above(true, true).is_empty());
    let neither = counts("", "", false);
    assert_eq!(neither.pair.as_ref().unwrap().name, "pair  ");
    assert_eq!((neither.networks.len(), neither.account), (0, None));
}

#[test]
fn a_count_is_free_a_window_after_its_first_mark() {
    let pair = count("pair", 5, 300, false);
    let full = pair.full(&[mark(1010.0, true), mark(1000.0, true), mark(1020.0, true)], 1100.5);
    assert_eq!((full.free, full.is_in_flight, full.retry_after), (1300.0, false, 200));
    assert_eq!(pair.seconds_until(1300.0, 1299.999), 1);
    assert_eq!(pair.seconds_until(1300.0, 1300.0), 1);
    // Others were quicker by an instant.
    assert_eq!(pair.full(&[], 1100.0).retry_after, 300);
}

#[test]
fn an_attempt_that_is_under_way_may_free_its_slot_for_half_a_minute() {
    let marks = [mark(1000.0, true), mark(1001.0, false)];
    for (now, is_shared, is_in_flight) in
        [(1030.9, false, true), (1031.0, false, false), (1002.0, true, false)]
    {
        let full = count("x", 2, 300, is_shared).full(&marks, now);
        assert_eq!(full.is_in_flight, is_in_flight, "{now}");
        assert_eq!(full.retry_after == 1, is_in_flight, "{now}");
    }
    assert!(!count("x", 2, 300, false).full(&[mark(1000.0, true)], 1001.0).is_in_flight);
}

proptest! {
    #[test]
    fn the_parts_have_each_slot_once(size in 0..5000_u32, seed in any::<u64>()) {
        let parts = count("x", size, 300, true).parts(seed);
        prop_assert!(parts.iter().all(|part| (1..=200).contains(&part.len())));
        let mut slots: Vec<u32> = parts.into_iter().flatten().collect();
        slots.sort_unstable();
        prop_assert_eq!(slots, (0..size).collect::<Vec<_>>());
    }

    #[test]
    fn the_probes_of_a_large_count_are_three_of_its_slots(size in any::<u32>(), seed in any::<u64>()) {
        for size in [size, size % 64] {
            let count = count("x", size, 300, true);
            let probes = count.probes(seed);
            prop_assert_eq!(count.is_large(), size > 20);
            prop_assert_eq!(probes.len(), if count.is_large() { 3 } else { 0 });
            prop_assert!(probes.iter().all(|probe| *probe < size));
            prop_assert_eq!(probes.iter().collect::<HashSet<_>>().len(), probes.len());
        }
    }

    #[test]
    fn each_slot_is_probed_by_some_seed(size in 21..100_u32) {
        let count = count("x", size, 300, true);
        let first: HashSet<_> = (0..u64::from(size)).filter_map(|seed| count.probes(seed).first().copied()).collect();
        prop_assert_eq!(first.len(), size as usize);
    }

    #[test]
    fn retry_after_is_within_the_window(
        taken in prop::collection::vec((any::<f64>(), any::<bool>()), 0..8),
        now in any::<f64>(),
        seconds in 1..=DAY,
        is_shared in any::<bool>(),
    ) {
        let marks: Vec<_> = taken.into_iter().map(|(taken, failed)| mark(taken, failed)).collect();
        let count = count("x", 5, seconds, is_shared);
        prop_assert!((1..=seconds).contains(&count.full(&marks, now).retry_after));
        for free in marks.iter().map(|mark| mark.taken).chain([f64::NAN, f64::INFINITY]) {
            prop_assert!((1..=seconds).contains(&count.seconds_until(free, now)));
        }
    }

    #[test]
    fn a_slot_is_free_when_retry_after_has_passed(ages in prop::collection::vec(0.0..300.0_f64, 1..8)) {
        let now = 1_700_000_000.0;
        let marks: Vec<_> = ages.iter().map(|age| mark(now - age, true)).collect();
        let full = count("x", 8, 300, false).full(&marks, now);
        let later = now + f64::from(full.retry_after);
        prop_assert!(later >= full.free && f64::from(full.retry_after) < full.free - now + 1.0);
    }

    #[test]
    fn no_count_is_taken_for_another(
        one in ("[a-z0-9.]{1,3}", 0..3_u8, any::<bool>()),
        other in ("[a-z0-9.]{1,3}", 0..3_u8, any::<bool>()),
    ) {
        let names = |(account, host, is_foreign): &(String, u8, bool)| {
            let found = counts(account, &format!("203.0.113.{host}"), *is_foreign);
            let own = [found.pair.clone(), found.above(true, true).first().cloned()];
            (own.map(|count| count.unwrap().name), found.account.unwrap().name)
        };
        let (own, others) = (names(&one), names(&other));
        prop_assert_eq!(own.0 == others.0, one == other);
        prop_assert_eq!(own.1 == others.1, one.0 == other.0);
    }
}

// --- the steps of an attempt ----------------------------------------------------------------------

/// Goes through an attempt; `answers` says whether a count has a free slot, and whether the account
/// knows the network. Gives what was asked, and whether the attempt is let in.
fn steps(counts: &Counts, has_slot: impl Fn(&str) -> bool, is_known: bool) -> (Vec<String>, bool) {
    let (mut attempt, mut asked, mut outcome) = (Attempt::new(counts.clone()), Vec::new(), None);
    for _ in 0..20 {
        match attempt.next(outcome) {
            Step::Demand(count) => {
                let word = count.name.split(' ').next().unwrap();
                asked.push(format!("demand {word}"));
                if !has_slot(&count.name) {
                    return (asked, false);
                }
                outcome = Some(true);
            }
            Step::Take(count) => {
                let word = count.name.split(' ').next().unwrap();
                asked.push(format!("take {word}"));
                outcome = Some(has_slot(&count.name));
            }
            Step::AskKnown => {
                asked.push("known?".to_owned());
                outcome = Some(is_known);
            }
            Step::Admit => return (asked, true),
            Step::Refuse => return (asked, false),
        }
    }
    panic!("it goes on: {asked:?}")
}

#[test]
fn the_networks_and_the_pair_come_first_and_the_account_decides_after_them() {
    let counts = counts("alice", "2001:db8::1", true);
    let first = ["demand network", "demand network", "demand network", "demand pair"];
    let asked: Vec<_> = first.into_iter().chain(["take day", "take account"]).collect();
    let (found, is_in) = steps(&counts, |_| true, false);
    assert!(found.iter().eq(&asked) && is_in, "{found:?}");
}

#[test]
fn above_the_account_the_network_decides() {
    let counts = counts("alice", "192.0.2.1", false);
    let first = ["demand network", "demand pair"];
    for (full, is_known, rest, is_in) in [
        // The account's window is full: a network that it knows has some, and others none.
        ("account", true, &["take day", "take account", "known?", "demand known"][..], true),
        ("account", false, &["take day", "take account", "known?"], false),
        // Its day is full: others have one, and its window is not asked.
        ("day", true, &["take day", "known?", "demand known"], true),
        ("day", false, &["take day", "known?", "demand stranger"], true),
        ("pair", true, &[], false),
    ] {
        let found = steps(&counts, |name| !name.starts_with(full), is_known);
        let asked: Vec<_> = first.iter().chain(rest).map(|one| (*one).to_owned()).collect();
        assert_eq!(found, (asked, is_in), "{full} {is_known}");
    }
}

#[test]
fn a_name_or_an_address_alone_is_counted_too() {
    let found = |account: &str, address: &str, full: &'static str| {
        let counts = counts(account, address, false);
        steps(&counts, |name| !name.starts_with(full), true)
    };
    let asked = |steps: &[&str]| steps.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    assert_eq!(found("alice", "", "-"), (asked(&["take account"]), true));
    assert_eq!(found("alice", "", "account"), (asked(&["take account", "known?"]), false));
    assert_eq!(found("", "192.0.2.1", "-"), (asked(&["demand network", "demand pair"]), true));
    assert_eq!(found("", "", "pair"), (asked(&["demand pair"]), false));
}

//! The set, and what guards do.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use djwto_core::token::revoked::Revocations;
use djwto_server::feed::{Feed, Settings, Unavailable};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::cluster::Cluster;
use super::{File, LONG, ended, id, later, now, open};

/// Less than the five seconds that a guard waits for a look, even on a busy machine.
const SOON: Duration = Duration::from_secs(3);

fn start(address: &str, interval: f64, max_age: Option<f64>) -> Feed {
    let set = Arc::new(Revocations::default());
    Feed::start(Arc::new(open(address)), set, Settings { interval, max_age })
}

/// Waits, from look to look, until this holds.
async fn until(feed: &Feed, holds: impl Fn(&Feed) -> bool) {
    let looks = async {
        while !holds(feed) {
            feed.looked().await;
        }
    };
    timeout(LONG, looks).await.unwrap();
}

#[tokio::test]
async fn an_end_is_seen_within_the_interval() {
    for journal in ["delete", "wal"] {
        let file = File::new(journal);
        file.execute(&ended(1, now(), later()));
        let feed = start(&file.address(), 0.2, Some(60.0));
        // Nothing is known yet, so the first guard waits for the first look.
        assert!(!feed.is_fresh());
        assert_eq!(feed.require().await, Ok(()));
        assert!(feed.is_fresh() && feed.set().contains(id(1)) && !feed.set().contains(id(2)));
        file.execute(&ended(2, now(), later()));
        feed.looked().await;
        feed.looked().await;
        assert!(feed.set().contains(id(2)));
        let state = feed.state();
        assert!(state.is_fresh && state.entries == 2 && state.failed == 0 && state.succeeded > 1);
        assert!(state.age.unwrap() < LONG && state.last_error.is_none());
        feed.stop().await;
        let looks = feed.state().succeeded;
        assert!(timeout(Duration::from_millis(500), feed.looked()).await.is_err());
        assert_eq!(feed.state().succeeded, looks);
    }
}

#[tokio::test]
async fn a_database_that_is_away_refuses_after_max_age_and_comes_back_by_itself() {
    let mut cluster = Cluster::new().await;
    // A busy PostgreSQL takes some seconds to stop, and no look is done meanwhile.
    let feed = start(&cluster.address(), 0.1, Some(5.0));
    feed.require().await.unwrap();
    cluster.stop();
    until(&feed, |feed| feed.state().last_error.is_some()).await;
    // What is known is good for a while.
    let stopped = Instant::now();
    assert!(feed.is_fresh());
    until(&feed, |feed| !feed.is_fresh()).await;
    assert!(stopped.elapsed() < Duration::from_secs(9));
    let begun = Instant::now();
    assert_eq!(feed.require().await, Err(Unavailable));
    assert!(begun.elapsed() < SOON, "after a failed look nothing is waited for");
    let reason = feed.state().last_error.unwrap();
    assert!(reason.starts_with("PostgreSQL: "), "{reason}");
    cluster.start().await;
    cluster.execute(&ended(1, now(), later())).await;
    until(&feed, |feed| feed.set().contains(id(1))).await;
    assert_eq!((feed.require().await, feed.state().last_error), (Ok(()), None));
    feed.stop().await;
}

#[tokio::test]
async fn a_database_that_hangs_refuses_in_time_and_comes_back() {
    let cluster = Cluster::new().await;
    let feed = start(&cluster.address(), 0.1, Some(1.0));
    feed.require().await.unwrap();
    cluster.freeze();
    let begun = Instant::now();
    while feed.require().await.is_ok() {
        tokio::task::yield_now().await;
    }
    // The age, and the patience from the start of the look.
    assert!(begun.elapsed() < Duration::from_secs(9));
    until(&feed, |feed| feed.state().last_error.is_some()).await;
    cluster.thaw();
    until(&feed, Feed::is_fresh).await;
    assert_eq!(feed.require().await, Ok(()));
}

#[tokio::test]
async fn a_listener_that_says_nothing_costs_five_seconds_and_no_more() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("postgresql://u@{}/db", listener.local_addr().unwrap());
    let feed = start(&address, 1.0, Some(60.0));
    let begun = Instant::now();
    // A request that goes away leaves nothing behind.
    assert!(timeout(Duration::from_millis(100), feed.require()).await.is_err());
    let [one, other] = [feed.clone(), feed.clone()];
    let answers = tokio::join!(feed.require(), one.require(), other.require());
    assert_eq!(answers, (Err(Unavailable), Err(Unavailable), Err(Unavailable)));
    let waited = begun.elapsed();
    assert!(waited > Duration::from_secs(4) && waited < Duration::from_secs(8), "{waited:?}");
    let begun = Instant::now();
    assert_eq!(feed.require().await, Err(Unavailable));
    assert!(begun.elapsed() < SOON);
    assert_eq!(feed.state().succeeded, 0);
}

#[tokio::test]
async fn without_an_interval_the_set_is_always_fresh() {
    let feed = Feed::off(Arc::default());
    assert!(feed.is_fresh());
    assert_eq!(feed.require().await, Ok(()));
    let state = feed.state();
    assert!(state.is_fresh && state.age.is_none() && state.succeeded == 0);
    feed.stop().await;
}

#[tokio::test]
async fn without_a_limit_any_age_is_trusted_after_one_wait() {
    let feed = start("postgresql://u@127.0.0.1:1/db", 0.1, None);
    assert_eq!(feed.require().await, Ok(()));
    until(&feed, |feed| feed.state().failed > 1).await;
    assert!(feed.is_fresh());
}

#[tokio::test]
async fn the_last_feed_takes_the_task_along() {
    let file = File::new("delete");
    let store = Arc::new(open(&file.address()));
    let settings = Settings { interval: 0.1, max_age: None };
    let feed = Feed::start(Arc::clone(&store), Arc::default(), settings);
    feed.require().await.unwrap();
    drop(feed);
    let ended = async {
        while Arc::strong_count(&store) > 1 {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, ended).await.unwrap();
}

/// What is logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn trouble_is_logged_once_in_a_while() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let feed = start("postgresql://u:secret@127.0.0.1:1/db", 0.1, Some(1.0));
    until(&feed, |feed| feed.state().failed > 4).await;
    for _ in 0..5 {
        assert_eq!(feed.require().await, Err(Unavailable));
    }
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.matches("Cannot read ended sessions.").count(), 1, "{text}");
    assert_eq!(text.matches("so guarded requests are refused").count(), 1, "{text}");
    assert!(text.contains("Connection refused") && !text.contains("secret"), "{text}");
}

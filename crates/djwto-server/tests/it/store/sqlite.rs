//! Files, journals and locks.

use std::fs;
use std::time::{Duration, Instant};

use djwto_core::session::feed::{Comparison, Condition, Page};
use djwto_core::types::Micros;
use djwto_server::store::Store;
use rusqlite::Connection;

use super::{File, SECOND, ended, export, later, now, schema};

const JOURNALS: [&str; 2] = ["delete", "wal"];

/// The number of ended sessions that the store finds.
async fn number(store: &Store) -> usize {
    let conditions = vec![Condition::RevokedAt(Comparison::AtLeast, Micros::new(0))];
    store.page(&Page { conditions, size: 1000 }).await.unwrap().len()
}

/// Reads until the store finds this many. The file may have changed in the last moment.
async fn finds(store: &Store, expected: usize) {
    assert_eq!(number(store).await, expected);
}

fn insert(writer: &Connection, session: u64) {
    writer.execute_batch(&ended(session, now(), later())).unwrap();
}

#[tokio::test]
async fn what_a_writer_commits_is_seen_whether_it_stays_or_not() {
    for journal in JOURNALS {
        let file = File::new(journal);
        let store = file.store();
        finds(&store, 0).await;
        // It comes and goes, as Django's connections do.
        for session in 1..4 {
            file.execute(&ended(session, now(), later()));
            finds(&store, usize::try_from(session).unwrap()).await;
        }
        // It stays.
        let writer = file.writer();
        for session in 4..7 {
            insert(&writer, session);
            finds(&store, usize::try_from(session).unwrap()).await;
        }
        // What is not committed is not seen, and disturbs no reader.
        writer.execute_batch("BEGIN IMMEDIATE").unwrap();
        insert(&writer, 7);
        finds(&store, 6).await;
        writer.execute_batch("COMMIT").unwrap();
        finds(&store, 7).await;
        // The last writer leaves while the guard has the files open. Others come.
        drop(writer);
        finds(&store, 7).await;
        let writer = file.writer();
        insert(&writer, 8);
        finds(&store, 8).await;
    }
}

#[tokio::test]
async fn no_transaction_stays_open_and_no_file_is_created() {
    for journal in JOURNALS {
        let file = File::new(journal);
        let before = file.names();
        assert_eq!(before.len(), 1);
        let store = file.store();
        store.check().await.unwrap();
        assert_eq!(file.names(), before);
        let writer = file.writer();
        writer.busy_timeout(Duration::ZERO).unwrap();
        insert(&writer, 1);
        finds(&store, 1).await;
        // Each of these needs a file that no reader is in.
        if journal == "delete" {
            writer.execute_batch("BEGIN EXCLUSIVE; COMMIT").unwrap();
        } else {
            let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
            let (busy, frames): (i64, i64) =
                writer.query_row(checkpoint, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            assert_eq!((busy, frames), (0, 0));
        }
        insert(&writer, 2);
        finds(&store, 2).await;
    }
}

#[tokio::test]
async fn a_missing_file_is_an_error_and_is_not_created() {
    let file = File::new("delete");
    let folder = file.path.parent().unwrap();
    fs::remove_file(&file.path).unwrap();
    let error = file.store().check().await.unwrap_err().to_string();
    assert!(error.contains("cannot be read") && error.contains("No such file"), "{error}");
    assert_eq!(folder.read_dir().unwrap().count(), 0);
}

#[tokio::test]
async fn a_file_that_was_replaced_is_read_anew() {
    for journal in JOURNALS {
        let file = File::new(journal);
        let store = file.store();
        let writer = file.writer();
        insert(&writer, 1);
        finds(&store, 1).await;
        // A restore: everything is moved away, and another file takes its place.
        let other = File::new(journal);
        for session in 10..15 {
            other.execute(&ended(session, now(), later()));
        }
        drop(writer);
        for name in file.names() {
            fs::rename(&name, name.with_extension("old")).unwrap();
        }
        fs::rename(&other.path, &file.path).unwrap();
        finds(&store, 5).await;
        file.execute(&ended(20, now(), later()));
        finds(&store, 6).await;
        // It is away for a while.
        let away = file.path.with_extension("away");
        fs::rename(&file.path, &away).unwrap();
        assert!(store.check().await.is_err());
        fs::rename(&away, &file.path).unwrap();
        finds(&store, 6).await;
    }
}

#[tokio::test]
async fn a_journal_that_changes_is_followed() {
    let file = File::new("delete");
    let store = file.store();
    finds(&store, 0).await;
    for (session, journal) in (1..).zip(["wal", "delete", "wal", "truncate", "wal"]) {
        let writer = file.writer();
        // The mode changes when nothing else has the file open in WAL mode.
        drop(store_that_read(&file).await);
        let mode: String = writer
            .query_row(&format!("PRAGMA journal_mode = {journal}"), [], |row| row.get(0))
            .unwrap();
        assert_eq!(mode, journal);
        insert(&writer, session);
        let store = store_that_read(&file).await;
        finds(&store, usize::try_from(session).unwrap()).await;
        drop(store);
    }
    finds(&store, 5).await;
}

async fn store_that_read(file: &File) -> Store {
    let store = file.store();
    store.check().await.unwrap();
    store
}

#[tokio::test]
async fn a_writer_with_an_exclusive_lock_is_waited_for() {
    let file = File::new("delete");
    let store = file.store();
    let writer = file.writer();
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let begun = Instant::now();
    let error = store.check().await.unwrap_err().to_string();
    assert_eq!(error, "SQLite: database is locked.");
    assert!(begun.elapsed() > Duration::from_secs(3));
    // One that is released in time is no error.
    let asked = tokio::spawn(async move { number(&store).await });
    tokio::task::yield_now().await;
    insert(&writer, 1);
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(asked.await.unwrap(), 1);

    // In WAL, readers do not wait for writers.
    let file = File::new("wal");
    let store = file.store();
    let writer = file.writer();
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    insert(&writer, 1);
    finds(&store, 0).await;
    writer.execute_batch("COMMIT").unwrap();
    finds(&store, 1).await;
}

#[tokio::test]
async fn what_is_no_database_is_an_error() {
    let file = File::new("delete");
    fs::write(
        &file.path,
        b"no database, but longer than a header of a database is, which has 100 bytes",
    )
    .unwrap();
    let error = file.store().check().await.unwrap_err().to_string();
    assert!(error.contains("not a database"), "{error}");
    fs::write(&file.path, b"").unwrap();
    let error = file.store().check().await.unwrap_err().to_string();
    assert!(error.contains("no such table"), "{error}");
}

#[test]
fn an_address_needs_an_absolute_path() {
    let database = schema(export("sqlite", "integer"));
    for address in
        ["sqlite:", "sqlite:db.sqlite3", "sqlite::memory:", "sqlite:/srv/", "sqlite:file:/srv/db"]
    {
        let error = Store::open(address, &database).unwrap_err().to_string();
        assert!(error.contains("absolute path"), "{error}");
    }
    for address in ["postgresql://h/db", "mysql://h/db", "db.sqlite3", ""] {
        let error = Store::open(address, &database).unwrap_err().to_string();
        assert!(error.contains("is SQLite: expected"), "{error}");
    }
    let database = schema(export("oracle", "integer"));
    let error = Store::open("oracle://h/db", &database).unwrap_err().to_string();
    assert!(error.contains("\"oracle\""), "{error}");
}

#[test]
fn an_unknown_member_of_the_export_is_an_error() {
    let read = |export| serde_json::from_value::<djwto_server::store::schema::Database>(export);
    assert!(read(export("sqlite", "integer")).is_ok());
    for path in ["", "/sessions", "/permissions", "/permissions/user", "/permissions/groups"] {
        let mut export = export("sqlite", "integer");
        export.pointer_mut(path).unwrap()["deleted_at"] = "deleted_at".into();
        let error = read(export).unwrap_err().to_string();
        assert!(error.contains("unknown field `deleted_at`"), "{path}: {error}");
    }
    assert!(read(export("sqlite", "float")).is_err());
}

#[tokio::test]
async fn a_time_of_the_last_second_is_counted() {
    let file = File::new("wal");
    let (store, writer) = (file.store(), file.writer());
    insert(&writer, 1);
    let asked = djwto_core::session::feed::Counts { back: 60 * SECOND, slice: SECOND };
    assert_eq!(store.counts(asked).await.unwrap().values().sum::<u64>(), 1);
}

//! Connections that end, hang, or are refused.

use std::sync::Arc;
use std::time::{Duration, Instant};

use djwto_core::types::UserId;
use djwto_server::store::{PATIENCE, Store};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::cluster::Cluster;
use super::{export, open, schema};

/// The patience, and what a machine that compiles needs beside it.
const AT_MOST: Duration = Duration::from_secs(9);

#[tokio::test]
async fn connections_that_the_server_closed_are_replaced_at_once() {
    let mut cluster = Cluster::new().await;
    let store = Arc::new(open(&cluster.address()));
    let all = async || {
        let mut asked = JoinSet::new();
        for user in 0..8 {
            let store = Arc::clone(&store);
            asked.spawn(async move { store.permissions(&UserId::Integer(user)).await });
        }
        asked.join_all().await.into_iter().collect::<Result<Vec<_>, _>>()
    };
    all().await.unwrap();
    cluster
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE application_name = 'djwto-server'",
        )
        .await;
    all().await.unwrap();
    cluster.stop();
    let begun = Instant::now();
    let error = all().await.unwrap_err().to_string();
    assert!(error.starts_with("PostgreSQL: ") && error.contains("Connection refused"), "{error}");
    assert!(begun.elapsed() < PATIENCE);
    cluster.start().await;
    all().await.unwrap();
    // By a Unix socket too.
    open(&cluster.socket()).check().await.unwrap();
}

#[tokio::test]
async fn a_server_that_hangs_ends_a_call_in_time() {
    let cluster = Cluster::new().await;
    let store = open(&cluster.address());
    store.check().await.unwrap();
    cluster.freeze();
    let begun = Instant::now();
    let error = store.check().await.unwrap_err().to_string();
    assert_eq!(error, "PostgreSQL does not answer within 5 seconds.");
    assert!(begun.elapsed() < AT_MOST);
    cluster.thaw();
    store.check().await.unwrap();

    // A request goes away while its statement waits for a lock: both the statement and its connection end.
    let (client, connection) =
        tokio_postgres::connect(&cluster.address(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("BEGIN; LOCK TABLE djwto_session").await.unwrap();
    assert!(timeout(Duration::from_secs(1), store.check()).await.is_err());
    let connections =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'djwto-server'";
    let begun = Instant::now();
    while client.query_one(connections, &[]).await.unwrap().get::<_, i64>(0) > 0 {
        assert!(begun.elapsed() < AT_MOST);
        // A transaction sees the same numbers until then.
        client.batch_execute("SELECT pg_stat_clear_snapshot()").await.unwrap();
    }
    client.batch_execute("COMMIT").await.unwrap();
    store.check().await.unwrap();
}

#[tokio::test]
async fn a_listener_that_says_nothing_ends_a_call_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let store = open(&format!("postgresql://u:secret@{}/db", listener.local_addr().unwrap()));
    let begun = Instant::now();
    let error = store.check().await.unwrap_err().to_string();
    assert_eq!(error, "PostgreSQL does not answer within 5 seconds.");
    assert!(begun.elapsed() < AT_MOST);
}

#[tokio::test]
async fn no_statement_has_a_name() {
    // A pooler may give each statement another connection, on which a named one does not exist.
    let cluster = Cluster::new().await;
    cluster.execute("ALTER ROLE djwto SET log_statement = 'all'").await;
    let store = open(&cluster.address());
    store.check().await.unwrap();
    let log = cluster.log_text();
    assert!(log.contains("execute <unnamed>: SELECT"), "{log}");
    assert_eq!(log.matches("LOG:  execute ").count(), log.matches("execute <unnamed>").count());
    // Nothing is set for the session, and no transaction is opened.
    for word in ["SET ", "BEGIN", "PREPARE", "DISCARD"] {
        assert!(!log.contains(&format!("statement: {word}")), "{log}");
    }
}

#[tokio::test]
async fn no_error_has_the_password_or_more_than_a_sentence() {
    let database = schema(export("postgresql", "integer"));
    let mut errors = Vec::new();
    for address in [
        "postgresql://u:secret@host:notaport/db",
        "postgresql://u:secret@host/db?unknown=secret",
        "postgresql://u:secret@host/db?sslmode=verify-secret",
        "postgresql://u:%zz-secret@host/db",
        "postgresql://u:secret@db.example.org/db?sslmode=verify-full",
        "postgresql://u:secret@db.example.org/db",
        "postgresql://u:secret@127.0.0.1/db?sslmode=verify-full&sslrootcert=none",
    ] {
        errors.push(Store::open(address, &database).unwrap_err());
    }
    for address in ["postgresql://u:secret@127.0.0.1:1/db", "postgresql://u:se/cret@127.0.0.1:1/db"]
    {
        match Store::open(address, &database) {
            Ok(store) => {
                assert!(!format!("{store:?}").contains("cret"), "{store:?}");
                errors.push(store.check().await.unwrap_err());
            }
            Err(error) => errors.push(error),
        }
    }
    for error in errors {
        assert!(!format!("{error} {error:?}").contains("cret"), "{error}");
    }
}

#[test]
fn nothing_is_sent_in_plain_text_over_a_network_unasked() {
    let database = schema(export("postgresql", "integer"));
    let open = |address: &str| Store::open(address, &database);
    for refused in [
        "postgresql://u:p@db.example.org/db",
        "postgresql://u:p@10.0.0.7/db",
        "postgresql://u:p@localhost,db.example.org/db",
        "postgresql://u:p@localhost/db?hostaddr=10.0.0.7",
        "postgresql://u:p@db.example.org/db?sslmode=prefer",
        "postgresql://u:p@db.example.org/db?sslmode=require&sslmode=prefer",
    ] {
        let error = open(refused).unwrap_err().to_string();
        assert!(error.contains("does not ask for TLS"), "{error}");
    }
    for taken in [
        "postgresql://u:p@localhost/db",
        "postgres://u:p@127.0.0.1:6432/db",
        "postgresql://u:p@[::1]/db",
        "postgresql://u@%2Frun%2Fpostgresql/db",
        "postgresql://u:p@db.example.org/db?sslmode=disable",
    ] {
        assert!(open(taken).is_ok(), "{taken}");
    }
}

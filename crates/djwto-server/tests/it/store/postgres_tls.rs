//! TLS to PostgreSQL: `sslmode` and `sslrootcert`.

use std::time::Instant;

use djwto_server::store::Store;
use tokio_postgres::NoTls;

use super::cluster::Cluster;
use super::{LONG, export, open, schema};

/// An authority, the certificate for `localhost` that it has signed, and one for `localhost` that no
/// authority has signed. All are good until 2125.
macro_rules! certificate {
    ($name:literal) => {
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/certificates/", $name)
    };
}
const AUTHORITY: &str = certificate!("authority.crt");
const ALONE: &str = certificate!("alone.crt");
const OTHER: &str = certificate!("one.crt");

fn address(cluster: &Cluster, host: &str, query: &str) -> String {
    format!("postgresql://djwto@{host}:{}/postgres?{query}", cluster.port())
}

async fn check(address: &str) -> Result<(), String> {
    open(address).check().await.map_err(|error| error.to_string())
}

/// Lets the server use a certificate, and waits until it does.
async fn certify(cluster: &Cluster, certificate: &str, key: &str, root: &str) {
    cluster.write("server.crt", certificate);
    cluster.write("server.key", key);
    cluster.execute("ALTER SYSTEM SET ssl = on").await;
    cluster.execute("SELECT pg_reload_conf()").await;
    let address = address(cluster, "localhost", &format!("sslmode=verify-full&sslrootcert={root}"));
    let begun = Instant::now();
    while let Err(error) = check(&address).await {
        assert!(begun.elapsed() < LONG, "{error}\n{}", cluster.log_text());
    }
}

#[tokio::test]
async fn each_mode_encrypts_and_verifies_as_libpq_does() {
    let cluster = Cluster::new().await;
    for query in ["sslmode=require".to_owned(), format!("sslmode=require&sslrootcert={AUTHORITY}")]
    {
        let error = check(&address(&cluster, "localhost", &query)).await.unwrap_err();
        assert!(error.contains("server does not support TLS"), "{query}: {error}");
    }

    let (certificate, key) = (
        include_str!("../certificates/localhost.crt"),
        include_str!("../certificates/localhost.key"),
    );
    certify(&cluster, certificate, key, AUTHORITY).await;
    let encoded = AUTHORITY.replace('/', "%2F");
    for (host, mode, root, refusal) in [
        ("127.0.0.1", "require", "", None),
        ("127.0.0.1", "require", AUTHORITY, None),
        ("127.0.0.1", "verify-ca", AUTHORITY, None),
        ("localhost", "verify-ca", &encoded, None),
        ("localhost", "verify-full", AUTHORITY, None),
        ("127.0.0.1", "verify-full", AUTHORITY, Some("not valid for name")),
        ("localhost", "require", OTHER, Some("UnknownIssuer")),
        ("localhost", "verify-ca", OTHER, Some("UnknownIssuer")),
        ("localhost", "verify-full", OTHER, Some("UnknownIssuer")),
        ("localhost", "verify-full", "system", Some("UnknownIssuer")),
    ] {
        let root = if root.is_empty() { String::new() } else { format!("&sslrootcert={root}") };
        let address = address(&cluster, host, &format!("sslmode={mode}{root}"));
        match (check(&address).await, refusal) {
            (Ok(()), None) => {}
            (Err(error), Some(refusal)) => {
                assert!(error.contains(refusal) && error.contains("sslrootcert"), "{error}");
            }
            (found, _) => panic!("{address}: {found:?}"),
        }
    }
    // The only connection that stays open, and it is encrypted.
    let store = open(&address(&cluster, "localhost", "sslmode=require"));
    store.check().await.unwrap();
    let (client, connection) = tokio_postgres::connect(&cluster.address(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE application_name = 'djwto-server'";
    assert_eq!(
        client.query_one(encrypted, &[]).await.unwrap().get::<_, Option<bool>>(0),
        Some(true)
    );
    // Over a Unix socket nothing is encrypted, in any mode.
    check(&format!("{}?sslmode=verify-full", cluster.socket())).await.unwrap();
}

#[tokio::test]
async fn a_certificate_may_be_trusted_itself() {
    let cluster = Cluster::new().await;
    let (certificate, key) =
        (include_str!("../certificates/alone.crt"), include_str!("../certificates/alone.key"));
    certify(&cluster, certificate, key, ALONE).await;
    let query = format!("sslmode=verify-full&sslrootcert={ALONE}");
    let error = check(&address(&cluster, "127.0.0.1", &query)).await.unwrap_err();
    assert!(error.contains("not valid for name"), "{error}");
    let query = format!("sslmode=verify-ca&sslrootcert={AUTHORITY}");
    assert!(check(&address(&cluster, "localhost", &query)).await.is_err());
}

#[tokio::test]
async fn a_password_is_bound_to_the_certificate() {
    let cluster = Cluster::new().await;
    let (certificate, key) = (
        include_str!("../certificates/localhost.crt"),
        include_str!("../certificates/localhost.key"),
    );
    cluster.execute("CREATE ROLE reader SUPERUSER LOGIN PASSWORD 'secret'").await;
    let rules = "host all reader all scram-sha-256\nhost all djwto all trust\n";
    cluster.write("pg_hba.conf", rules);
    certify(&cluster, certificate, key, AUTHORITY).await;
    let address = |query: &str| {
        let port = cluster.port();
        format!(
            "postgresql://reader:secret@localhost:{port}/postgres?channel_binding=require{query}"
        )
    };
    check(&address("&sslmode=require")).await.unwrap();
    let error = check(&address("")).await.unwrap_err();
    assert!(error.contains("channel binding"), "{error}");
}

#[test]
fn a_mode_without_what_it_needs_is_refused() {
    let database = schema(export("postgresql", "integer"));
    for (query, expected) in [
        ("sslmode=verify-full", "expected \"sslrootcert\""),
        ("sslmode=verify-ca", "expected \"sslrootcert\""),
        ("sslmode=allow", "\"sslmode\" that is not known"),
        ("ssl%6Dode=require", "cannot be read"),
        ("sslrootcert=/ca.pem", "its \"sslmode\" does not use"),
        ("sslmode=prefer&sslrootcert=/ca.pem", "its \"sslmode\" does not use"),
        ("sslmode=require&sslrootcert=system", "its \"sslmode\" does not use"),
        ("sslmode=verify-ca&sslrootcert=system", "its \"sslmode\" does not use"),
        ("sslmode=verify-full&sslrootcert=ca.pem", "absolute path"),
        ("sslmode=verify-full&sslrootcert=/none.pem", "/none.pem: No such file"),
        ("sslmode=verify-full&sslrootcert=/etc/passwd", "expected certificates in PEM"),
        ("sslmode=verify-full&sslrootcert=%FF", "cannot be read"),
    ] {
        let error = Store::open(&format!("postgresql://u:p@localhost/db?{query}"), &database);
        let error = error.expect_err(query).to_string();
        assert!(error.contains(expected), "{query}: {error}");
    }
    for taken in [
        "postgresql://u:p?@localhost/db?sslmode=require",
        "postgresql://u:p@db.example.org/db?application_name=x&sslmode=require",
        "postgresql://u:p@db.example.org/db?sslrootcert=system",
        "postgresql://u:p@db.example.org/db?sslmode=disable&sslrootcert=/none.pem",
    ] {
        assert!(Store::open(taken, &database).is_ok(), "{taken}");
    }
}

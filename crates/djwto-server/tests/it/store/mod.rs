//! The store and the feed, on real databases with Django's tables.

mod accounts;
mod both;
mod cluster;
mod feed;
mod postgres;
mod postgres_tls;
mod sqlite;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use djwto_core::UnixTime;
use djwto_core::session::feed::{Ask, EndedReader};
use djwto_core::token::revoked::Revocations;
use djwto_core::token::session_id::SessionId;
use djwto_server::store::schema::Database;
use djwto_server::store::{Store, StoreError};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long an answer of a database that works may take, on a machine that compiles.
const LONG: Duration = Duration::from_secs(60);

/// Django's tables, of the columns that are read and one more. Both databases read this.
const TABLES: &str = "
    CREATE TABLE djwto_session (
        id {uuid} NOT NULL PRIMARY KEY, user_id varchar(255) NOT NULL, revoked_at bigint NULL,
        access_until bigint NOT NULL, tenant varchar(255) DEFAULT '' NOT NULL);
    CREATE INDEX djwto_session_revoked ON djwto_session (revoked_at, access_until, id);
    CREATE TABLE auth_user (
        id {key} NOT NULL PRIMARY KEY, is_active bool NOT NULL, is_superuser bool NOT NULL);
    CREATE TABLE django_content_type (
        id integer NOT NULL PRIMARY KEY, app_label varchar(100) NOT NULL, model varchar(100) NOT NULL);
    CREATE TABLE auth_permission (
        id integer NOT NULL PRIMARY KEY, content_type_id integer NOT NULL, codename varchar(100) NOT NULL);
    CREATE TABLE auth_user_user_permissions (user_id {key} NOT NULL, permission_id integer NOT NULL);
    CREATE TABLE auth_group (id integer NOT NULL PRIMARY KEY);
    CREATE TABLE auth_user_groups (user_id {key} NOT NULL, group_id integer NOT NULL);
    CREATE TABLE auth_group_permissions (group_id integer NOT NULL, permission_id integer NOT NULL);
";

/// The tables with this type of UUIDs and of the keys of users.
fn tables(uuid: &str, key: &str) -> String {
    TABLES.replace("{uuid}", uuid).replace("{key}", key)
}

/// The member `database` of an export.
fn export(vendor: &str, id_type: &str) -> Value {
    json!({
        "vendor": vendor,
        "sessions": {"table": "djwto_session", "id": "id", "revoked_at": "revoked_at",
                     "access_until": "access_until", "tenant": "tenant"},
        "permissions": {
            "user": {"table": "auth_user", "id": "id", "id_type": id_type, "is_active": "is_active",
                     "is_superuser": "is_superuser"},
            "permission": {"table": "auth_permission", "id": "id", "codename": "codename",
                           "content_type": "content_type_id"},
            "content_type": {"table": "django_content_type", "id": "id", "app_label": "app_label"},
            "user_permissions": {"table": "auth_user_user_permissions", "user": "user_id",
                                 "permission": "permission_id"},
            "group": {"table": "auth_group", "id": "id"},
            "groups": {"table": "auth_user_groups", "user": "user_id", "group": "group_id"},
            "group_permissions": {"table": "auth_group_permissions", "group": "group_id",
                                  "permission": "permission_id"},
        },
    })
}

fn schema(export: Value) -> Database {
    serde_json::from_value(export).unwrap()
}

fn open(address: &str) -> Store {
    let vendor = address.split(':').next().unwrap();
    Store::open(address, &schema(export(vendor, "integer"))).unwrap()
}

/// A file of SQLite in a folder.
struct File {
    path: PathBuf,
    _folder: TempDir,
}

impl File {
    fn new(journal: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let file = Self { path: folder.path().join("db?#%20 é.sqlite3"), _folder: folder };
        let writer = file.writer();
        writer.pragma_update(None, "journal_mode", journal).unwrap();
        writer.execute_batch(&tables("char(32)", "integer")).unwrap();
        file
    }

    fn address(&self) -> String {
        format!("sqlite:{}", self.path.display())
    }

    fn store(&self) -> Store {
        open(&self.address())
    }

    /// A connection as Django has it.
    fn writer(&self) -> Connection {
        let connection = Connection::open(&self.path).unwrap();
        connection.busy_timeout(LONG).unwrap();
        connection
    }

    fn execute(&self, sql: &str) {
        self.writer().execute_batch(sql).unwrap();
    }

    /// The names of the files in its folder.
    fn names(&self) -> BTreeSet<PathBuf> {
        files_of(self.path.parent().unwrap())
    }
}

fn files_of(folder: &Path) -> BTreeSet<PathBuf> {
    folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// A session by its number.
fn id(number: u64) -> SessionId {
    SessionId::from_bytes(u128::from(number).to_be_bytes())
}

/// The statement that puts an ended session into the table.
fn ended(number: u64, revoked_at: i64, access_until: i64) -> String {
    format!(
        "INSERT INTO djwto_session (id, user_id, revoked_at, access_until) \
         VALUES ('{number:032x}', '7', {revoked_at}, {access_until});"
    )
}

/// The present time in microseconds.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_micros()).unwrap()
}

const SECOND: i64 = 1_000_000;
/// A time at which no test's token has expired.
fn later() -> i64 {
    now() + 3600 * SECOND
}

/// Reads a store as a look does, with pages of this size.
async fn look(
    store: &Store,
    reader: &mut EndedReader,
    set: &Revocations,
) -> Result<usize, StoreError> {
    #[expect(clippy::cast_precision_loss, reason = "it is a time")]
    let server_now = UnixTime::new(now() as f64 / 1e6).unwrap();
    let mut pages = 0;
    let mut page = match reader.begin(7.0, server_now, 1.0) {
        Ask::Counts(counts) => reader.counted(store.counts(counts).await?, 7.0),
        Ask::Page(page) => Some(page),
    };
    while let Some(asked) = page {
        pages += 1;
        page = reader.read(&store.page(&asked).await?, 7.0, set);
    }
    Ok(pages)
}

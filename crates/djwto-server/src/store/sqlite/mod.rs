//! Reading SQLite.
//!
//! The file is opened for reading only, and never created. One connection is kept between two calls,
//! without a transaction. A file that was replaced is opened anew.
//!
//! A database with the journal mode WAL has two more files, `-wal` and `-shm`, while a program has it
//! open. A reader without the right to write can use them, and cannot create them
//! (<https://sqlite.org/wal.html#read_only_databases>). Django closes its connections after each
//! request by default, and with the last one SQLite deletes both files. So there are two ways to read:
//!
//! - If they exist, SQLite's locks are used, and `-shm` is opened for reading only. While the guard has
//!   the database open, SQLite does not delete the files.
//! - If they do not exist, no program has the database open. The file is read as `immutable`, without
//!   locks. The answer counts if the file was not changed meanwhile, and still is alone.

mod files;
mod rights;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use djwto_core::session::feed::{Counts, EndedRow, Page};
use djwto_core::token::session_id::SessionId;
use djwto_core::types::{Micros, UserId};
use rusqlite::types::{FromSqlError, ToSqlOutput, Type};
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, ToSql, params_from_iter};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::PATIENCE;
use super::error::StoreError;
use super::patience::within;
use super::schema::Database;
use super::sql::{Dialect, Statements, Value, add};
use files::{Files, is_wal, uri};

pub use rights::{Rights, check_rights};

/// How long SQLite waits for a lock.
const BUSY: Duration = Duration::from_secs(4);
/// How often a file is read that changes meanwhile, and the pause in between.
const ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(25);
/// How often SQLite may refuse to open the files before a right is missing. It also refuses where the
/// last program closes the database, and deletes `-wal` and `-shm`, at that moment.
const REFUSALS: u32 = 10;

#[derive(Debug)]
pub(super) struct SqliteStore {
    path: PathBuf,
    statements: Statements,
    kept: Arc<Mutex<Option<Kept>>>,
}

/// A connection, and the files that it has open.
///
/// There is at most one in a process: a connection without locks takes the locks of another one away
/// when it closes the file.
#[derive(Debug)]
struct Kept {
    connection: Connection,
    files: Files,
}

/// Turns a row into a value.
type Read<T> = fn(&Row<'_>) -> rusqlite::Result<T>;

enum Looked<T> {
    Rows(Vec<T>),
    /// The files were changed while they were read.
    Changed,
    /// A right is missing, or a file was deleted at that moment.
    Refused(StoreError),
}

impl SqliteStore {
    pub(super) fn open(address: &str, database: &Database) -> Result<Self, StoreError> {
        let path = address.strip_prefix("sqlite:").unwrap_or_default();
        if !path.starts_with('/') || path.ends_with('/') {
            return Err(StoreError::new(NO_PATH));
        }
        Ok(Self {
            path: path.into(),
            statements: Statements::new(Dialect::Sqlite, database),
            kept: Arc::default(),
        })
    }

    pub(super) fn statements(&self) -> &Statements {
        &self.statements
    }

    pub(super) async fn counts(&self, asked: Counts) -> Result<BTreeMap<i64, u64>, StoreError> {
        let values = vec![Value::Integer(asked.back), Value::Integer(asked.slice)];
        let read: Read<(i64, u64)> = |row| {
            let count: i64 = row.get(1)?;
            Ok((row.get(0)?, count.unsigned_abs()))
        };
        Ok(self.rows(self.statements.counts.clone(), values, read).await?.into_iter().collect())
    }

    pub(super) async fn page(&self, asked: &Page) -> Result<Vec<EndedRow>, StoreError> {
        let (sql, values) = self.statements.page(asked);
        self.rows(sql, values, |row| {
            let id = Uuid::try_parse(row.get_ref(2)?.as_str()?).map_err(|_| {
                rusqlite::Error::FromSqlConversionFailure(
                    2,
                    Type::Text,
                    Box::new(FromSqlError::InvalidType),
                )
            })?;
            Ok(EndedRow {
                revoked_at: Micros::new(row.get(0)?),
                access_until: Micros::new(row.get(1)?),
                id: SessionId::from_bytes(id.into_bytes()),
            })
        })
        .await
    }

    pub(super) async fn has_ended(&self, session: SessionId) -> Result<Option<bool>, StoreError> {
        let (sql, key) = self.statements.session(session);
        Ok(self.rows(sql.to_owned(), vec![key], |row| row.get(0)).await?.pop())
    }

    pub(super) async fn permissions(
        &self,
        user: &UserId<'_>,
    ) -> Result<Option<Vec<String>>, StoreError> {
        let Some((sql, key)) = self.statements.permissions(user)? else { return Ok(None) };
        let read: Read<(bool, Option<String>, Option<String>)> =
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let mut held = None;
        for (is_superuser, app, codename) in self.rows(sql.to_owned(), vec![key], read).await? {
            add(&mut held, is_superuser, app.as_deref(), codename.as_deref());
        }
        Ok(held)
    }

    async fn rows<T: Send + 'static>(
        &self,
        sql: String,
        values: Vec<Value>,
        read: Read<T>,
    ) -> Result<Vec<T>, StoreError> {
        let asked = async {
            let mut kept = Arc::clone(&self.kept).lock_owned().await;
            let path = self.path.clone();
            spawn_blocking(move || ask(&mut kept, &path, &sql, &values, read)).await
        };
        match within(PATIENCE, asked).await {
            Some(Ok(answer)) => answer,
            Some(Err(_)) | None => Err(StoreError::new(SILENT)),
        }
    }
}

/// Asks until the files stay the same for the time of the statement.
fn ask<T>(
    kept: &mut Option<Kept>,
    path: &Path,
    sql: &str,
    values: &[Value],
    read: Read<T>,
) -> Result<Vec<T>, StoreError> {
    let mut refusals = 0;
    for _ in 0..ATTEMPTS {
        match look(kept, path, sql, values, read)? {
            Looked::Rows(rows) => return Ok(rows),
            Looked::Changed => {}
            Looked::Refused(error) => {
                refusals += 1;
                if refusals == REFUSALS {
                    return Err(error);
                }
            }
        }
        thread::sleep(PAUSE);
    }
    Err(StoreError::new(RESTLESS))
}

fn look<T>(
    kept: &mut Option<Kept>,
    path: &Path,
    sql: &str,
    values: &[Value],
    read: Read<T>,
) -> Result<Looked<T>, StoreError> {
    let files = Files::of(path)?;
    let same = kept.take().filter(|kept| kept.files.are(&files));
    let mut open = match same {
        Some(open) => open,
        None if !files.has_log() && is_wal(path)? => {
            return look_without_locks(path, &files, sql, values, read);
        }
        None => match connect(path, "readonly_shm=1") {
            Ok(connection) => Kept { connection, files },
            Err(error) => return failed(error),
        },
    };
    let rows = match query(&open.connection, sql, values, read) {
        Ok(rows) => rows,
        // Of a kept connection, the journal mode may be another one now.
        Err(error) => return failed(error),
    };
    let files = Files::of(path)?;
    if !open.files.are(&files) {
        return Ok(Looked::Changed);
    }
    open.files = files;
    *kept = Some(open);
    Ok(Looked::Rows(rows))
}

/// Reads a database that no program has open.
fn look_without_locks<T>(
    path: &Path,
    before: &Files,
    sql: &str,
    values: &[Value],
    read: Read<T>,
) -> Result<Looked<T>, StoreError> {
    if before.changed_just_now() {
        return Ok(Looked::Changed);
    }
    let rows =
        connect(path, "immutable=1").and_then(|connection| query(&connection, sql, values, read));
    if Files::of(path)?.are_unchanged_since(before) {
        rows.map(Looked::Rows).map_err(of_error)
    } else {
        Ok(Looked::Changed)
    }
}

fn failed<T>(error: rusqlite::Error) -> Result<Looked<T>, StoreError> {
    let is_refused = is_refused(&error);
    let error = of_error(error);
    if is_refused { Ok(Looked::Refused(error)) } else { Err(error) }
}

fn connect(path: &Path, option: &str) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(format!("{}?{option}", uri(path)), flags)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

fn query<T>(
    connection: &Connection,
    sql: &str,
    values: &[Value],
    read: Read<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare(sql)?.query_map(params_from_iter(values), read)?.collect()
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Integer(number) => (*number).into(),
            Self::Uuid(id) => id.simple().to_string().into(),
            Self::Text(text) => text.as_str().into(),
        })
    }
}

/// Whether a right is missing, or a file that cannot be created.
fn is_refused(error: &rusqlite::Error) -> bool {
    use ErrorCode::{CannotOpen, PermissionDenied, ReadOnly};
    matches!(error.sqlite_error_code(), Some(CannotOpen | ReadOnly | PermissionDenied))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn of_error(error: rusqlite::Error) -> StoreError {
    let message = match &error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        // Without the statement, which its own sentence repeats.
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    if is_refused(&error) {
        return StoreError::new(format!("SQLite: {message}. {RIGHTS}"));
    }
    let is_missing = message.starts_with("no such table") || message.starts_with("no such column");
    StoreError::of("SQLite", message, is_missing)
}

const NO_PATH: &str = "The address of SQLite needs the absolute path of a file: expected \"sqlite:/srv/portal/db.sqlite3\".";
const SILENT: &str = "SQLite does not answer within 5 seconds.";
const RESTLESS: &str = "The SQLite file changes all the time.";
const RIGHTS: &str = "`djwto-server check` says which rights the account of the guard needs.";

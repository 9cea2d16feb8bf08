//! Reading PostgreSQL.
//!
//! Each call is one statement without a name, in a transaction that ends with it. So a pooler such as
//! pgbouncer may give each call another connection. The session has no settings: a pooler would drop
//! or refuse them. Times are limited here, and a statement that takes too long is cancelled.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod};
use djwto_core::session::feed::{Counts, EndedRow, Page};
use djwto_core::token::session_id::SessionId;
use djwto_core::types::{Micros, UserId};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{Config, NoTls, Row};
use uuid::Uuid;

use super::PATIENCE;
use super::error::StoreError;
use super::patience::within;
use super::schema::Database;
use super::sql::{Dialect, Statements, Value, add};

/// The feed has one connection, permissions have the others.
const CONNECTIONS: usize = 4;
/// How long the cancellation of a statement may take.
const CANCEL: Duration = Duration::from_secs(1);

pub(super) struct PostgresStore {
    pool: Pool,
    statements: Statements,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

impl PostgresStore {
    pub(super) fn open(address: &str, database: &Database) -> Result<Self, StoreError> {
        // The parser's own sentence may repeat a part of the address.
        let mut config = Config::from_str(address).map_err(|_| StoreError::new(UNREADABLE))?;
        check_encryption(&config)?;
        if config.get_application_name().is_none() {
            config.application_name("djwto-server");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(PATIENCE);
        }
        let recycled = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let pool = Pool::builder(Manager::from_config(config, NoTls, recycled))
            .max_size(CONNECTIONS)
            .build()
            .map_err(|_| StoreError::new(UNREADABLE))?;
        Ok(Self { pool, statements: Statements::new(Dialect::Postgres, database) })
    }

    pub(super) fn statements(&self) -> &Statements {
        &self.statements
    }

    pub(super) async fn counts(&self, asked: Counts) -> Result<BTreeMap<i64, u64>, StoreError> {
        let values = [Value::Integer(asked.back), Value::Integer(asked.slice)];
        let rows = self.rows(&self.statements.counts, &values).await?;
        rows.iter()
            .map(|row| {
                let count: i64 = column(row, 1)?;
                Ok((column(row, 0)?, count.unsigned_abs()))
            })
            .collect()
    }

    pub(super) async fn page(&self, asked: &Page) -> Result<Vec<EndedRow>, StoreError> {
        let (sql, values) = self.statements.page(asked);
        let rows = self.rows(&sql, &values).await?;
        rows.iter()
            .map(|row| {
                let id: Uuid = column(row, 2)?;
                Ok(EndedRow {
                    revoked_at: Micros::new(column(row, 0)?),
                    access_until: Micros::new(column(row, 1)?),
                    id: SessionId::from_bytes(id.into_bytes()),
                })
            })
            .collect()
    }

    pub(super) async fn has_ended(&self, session: SessionId) -> Result<Option<bool>, StoreError> {
        let (sql, key) = self.statements.session(session);
        self.rows(sql, &[key]).await?.first().map(|row| column(row, 0)).transpose()
    }

    pub(super) async fn permissions(
        &self,
        user: &UserId<'_>,
    ) -> Result<Option<Vec<String>>, StoreError> {
        let Some((sql, key)) = self.statements.permissions(user)? else { return Ok(None) };
        let mut held = None;
        for row in self.rows(sql, &[key]).await? {
            add(&mut held, column(&row, 0)?, column(&row, 1)?, column(&row, 2)?);
        }
        Ok(held)
    }

    async fn rows(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let typed: Vec<(&(dyn ToSql + Sync), Type)> = values.iter().map(Value::typed).collect();
        if let Some(answer) = within(PATIENCE, self.asked(sql, &typed)).await {
            return answer;
        }
        // The other connections may hang too: the server is frozen, or packets are lost.
        self.pool.retain(|_, _| false);
        Err(StoreError::new(SILENT))
    }

    /// Asks on a connection that works: the server may have closed those that were kept.
    async fn asked(
        &self,
        sql: &str,
        values: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, StoreError> {
        let mut stale = CONNECTIONS;
        loop {
            let client = self.pool.get().await.map_err(|error| of_pool(&error))?;
            let mut asking = Asking(Some(client));
            let Some(client) = asking.0.as_ref() else { return Err(StoreError::new(SILENT)) };
            let answer = client.query_typed(sql, values).await;
            match answer {
                Ok(rows) => {
                    drop(asking.0.take());
                    return Ok(rows);
                }
                Err(error) if stale > 0 && (client.is_closed() || is_end(&error)) => stale -= 1,
                Err(error) => return Err(of_error(&error)),
            }
        }
    }
}

/// A connection with a statement under way. If it is dropped, nothing waits for the answer: it does not
/// go back to the pool.
struct Asking(Option<Object>);

impl Drop for Asking {
    fn drop(&mut self) {
        let Some(client) = self.0.take() else { return };
        let token = client.cancel_token();
        drop(Object::take(client));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { within(CANCEL, token.cancel_query(NoTls)).await });
        }
    }
}

impl Value {
    fn typed(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Integer(number) => (number, Type::INT8),
            Self::Uuid(id) => (id, Type::UUID),
            Self::Text(text) => (text, Type::TEXT),
        }
    }
}

fn column<'r, T: FromSql<'r>>(row: &'r Row, index: usize) -> Result<T, StoreError> {
    row.try_get(index).map_err(|error| of_error(&error))
}

/// This version has no TLS. It never sends in plain text what the operator expects to be encrypted.
fn check_encryption(config: &Config) -> Result<(), StoreError> {
    let is_local = config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || is_loopback(name),
    }) && config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback);
    match config.get_ssl_mode() {
        SslMode::Disable => Ok(()),
        SslMode::Prefer if is_local => Ok(()),
        _ => Err(StoreError::new(NO_TLS)),
    }
}

fn is_loopback(name: &str) -> bool {
    name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether the server, or a pooler, has closed the connection with a last word.
fn is_end(error: &tokio_postgres::Error) -> bool {
    let state = error.code().map_or("", |state| state.code());
    // Connection exceptions; a shutdown, a crash, and `idle_session_timeout`.
    error.is_closed() || state.starts_with("08") || matches!(state, "57P01" | "57P02" | "57P05")
}

fn of_pool(error: &PoolError) -> StoreError {
    match error {
        PoolError::Backend(error) => of_error(error),
        _ => StoreError::new(SILENT),
    }
}

fn of_error(error: &tokio_postgres::Error) -> StoreError {
    if let Some(error) = error.as_db_error() {
        let (message, state) = (error.message(), error.code().code());
        let is_missing = matches!(state, "42P01" | "42703" | "3F000");
        return StoreError::of("PostgreSQL", format!("{message} ({state})"), is_missing);
    }
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    StoreError::of("PostgreSQL", format!("{error}{}", cause.unwrap_or_default()), false)
}

const UNREADABLE: &str = "The address of PostgreSQL cannot be read: expected \
     \"postgresql://user:password@host:port/database\", with special characters of a password in percent encoding.";
const NO_TLS: &str = "This version of djwto-server speaks no TLS with PostgreSQL. Connect by a Unix socket or a loopback \
     address, or add \"sslmode=disable\" to the address if the network is trusted.";
const SILENT: &str = "PostgreSQL does not answer within 5 seconds.";

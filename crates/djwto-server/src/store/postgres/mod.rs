//! Reading PostgreSQL.
//!
//! Each call is one statement without a name, in a transaction that ends with it. So a pooler such as
//! pgbouncer may give each call another connection. The session has no settings: a pooler would drop
//! or refuse them. Times are limited here, and a statement that takes too long is cancelled.

mod address;
mod tls;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod};
use djwto_core::session::feed::{Counts, EndedRow, Page};
use djwto_core::token::session_id::SessionId;
use djwto_core::types::{Micros, UserId};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, ToSql, Type};
use uuid::Uuid;

use super::PATIENCE;
use super::error::StoreError;
use super::patience::within;
use super::schema::Database;
use super::sql::{Dialect, Statements, Value, add};
use address::UNREADABLE;
use tls::Tls;

/// The feed has one connection, permissions have the others.
const CONNECTIONS: usize = 4;
/// How long the cancellation of a statement may take.
const CANCEL: Duration = Duration::from_secs(1);

pub(super) struct PostgresStore {
    pool: Pool,
    tls: Tls,
    statements: Statements,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

impl PostgresStore {
    pub(super) fn open(address: &str, database: &Database) -> Result<Self, StoreError> {
        let (mut config, tls) = address::read(address)?;
        let tls = Tls(tls);
        if config.get_application_name().is_none() {
            config.application_name("djwto-server");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(PATIENCE);
        }
        let recycled = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let pool = Pool::builder(Manager::from_config(config, tls.clone(), recycled))
            .max_size(CONNECTIONS)
            .build()
            .map_err(|_| StoreError::new(UNREADABLE))?;
        Ok(Self { pool, tls, statements: Statements::new(Dialect::Postgres, database) })
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
            let mut asking = Asking { client: Some(client), tls: &self.tls };
            let Some(client) = asking.client.as_ref() else { return Err(StoreError::new(SILENT)) };
            let answer = client.query_typed(sql, values).await;
            match answer {
                Ok(rows) => {
                    drop(asking.client.take());
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
struct Asking<'s> {
    client: Option<Object>,
    tls: &'s Tls,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        let (token, tls) = (client.cancel_token(), self.tls.clone());
        drop(Object::take(client));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { within(CANCEL, token.cancel_query(tls)).await });
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

const SILENT: &str = "PostgreSQL does not answer within 5 seconds.";

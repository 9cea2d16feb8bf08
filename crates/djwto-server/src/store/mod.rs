//! The project's database, of which the guard reads ended sessions and permissions.
//!
//! A call ends after [`PATIENCE`] at the latest, with an error if the database does not answer. No
//! transaction stays open between two calls.

pub mod schema;

mod error;
pub(crate) mod patience;
mod postgres;
mod sql;
mod sqlite;

use std::collections::BTreeMap;
use std::time::Duration;

use djwto_core::session::feed::{Comparison, Condition, Counts, EndedRow, Page};
use djwto_core::token::session_id::SessionId;
use djwto_core::types::{Micros, UserId};

pub use error::StoreError;
pub use sqlite::{Rights, check_rights};

use postgres::PostgresStore;
use schema::{Database, IdType};
use sqlite::SqliteStore;

/// The longest time that a call takes.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// A database that can be read.
///
/// Several tasks may use one store at once.
#[derive(Debug)]
pub struct Store(Kind);

#[derive(Debug)]
enum Kind {
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
}

impl Store {
    /// The store at an address, `sqlite:/absolute/path` or `postgresql://…`, with the tables of the
    /// export. It does not connect: the first call does.
    ///
    /// # Errors
    ///
    /// The address cannot be read, or is of another database than the export. The sentence repeats
    /// nothing of the address, which may hold a password.
    pub fn open(address: &str, database: &Database) -> Result<Self, StoreError> {
        let scheme = address.split_once(':').map(|(scheme, _)| scheme);
        let kind = match (database.vendor.as_str(), scheme) {
            ("sqlite", Some("sqlite")) => Kind::Sqlite(SqliteStore::open(address, database)?),
            ("postgresql", Some("postgresql" | "postgres")) => {
                Kind::Postgres(PostgresStore::open(address, database)?)
            }
            ("sqlite", _) => return Err(StoreError::new(NOT_SQLITE)),
            ("postgresql", _) => return Err(StoreError::new(NOT_POSTGRES)),
            (vendor, _) => {
                return Err(StoreError::new(format!(
                    "The project has a database of the kind \"{vendor}\". djwto-server reads \
                     SQLite and PostgreSQL."
                )));
            }
        };
        Ok(Self(kind))
    }

    /// How many sessions ended lately, by slices of time.
    ///
    /// # Errors
    ///
    /// The database does not answer, or not as expected.
    pub async fn counts(&self, asked: Counts) -> Result<BTreeMap<i64, u64>, StoreError> {
        match &self.0 {
            Kind::Sqlite(store) => store.counts(asked).await,
            Kind::Postgres(store) => store.counts(asked).await,
        }
    }

    /// A page of ended sessions.
    ///
    /// # Errors
    ///
    /// The database does not answer, or not as expected.
    pub async fn page(&self, asked: &Page) -> Result<Vec<EndedRow>, StoreError> {
        match &self.0 {
            Kind::Sqlite(store) => store.page(asked).await,
            Kind::Postgres(store) => store.page(asked).await,
        }
    }

    /// Whether a session has ended, as the database says now. `None` if it has no such session.
    ///
    /// # Errors
    ///
    /// The database does not answer, or not as expected.
    pub async fn has_ended(&self, session: SessionId) -> Result<Option<bool>, StoreError> {
        match &self.0 {
            Kind::Sqlite(store) => store.has_ended(session).await,
            Kind::Postgres(store) => store.has_ended(session).await,
        }
    }

    /// The permissions of a user, as texts such as `app.codename`, in no order. `None` if the user is
    /// gone or inactive. `["*"]` for a superuser.
    ///
    /// They fit into `djwto_core::token::permissions::Carried::List`.
    ///
    /// # Errors
    ///
    /// The database does not answer, or not as expected; or the export has no tables of permissions.
    pub async fn permissions(&self, user: &UserId<'_>) -> Result<Option<Vec<String>>, StoreError> {
        match &self.0 {
            Kind::Sqlite(store) => store.permissions(user).await,
            Kind::Postgres(store) => store.permissions(user).await,
        }
    }

    /// Runs every statement once, so that a missing table, column or right is found.
    ///
    /// # Errors
    ///
    /// A statement fails.
    pub async fn check(&self) -> Result<(), StoreError> {
        let start = Micros::new(0);
        let conditions = vec![
            Condition::RevokedAt(Comparison::AtLeast, start),
            Condition::AccessUntil(Comparison::AtLeast, start),
        ];
        self.counts(Counts { back: 0, slice: 1 }).await?;
        self.page(&Page { conditions, size: 1 }).await?;
        self.has_ended(SessionId::from_bytes([0; 16])).await?;
        if let Some(id_type) = self.id_type() {
            let key = match id_type {
                IdType::Integer | IdType::Text => "0",
                IdType::Uuid => "00000000-0000-0000-0000-000000000000",
            };
            self.permissions(&UserId::Text(key.into())).await?;
        }
        Ok(())
    }

    fn id_type(&self) -> Option<IdType> {
        match &self.0 {
            Kind::Sqlite(store) => store.statements().id_type(),
            Kind::Postgres(store) => store.statements().id_type(),
        }
    }
}

const NOT_SQLITE: &str = "The project's database is SQLite: expected an address such as \"sqlite:/srv/portal/db.sqlite3\".";
const NOT_POSTGRES: &str =
    "The project's database is PostgreSQL: expected an address such as \"postgresql://…\".";

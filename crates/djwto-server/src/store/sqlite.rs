//! Reading SQLite.

use std::collections::BTreeMap;
use std::path::Path;

use djwto_core::session::feed::{Counts, EndedRow, Page};
use djwto_core::types::UserId;

use super::error::StoreError;
use super::schema::Database;

#[derive(Debug)]
pub(super) struct SqliteStore;

/// What the account of the guard may do with the files of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// What is wrong, each a sentence with the command that mends it. Empty: all is well.
    pub problems: Vec<String>,
}

/// Checks the rights of the file, of its directory, and of its `-wal` and `-shm`.
pub fn check_rights(path: &Path) -> Rights {
    let _ = path;
    Rights { problems: Vec::new() }
}

impl SqliteStore {
    pub(super) fn open(_address: &str, _database: &Database) -> Result<Self, StoreError> {
        Ok(Self)
    }
    pub(super) async fn counts(&self, _asked: Counts) -> Result<BTreeMap<i64, u64>, StoreError> {
        Err(StoreError::new("-"))
    }
    pub(super) async fn page(&self, _asked: &Page) -> Result<Vec<EndedRow>, StoreError> {
        Err(StoreError::new("-"))
    }
    pub(super) async fn permissions(
        &self,
        _user: &UserId<'_>,
    ) -> Result<Option<Vec<String>>, StoreError> {
        Err(StoreError::new("-"))
    }
}

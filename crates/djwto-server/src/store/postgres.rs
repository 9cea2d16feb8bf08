//! Reading PostgreSQL.

use std::collections::BTreeMap;

use djwto_core::session::feed::{Counts, EndedRow, Page};
use djwto_core::types::UserId;

use super::error::StoreError;
use super::schema::Database;

#[derive(Debug)]
pub(super) struct PostgresStore;

impl PostgresStore {
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

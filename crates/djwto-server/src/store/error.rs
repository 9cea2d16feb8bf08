//! Why the database was not read.

use std::fmt;

/// A sentence for the log and for `check`. It holds no password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    reason: String,
}

impl StoreError {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }

    /// What a database says, with advice if a table or a column is missing.
    pub(super) fn of(database: &str, message: impl fmt::Display, is_missing: bool) -> Self {
        let advice = if is_missing { MISSING } else { "" };
        Self { reason: format!("{database}: {message}.{advice}") }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for StoreError {}

pub(super) const NO_PERMISSIONS: &str = "The export has no tables of permissions.";
const MISSING: &str =
    " A table or a column is missing. Run `manage.py migrate`, then `manage.py djwto_export`.";

//! A session's row in memory: what an [`Update`] means, without a database.
//!
//! For tests and examples, and for a service of one process that may lose its sessions when it stops.

use std::collections::HashMap;
use std::fmt;

use super::row::{Client, Column, Condition, NewRow, Row, Update, Value};
use crate::http::Mode;
use crate::types::Micros;

/// The row of one session.
#[derive(Clone)]
pub struct MemoryRow {
    new: NewRow,
    /// A column that is not here has no value.
    cells: HashMap<Column, Cell>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Cell {
    Integer(i64),
    Text(String),
}

impl fmt::Debug for MemoryRow {
    /// As [`Row`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemoryRow").field(&self.row()).finish()
    }
}

impl MemoryRow {
    /// The row of a new session. `auth_hash` changes with the user's password.
    pub fn new(new: &NewRow, client: &Client<'_>, auth_hash: &str) -> Self {
        let mut row = Self { new: *new, cells: HashMap::new() };
        for (column, text) in [
            (Column::Mode, new.mode.name()),
            (Column::AuthHash, auth_hash),
            (Column::Device, client.device),
            (Column::UserAgent, client.user_agent),
        ] {
            row.set(column, Some(Cell::Text(text.to_owned())));
        }
        for (column, number) in [
            (Column::Generation, new.generation),
            (Column::RenewedAt, new.created_at.get()),
            (Column::IssuedAt, new.issued_at.get()),
            (Column::ExpiresAt, new.expires_at.get()),
            (Column::AccessUntil, new.access_until.get()),
        ] {
            row.set(column, Some(Cell::Integer(number)));
        }
        if !client.address.is_empty() {
            row.set(Column::Address, Some(Cell::Text(client.address.to_owned())));
        }
        row
    }

    /// The part of it that the rules need.
    pub fn row(&self) -> Row {
        let revoked = self.time(Column::RevokedAt);
        Row {
            mode: self.text(Column::Mode).and_then(Mode::from_name),
            generation: self.integer(Column::Generation).unwrap_or_default(),
            renewed_at: self.time(Column::RenewedAt).unwrap_or(self.new.created_at),
            issued_at: self.time(Column::IssuedAt).unwrap_or(self.new.issued_at),
            expires_at: self.time(Column::ExpiresAt).unwrap_or(self.new.expires_at),
            ends_at: self.new.ends_at,
            lifetime: self.new.lifetime,
            rotated_at: self.time(Column::RotatedAt),
            previously_rotated_at: self.time(Column::PreviouslyRotatedAt),
            access_until: self.time(Column::AccessUntil).unwrap_or(self.new.access_until),
            auth_hash: self.text(Column::AuthHash).unwrap_or_default().to_owned(),
            device: self.text(Column::Device).unwrap_or_default().to_owned(),
            address: self.text(Column::Address).map(str::to_owned),
            ended: revoked.map(|_| self.text(Column::RevokedReason).unwrap_or_default().to_owned()),
        }
    }

    /// When a renewal within the grace period came from another device or network.
    pub fn renewed_elsewhere_at(&self) -> Option<Micros> {
        self.time(Column::RenewedElsewhereAt)
    }

    /// Runs an update, and returns the number of changed rows: one or none.
    pub fn update(&mut self, update: &Update, store_now: Micros) -> u64 {
        if !update.conditions.iter().all(|condition| self.holds(condition)) {
            return 0;
        }
        let before = self.cells.clone();
        for (column, value) in &update.changes {
            let held = before.get(column).cloned();
            self.set(
                *column,
                match value {
                    Value::Integer(number) => Some(Cell::Integer(*number)),
                    Value::AtLeast(number) => held.max(Some(Cell::Integer(*number))),
                    Value::Text(text) => Some(Cell::Text(text.clone())),
                    Value::Null => None,
                    Value::Of(other) => before.get(other).cloned(),
                    Value::StoreNow => Some(Cell::Integer(store_now.get())),
                },
            );
        }
        1
    }

    fn holds(&self, condition: &Condition) -> bool {
        match condition {
            Condition::IsNull(column) => !self.cells.contains_key(column),
            Condition::AtMost(column, most) => {
                self.integer(*column).is_some_and(|number| number <= *most)
            }
            Condition::OneOf(column, texts) => {
                self.text(*column).is_some_and(|text| texts.contains(&text))
            }
        }
    }

    fn set(&mut self, column: Column, cell: Option<Cell>) {
        match cell {
            Some(cell) => self.cells.insert(column, cell),
            None => self.cells.remove(&column),
        };
    }

    fn integer(&self, column: Column) -> Option<i64> {
        match self.cells.get(&column)? {
            Cell::Integer(number) => Some(*number),
            Cell::Text(_) => None,
        }
    }

    fn time(&self, column: Column) -> Option<Micros> {
        self.integer(column).map(Micros::new)
    }

    fn text(&self, column: Column) -> Option<&str> {
        match self.cells.get(&column)? {
            Cell::Text(text) => Some(text),
            Cell::Integer(_) => None,
        }
    }
}

//! Reading ended sessions page by page, in the order of the index.

use crate::token::session_id::SessionId;
use crate::types::Micros;

/// An ended session in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedRow {
    /// When it ended, by the store's clock.
    pub revoked_at: Micros,
    /// When its last access token expires.
    pub access_until: Micros,
    /// Which session it is.
    pub id: SessionId,
}

/// A query for ended sessions: the first rows for which all conditions hold.
///
/// The rows are in the order of `revoked_at`, `access_until`, `id`, as the store orders them. The
/// conditions are ranges of an index of these columns, so that a statement begins at its place. No
/// cursor is left open between two pages: no lock of a store is held for long, and a pooler may
/// give each statement another connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// All of these must hold.
    pub conditions: Vec<Condition>,
    /// The greatest number of rows.
    pub size: usize,
}

/// A comparison of one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Of [`EndedRow::revoked_at`]. It never holds for a session that has not ended.
    RevokedAt(Comparison, Micros),
    /// Of [`EndedRow::access_until`].
    AccessUntil(Comparison, Micros),
    /// Of [`EndedRow::id`].
    Id(Comparison, SessionId),
}

/// How a column is compared with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It is that value.
    Equal,
    /// It is that value or a greater one.
    AtLeast,
    /// It is a greater one.
    Above,
    /// It is a smaller one.
    Below,
}

/// What is left to read of a range of rows.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    range: Vec<Condition>,
    size: usize,
    /// What the next page is of.
    part: Part,
    /// What comes after that, the next part last.
    rest: Vec<Part>,
}

/// A part of a range, by the last row that was read.
#[derive(Clone, Copy, Debug)]
enum Part {
    /// All of it.
    All,
    /// The rows that end at one time and whose tokens expire at one time, with a greater id.
    SameUntil(EndedRow),
    /// Those that end at one time, and whose tokens expire later.
    SameEnd(EndedRow),
    /// Those that end later.
    Later(EndedRow),
}

impl Pages {
    /// Of the rows of a range. A page has at least one row.
    pub(super) fn of(range: Vec<Condition>, size: usize) -> Self {
        Self { range, size: size.max(1), part: Part::All, rest: Vec::new() }
    }

    /// The next query.
    pub(super) fn query(&self) -> Page {
        let mut conditions = self.range.clone();
        conditions.extend(self.part.conditions());
        Page { conditions, size: self.size }
    }

    /// The rows of that query are read. Returns false where none are left.
    pub(super) fn advance(&mut self, rows: &[EndedRow]) -> bool {
        if let Some(last) = rows.last().filter(|_| rows.len() >= self.size) {
            // What is beyond the part that was read is on the list already.
            let rest = [Part::Later(*last), Part::SameEnd(*last), Part::SameUntil(*last)];
            self.rest.extend(rest.into_iter().skip(self.part.depth()));
        }
        match self.rest.pop() {
            Some(part) => {
                self.part = part;
                true
            }
            None => false,
        }
    }
}

impl Part {
    /// How many columns are the same in all of its rows.
    fn depth(self) -> usize {
        match self {
            Self::All | Self::Later(_) => 0,
            Self::SameEnd(_) => 1,
            Self::SameUntil(_) => 2,
        }
    }

    /// What its rows are, beside those of the range.
    fn conditions(self) -> Vec<Condition> {
        use Comparison::{Above, Equal};
        use Condition::{AccessUntil, Id, RevokedAt};
        match self {
            Self::All => vec![],
            Self::Later(last) => vec![RevokedAt(Above, last.revoked_at)],
            Self::SameEnd(last) => {
                vec![RevokedAt(Equal, last.revoked_at), AccessUntil(Above, last.access_until)]
            }
            Self::SameUntil(last) => vec![
                RevokedAt(Equal, last.revoked_at),
                AccessUntil(Equal, last.access_until),
                Id(Above, last.id),
            ],
        }
    }
}

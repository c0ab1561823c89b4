//! Values between rows and types: what does not parse names its table, column and row.

use jiff::{Timestamp, civil::Date};
use rusqlite::{
    Row,
    types::{FromSql, ValueRef},
};
use uuid::Uuid;

use crate::store::StoreError;

/// The columns that tell rows of our tables apart, as far as a query has read them. Reads name the key beside the values
/// they need, so that a row that does not parse can be found.
const KEY_COLUMNS: [&str; 9] = ["tenant", "endpoint", "id", "stream", "version", "position", "key", "subject", "day"];

/// A row being read, with the name of its table.
pub(super) struct Reader<'r> {
    table: &'static str,
    row: &'r Row<'r>,
}

impl<'r> Reader<'r> {
    pub(super) fn new(table: &'static str, row: &'r Row<'r>) -> Self {
        Self { table, row }
    }

    pub(super) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.get(column)
    }

    pub(super) fn optional_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        self.get(column)
    }

    pub(super) fn bytes(&self, column: &'static str) -> Result<Vec<u8>, StoreError> {
        self.get(column)
    }

    pub(super) fn integer(&self, column: &'static str) -> Result<i64, StoreError> {
        self.get(column)
    }

    pub(super) fn optional_integer(&self, column: &'static str) -> Result<Option<i64>, StoreError> {
        self.get(column)
    }

    pub(super) fn count(&self, column: &'static str) -> Result<u64, StoreError> {
        u64::try_from(self.integer(column)?).map_err(|_| self.inconsistent(column))
    }

    pub(super) fn id(&self, column: &'static str) -> Result<Uuid, StoreError> {
        Uuid::from_slice(&self.bytes(column)?).map_err(|_| self.inconsistent(column))
    }

    pub(super) fn hash(&self, column: &'static str) -> Result<[u8; 32], StoreError> {
        <[u8; 32]>::try_from(self.bytes(column)?).map_err(|_| self.inconsistent(column))
    }

    pub(super) fn optional_hash(&self, column: &'static str) -> Result<Option<[u8; 32]>, StoreError> {
        let bytes: Option<Vec<u8>> = self.get(column)?;
        bytes.map(|bytes| <[u8; 32]>::try_from(bytes).map_err(|_| self.inconsistent(column))).transpose()
    }

    pub(super) fn half_hash(&self, column: &'static str) -> Result<[u8; 16], StoreError> {
        <[u8; 16]>::try_from(self.bytes(column)?).map_err(|_| self.inconsistent(column))
    }

    pub(super) fn instant(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        Timestamp::from_microsecond(self.integer(column)?).map_err(|_| self.inconsistent(column))
    }

    pub(super) fn optional_instant(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        let micros = self.optional_integer(column)?;
        micros.map(|micros| Timestamp::from_microsecond(micros).map_err(|_| self.inconsistent(column))).transpose()
    }

    pub(super) fn day(&self, column: &'static str) -> Result<Date, StoreError> {
        self.text(column)?.parse().map_err(|_| self.inconsistent(column))
    }

    pub(super) fn parsed<T>(
        &self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, StoreError> {
        parse(&self.text(column)?).ok_or_else(|| self.inconsistent(column))
    }

    /// A value as SQL has it. One of another type is as unreadable as one of the right type that does not parse.
    fn get<T: FromSql>(&self, column: &'static str) -> Result<T, StoreError> {
        self.row.get(column).map_err(|error| match error {
            rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..) => self.inconsistent(column),
            error => error.into(),
        })
    }

    pub(super) fn inconsistent(&self, column: &'static str) -> StoreError {
        let row: Vec<String> = KEY_COLUMNS.iter().filter_map(|name| self.key_part(name)).collect();
        StoreError::Inconsistent { table: self.table, column, row: row.join(" ") }
    }

    fn key_part(&self, name: &str) -> Option<String> {
        match self.row.get_ref(name).ok()? {
            ValueRef::Blob(bytes) => Some(format!("{name} {}", hex::encode(bytes))),
            ValueRef::Text(text) => Some(format!("{name} {}", String::from_utf8_lossy(text))),
            ValueRef::Integer(number) => Some(format!("{name} {number}")),
            ValueRef::Null | ValueRef::Real(_) => None,
        }
    }
}

/// A count as SQL has it; counts of ours never come near the end of 63 bits.
pub(super) fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

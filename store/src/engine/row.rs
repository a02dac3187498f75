//! Rows of either engine, read by column name.

use std::str::FromStr;
use std::sync::Arc;

use rusqlite::types::Value;
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::StoreError;

/// Is a row of either engine.
pub struct Row {
    pub(super) table: &'static str,
    pub(super) of: Of,
}

pub(super) enum Of {
    Sqlite(Taken),
    Postgres(PgRow),
}

/// Is a row of SQLite, taken out of its statement.
pub(super) struct Taken {
    /// The columns' names, shared by all rows of a statement.
    pub(super) names: Arc<[Box<str>]>,
    pub(super) values: Vec<Value>,
}

impl Taken {
    fn get<T: Stored>(&self, column: &str) -> Result<Option<T>, &'static str> {
        let place = self.names.iter().position(|name| **name == *column).ok_or("no such column")?;
        match self.values.get(place).ok_or("no such column")? {
            Value::Null => Ok(None),
            value => T::of(value).map(Some).ok_or("of another type"),
        }
    }
}

/// What a column of SQLite may hold.
trait Stored: Sized {
    fn of(value: &Value) -> Option<Self>;
}

impl Stored for String {
    fn of(value: &Value) -> Option<Self> {
        if let Value::Text(text) = value { Some(text.clone()) } else { None }
    }
}

impl Stored for i64 {
    fn of(value: &Value) -> Option<Self> {
        if let Value::Integer(int) = value { Some(*int) } else { None }
    }
}

impl Stored for Vec<u8> {
    fn of(value: &Value) -> Option<Self> {
        if let Value::Blob(bytes) = value { Some(bytes.clone()) } else { None }
    }
}

macro_rules! column {
    ($name:ident, $nullable:ident, $type:ty) => {
        pub(crate) fn $name(&self, column: &'static str) -> Result<$type, StoreError> {
            self.$nullable(column)?.ok_or_else(|| self.corrupt(column, "is NULL"))
        }

        pub(crate) fn $nullable(&self, column: &'static str) -> Result<Option<$type>, StoreError> {
            match &self.of {
                Of::Sqlite(row) => row.get(column).map_err(|why| self.corrupt(column, why)),
                Of::Postgres(row) => row
                    .try_get::<Option<$type>, _>(column)
                    .map_err(|error| self.corrupt(column, error)),
            }
        }
    };
}

impl Row {
    column!(text, text_or_null, String);
    column!(int, int_or_null, i64);
    column!(bytes, bytes_or_null, Vec<u8>);

    /// Reads a text and parses it.
    pub(crate) fn parsed<T: FromStr>(&self, column: &'static str) -> Result<T, StoreError>
    where
        T::Err: std::fmt::Display,
    {
        self.text(column)?.parse().map_err(|error| self.corrupt(column, error))
    }

    /// Reads a text, if there is one, and parses it.
    pub(crate) fn parsed_or_null<T: FromStr>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, StoreError>
    where
        T::Err: std::fmt::Display,
    {
        let parse = |text: String| text.parse().map_err(|error| self.corrupt(column, error));
        self.text_or_null(column)?.map(parse).transpose()
    }

    /// Reads a number that is never negative.
    pub(crate) fn count(&self, column: &'static str) -> Result<u64, StoreError> {
        u64::try_from(self.int(column)?).map_err(|error| self.corrupt(column, error))
    }

    /// Reads a number that is never negative, if there is one.
    pub(crate) fn count_or_null(&self, column: &'static str) -> Result<Option<u64>, StoreError> {
        let count = |int| u64::try_from(int).map_err(|error| self.corrupt(column, error));
        self.int_or_null(column)?.map(count).transpose()
    }

    /// Reads a SHA-256 value.
    pub(crate) fn digest(&self, column: &'static str) -> Result<[u8; 32], StoreError> {
        self.bytes(column)?
            .try_into()
            .map_err(|_| self.corrupt(column, "not the 32 octets of a digest"))
    }

    /// Reads a 0 or 1.
    pub(crate) fn flag(&self, column: &'static str) -> Result<bool, StoreError> {
        match self.int(column)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.corrupt(column, "neither 0 nor 1")),
        }
    }

    /// Blames the row.
    pub(crate) fn corrupt(&self, column: &'static str, why: impl std::fmt::Display) -> StoreError {
        StoreError::Corrupt { table: self.table, why: format!("{column}: {why}") }
    }
}

//! A statement with its arguments, not yet typed for an engine.

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::StoreError;

/// Octets that an indexed text may have.
const MAX_KEY: usize = 1024;

/// Is one argument: what both engines store alike.
pub(super) enum Value {
    Text(Option<String>),
    Int(Option<i64>),
    Bytes(Option<Vec<u8>>),
}

impl Value {
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.as_ref().map_or(0, String::len),
            Self::Int(_) => 8,
            Self::Bytes(bytes) => bytes.as_ref().map_or(0, Vec::len),
        }
    }
}

/// Is a statement on one table, with its arguments in order.
pub struct Statement {
    pub(super) table: &'static str,
    pub(super) sql: SqlStr,
    pub(super) values: Vec<Value>,
    fault: Option<StoreError>,
}

impl Statement {
    /// Takes a fixed text.
    pub(crate) fn new(table: &'static str, sql: &'static str) -> Self {
        Self { table, sql: sql.into_sql_str(), values: Vec::new(), fault: None }
    }

    /// Takes a text put together from fixed pieces; arguments never stand in it.
    pub(crate) fn built(table: &'static str, sql: std::sync::Arc<str>) -> Self {
        Self { table, sql: AssertSqlSafe(sql).into_sql_str(), values: Vec::new(), fault: None }
    }

    pub(crate) fn text(self, text: impl Into<String>) -> Self {
        self.text_or_null(Some(text))
    }

    pub(crate) fn text_or_null(mut self, text: Option<impl Into<String>>) -> Self {
        let text: Option<String> = text.map(Into::into);
        // PostgreSQL's TEXT cannot hold U+0000 and SQLite's can: refused alike on both.
        if text.as_ref().is_some_and(|text| text.contains('\0')) {
            self.fault = Some(StoreError::Malformed("a text holds the character U+0000"));
        }
        self.values.push(Value::Text(text));
        self
    }

    /// Adds a text of the caller's that an index holds; PostgreSQL's indexes take no long ones.
    pub(crate) fn key(mut self, text: impl Into<String>) -> Self {
        let text = text.into();
        if text.len() > MAX_KEY {
            self.fault = Some(StoreError::Malformed("a key is longer than 1,024 octets"));
        }
        self.text(text)
    }

    pub(crate) fn int(self, int: i64) -> Self {
        self.int_or_null(Some(int))
    }

    pub(crate) fn int_or_null(mut self, int: Option<i64>) -> Self {
        self.values.push(Value::Int(int));
        self
    }

    /// Adds a journal position, a CRL number: unsigned, and below 2^63 in the database.
    pub(crate) fn count(mut self, count: u64) -> Self {
        match i64::try_from(count) {
            Ok(int) => self.int(int),
            Err(_) => {
                self.fault = Some(StoreError::Malformed("a number is above 2^63 - 1"));
                self
            }
        }
    }

    pub(crate) fn count_or_null(self, count: Option<u64>) -> Self {
        match count {
            Some(count) => self.count(count),
            None => self.int_or_null(None),
        }
    }

    pub(crate) fn bytes(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.bytes_or_null(Some(bytes))
    }

    pub(crate) fn bytes_or_null(mut self, bytes: Option<impl Into<Vec<u8>>>) -> Self {
        self.values.push(Value::Bytes(bytes.map(Into::into)));
        self
    }

    pub(super) fn checked(self) -> Result<Self, StoreError> {
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(self),
        }
    }
}

//! The two databases behind one face.
//!
//! Every statement is one text for both, with `$1` placeholders, TEXT, BIGINT and bytes only. What
//! truly differs has a function with two arms.
//!
//! PostgreSQL is asked through sqlx. SQLite is a function call away and is called as one: a driver
//! that hands each statement to a thread costs more than the statement (docs/adr/0021).

mod difference;
mod postgres;
mod readers;
mod row;
mod sqlite;
mod statement;

use sqlx::PgConnection;

pub(crate) use difference::{
    Engine, lock_migrations, placeholders, relax_durability, take_turns, unindexed,
};
pub(crate) use postgres::open_pool;
pub(crate) use readers::Readers;
pub(crate) use row::Row;
pub(crate) use sqlite::{make_file, open_writer};
pub(crate) use statement::Statement;

use crate::StoreError;

/// Is a borrowed connection to either engine.
pub(crate) enum Connection<'c> {
    Sqlite(&'c mut rusqlite::Connection),
    Postgres(&'c mut PgConnection),
}

impl Connection<'_> {
    /// Runs a statement and counts the rows that it changed.
    pub(crate) async fn execute(&mut self, statement: Statement) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(c) => sqlite::execute(c, statement),
            Self::Postgres(c) => postgres::execute(c, statement).await,
        }
    }

    /// Runs a statement and takes all rows.
    pub(crate) async fn rows(&mut self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(c) => sqlite::rows(c, statement),
            Self::Postgres(c) => postgres::rows(c, statement).await,
        }
    }

    /// Runs a script of several statements without arguments.
    pub(crate) async fn script(&mut self, text: &'static str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(c) => c.execute_batch(text)?,
            Self::Postgres(c) => sqlx::raw_sql(text).execute(&mut **c).await.map(drop)?,
        }
        Ok(())
    }

    pub(crate) const fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }
}

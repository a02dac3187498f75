//! The two databases behind one face.
//!
//! Every statement is one text for both, with `$1` placeholders, TEXT, BIGINT and bytes only. The
//! macro below types it once for each engine; what truly differs has a function with two arms.

mod difference;
mod postgres;
mod row;
mod sqlite;
mod statement;

use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, Encode, PgConnection, Postgres, Sqlite, SqliteConnection, Type};

pub(crate) use difference::{
    Engine, lock_migrations, placeholders, relax_durability, take_turns, unindexed,
};
pub(crate) use postgres::open_pool;
pub(crate) use row::Row;
pub(crate) use sqlite::{make_file, open_readers, open_writer};
pub(crate) use statement::Statement;
use statement::Value;

use crate::StoreError;

/// Is a borrowed connection to either engine.
pub(crate) enum Connection<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

/// Types one statement for either engine.
macro_rules! typed {
    ($connection:expr, $statement:ident, |$c:ident, $query:ident, $row:ident| $act:expr) => {
        match $connection {
            Connection::Sqlite($c) => {
                let arguments: SqliteArguments = bind($statement.values)?;
                let $query = sqlx::query_with::<Sqlite, _>($statement.sql, arguments);
                let $row = row::Of::Sqlite;
                $act
            }
            Connection::Postgres($c) => {
                let arguments: PgArguments = bind($statement.values)?;
                let $query = sqlx::query_with::<Postgres, _>($statement.sql, arguments);
                let $row = row::Of::Postgres;
                $act
            }
        }
    };
}

impl Connection<'_> {
    /// Runs a statement and counts the rows that it changed.
    pub(crate) async fn execute(&mut self, statement: Statement) -> Result<u64, StoreError> {
        let statement = statement.checked()?;
        typed!(self, statement, |c, query, _row| {
            Ok(query.execute(&mut **c).await?.rows_affected())
        })
    }

    /// Runs a statement and takes all rows.
    pub(crate) async fn rows(&mut self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        let statement = statement.checked()?;
        let table = statement.table;
        typed!(self, statement, |c, query, row| {
            let rows = query.fetch_all(&mut **c).await?;
            Ok(rows.into_iter().map(|found| Row { table, of: row(found) }).collect())
        })
    }

    /// Runs a script of several statements without arguments.
    pub(crate) async fn script(&mut self, text: &'static str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(c) => sqlx::raw_sql(text).execute(&mut **c).await.map(drop)?,
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

fn bind<'q, A>(values: Vec<Value>) -> Result<A, StoreError>
where
    A: Arguments,
    Option<String>: Encode<'q, A::Database> + Type<A::Database>,
    Option<i64>: Encode<'q, A::Database> + Type<A::Database>,
    Option<Vec<u8>>: Encode<'q, A::Database> + Type<A::Database>,
{
    let mut arguments = A::default();
    arguments.reserve(values.len(), values.iter().map(Value::size).sum());
    for value in values {
        match value {
            Value::Text(text) => arguments.add(text),
            Value::Int(int) => arguments.add(int),
            Value::Bytes(bytes) => arguments.add(bytes),
        }
        .map_err(|error| StoreError::from(sqlx::Error::Encode(error)))?;
    }
    Ok(arguments)
}

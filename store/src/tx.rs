//! Transactions, and the two places that rows are read from.

use std::future::Future;
use std::pin::Pin;

use sqlx::Postgres;

use crate::engine::{Connection, Engine, Row, Statement};
use crate::{Store, StoreError};

/// Is a future in a box, as the closures of [`Store::write`] give it.
pub type BoxFuture<'t, T> = Pin<Box<dyn Future<Output = T> + Send + 't>>;

/// Is a transaction under way; ends with the closure that was given to [`Store::write`].
pub struct Tx(pub(crate) Held);

pub(crate) enum Held {
    Sqlite(rusqlite::Connection),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Tx {
    pub(crate) fn connection(&mut self) -> Connection<'_> {
        match &mut self.0 {
            Held::Sqlite(connection) => Connection::Sqlite(connection),
            Held::Postgres(transaction) => Connection::Postgres(transaction),
        }
    }

    pub(crate) fn engine(&mut self) -> Engine {
        self.connection().engine()
    }

    pub(crate) async fn execute(&mut self, statement: Statement) -> Result<u64, StoreError> {
        self.connection().execute(statement).await
    }

    pub(crate) async fn rows(&mut self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        self.connection().rows(statement).await
    }

    /// Runs a statement that must change one row.
    pub(crate) async fn change_one(
        &mut self,
        statement: Statement,
        otherwise: StoreError,
    ) -> Result<(), StoreError> {
        match self.execute(statement).await? {
            0 => Err(otherwise),
            _ => Ok(()),
        }
    }
}

/// Is what rows are read from: `&Store` sees what is committed, `&mut Tx` its own writes too.
pub trait Source: sealed::Rows {}

impl Source for &Store {}
impl Source for &mut Tx {}

pub(crate) mod sealed {
    use super::{Engine, Future, Row, Statement, Store, StoreError, Tx};

    pub trait Rows: Send {
        fn read(
            self,
            statement: Statement,
        ) -> impl Future<Output = Result<Vec<Row>, StoreError>> + Send;

        /// Reads what one look-up by an index finds: few rows, none of them large.
        fn look_up(
            self,
            statement: Statement,
        ) -> impl Future<Output = Result<Vec<Row>, StoreError>> + Send;

        fn engine_of(&mut self) -> Engine;
    }

    impl Rows for &Store {
        async fn read(self, statement: Statement) -> Result<Vec<Row>, StoreError> {
            self.rows(statement).await
        }

        async fn look_up(self, statement: Statement) -> Result<Vec<Row>, StoreError> {
            self.look_up(statement).await
        }

        fn engine_of(&mut self) -> Engine {
            self.engine()
        }
    }

    impl Rows for &mut Tx {
        async fn read(self, statement: Statement) -> Result<Vec<Row>, StoreError> {
            self.rows(statement).await
        }

        async fn look_up(self, statement: Statement) -> Result<Vec<Row>, StoreError> {
            self.rows(statement).await
        }

        fn engine_of(&mut self) -> Engine {
            self.engine()
        }
    }
}

/// Looks at most one row up.
pub(crate) async fn one(
    from: impl Source,
    statement: Statement,
) -> Result<Option<Row>, StoreError> {
    Ok(from.look_up(statement).await?.into_iter().next())
}

//! How PostgreSQL is opened and asked.

use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Arguments as _, ConnectOptions, PgConnection};

use super::row::{Of, Row};
use super::statement::{Statement, Value};
use crate::StoreError;

/// How long a caller waits for a connection before it hears that there is none.
const ACQUIRE: Duration = Duration::from_secs(5);

/// Opens a pool; proves by one connection that the server answers.
pub(crate) async fn open_pool(
    options: &PgConnectOptions,
    connections: u32,
) -> Result<PgPool, sqlx::Error> {
    let options = options.clone().application_name("chancery").disable_statement_logging();
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE)
        .after_connect(|connection, _| {
            Box::pin(async move {
                // Where the server's default gives up durability for speed we do not take part;
                // stronger settings than `on` stay.
                sqlx::query(
                    "SELECT set_config('synchronous_commit', 'on', false) \
                     WHERE current_setting('synchronous_commit') = 'off'",
                )
                .execute(connection)
                .await
                .map(drop)
            })
        })
        .connect_with(options)
        .await
}

pub(super) async fn execute(
    connection: &mut PgConnection,
    statement: Statement,
) -> Result<u64, StoreError> {
    let statement = statement.checked()?;
    let query = sqlx::query_with(statement.sql, bind(statement.values)?);
    Ok(query.execute(connection).await?.rows_affected())
}

pub(super) async fn rows(
    connection: &mut PgConnection,
    statement: Statement,
) -> Result<Vec<Row>, StoreError> {
    let Statement { table, sql, values, .. } = statement.checked()?;
    let rows = sqlx::query_with(sql, bind(values)?).fetch_all(connection).await?;
    Ok(rows.into_iter().map(|row| Row { table, of: Of::Postgres(row) }).collect())
}

fn bind(values: Vec<Value>) -> Result<PgArguments, StoreError> {
    let mut arguments = PgArguments::default();
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

//! How PostgreSQL is opened.

use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

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

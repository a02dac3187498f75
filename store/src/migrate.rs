//! The schema's steps, applied at start.

use crate::engine::{Connection, Engine, Statement, lock_migrations};
use crate::{OpenError, StoreError};

/// Is one step of the schema: the same tables, spelled for each engine.
struct Migration {
    version: i64,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migrations {
    ($($version:literal: $file:literal,)*) => {
        &[$(Migration {
            version: $version,
            sqlite: include_str!(concat!("../migrations/sqlite/", $file)),
            postgres: include_str!(concat!("../migrations/postgres/", $file)),
        },)*]
    };
}

/// All steps in order; a step that was ever released never changes.
const MIGRATIONS: &[Migration] = migrations! {
    1: "0001_inventory.sql",
    2: "0002_journal_order.sql",
    3: "0003_acme.sql",
    4: "0004_rings.sql",
};

/// Gives the newest schema that this program knows.
pub(crate) fn supported() -> i64 {
    MIGRATIONS.last().map_or(0, |last| last.version)
}

/// Brings the schema up to date, each step with its mark in the caller's transaction.
pub(crate) async fn migrate(connection: &mut Connection<'_>, now: i64) -> Result<(), OpenError> {
    let failed = |version| move |source| OpenError::Migration { version, source };
    lock_migrations(connection).await.map_err(failed(0))?;
    let found = current(connection).await.map_err(failed(0))?;
    if found > supported() {
        return Err(OpenError::SchemaNewer { found, supported: supported() });
    }
    for step in MIGRATIONS.iter().filter(|step| step.version > found) {
        apply(connection, step, now).await.map_err(failed(step.version))?;
        tracing::info!(version = step.version, "applied a migration");
    }
    Ok(())
}

async fn current(connection: &mut Connection<'_>) -> Result<i64, StoreError> {
    connection
        .script(
            "CREATE TABLE IF NOT EXISTS schema_migrations (
                 version BIGINT NOT NULL PRIMARY KEY,
                 applied_at BIGINT NOT NULL
             )",
        )
        .await?;
    let newest = "SELECT COALESCE(MAX(version), 0) AS version FROM schema_migrations";
    let rows = connection.rows(Statement::new("schema_migrations", newest)).await?;
    rows.first().map_or(Ok(0), |row| row.int("version"))
}

async fn apply(
    connection: &mut Connection<'_>,
    step: &Migration,
    now: i64,
) -> Result<(), StoreError> {
    connection
        .script(match connection.engine() {
            Engine::Sqlite => step.sqlite,
            Engine::Postgres => step.postgres,
        })
        .await?;
    let mark = "INSERT INTO schema_migrations (version, applied_at) VALUES ($1, $2)";
    let mark = Statement::new("schema_migrations", mark).int(step.version).int(now);
    connection.execute(mark).await.map(drop)
}

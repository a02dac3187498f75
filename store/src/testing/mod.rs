//! Databases and a clock for tests, this crate's and others' (feature `testing`).

mod postgres;

use std::sync::atomic::{AtomicU64, Ordering};

use model::Clock;

pub use postgres::{Postgres, PostgresMissing};

use crate::engine::Statement;
use crate::tx::one;
use crate::{DatabaseUrl, Store};

/// Is a clock that tests set, in Unix milliseconds.
#[derive(Debug)]
pub struct TestClock(AtomicU64);

impl TestClock {
    /// Makes a clock that stands at the time.
    #[must_use]
    pub const fn at_millis(unix_millis: u64) -> Self {
        Self(AtomicU64::new(unix_millis))
    }

    /// Moves the clock on.
    pub fn advance_millis(&self, millis: u64) {
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}

impl Default for TestClock {
    /// Stands at 2027-01-15T08:00:00Z.
    fn default() -> Self {
        Self::at_millis(1_800_000_000_000)
    }
}

impl Clock for TestClock {
    fn unix_millis(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Opens a store that tests have for themselves.
///
/// # Panics
/// If it does not open.
pub async fn open(url: &DatabaseUrl) -> Store {
    Store::open(url, TestClock::default()).await.unwrap_or_else(|error| {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        panic!("{url}: {error}: {}", source.unwrap_or_default())
    })
}

/// Does to a database what somebody does who has a way into it; gives how many rows changed.
///
/// # Panics
/// If the statement fails.
pub async fn tamper(store: &Store, sql: &str) -> u64 {
    let statement = Statement::built("certificates", sql.into());
    let changed = store.write(move |tx| Box::pin(async move { tx.execute(statement).await }));
    changed.await.unwrap_or_else(|error| panic!("{error}"))
}

/// Counts the rows that were inserted, changed or deleted since the store opened; those of what was
/// rolled back count, too. SQLite alone tells it: all is written by one connection there.
///
/// # Panics
/// If the database is another, or does not answer.
pub async fn written(store: &Store) -> i64 {
    let statement = Statement::new("certificates", "SELECT total_changes() AS written");
    let read = store.write(move |tx| {
        Box::pin(async move { one(tx, statement).await?.expect("one row").int("written") })
    });
    read.await.unwrap_or_else(|error| panic!("{error}"))
}

/// Makes a fresh PostgreSQL database on the shared test server; nothing, with a line that says
/// so, where PostgreSQL is not installed.
///
/// # Panics
/// If it is not installed and `CHANCERY_NO_SKIP=1` forbids skipping, or it does not work.
pub async fn fresh_postgres() -> Option<DatabaseUrl> {
    // Starting blocks for a second; test runtimes are small.
    let server = tokio::task::spawn_blocking(Postgres::shared).await.expect("no panic");
    match server {
        Ok(server) => Some(server.fresh_database().await),
        Err(missing) => {
            skip(&missing);
            None
        }
    }
}

/// Says that a test is skipped for want of PostgreSQL, or panics where that is forbidden.
///
/// # Panics
/// If `CHANCERY_NO_SKIP=1`.
pub fn skip(missing: &PostgresMissing) {
    let strict = std::env::var("CHANCERY_NO_SKIP").is_ok_and(|value| value == "1");
    assert!(!strict, "CHANCERY_NO_SKIP=1 and PostgreSQL is missing: {missing}");
    eprintln!("SKIPPED: postgresql: {missing}");
}

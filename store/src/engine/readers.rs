//! The connections that read a SQLite file.
//!
//! A look-up by an index is a few pages that are in memory: it runs where it is asked for, since
//! handing it to a thread would cost more. What may walk many rows runs in a thread that may block.

use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::row::Row;
use super::sqlite::{self, open_reader};
use super::statement::Statement;
use crate::StoreError;

/// Connections for what may take long; for look-ups as many at least, and one for each of the
/// runtime's threads, so that none waits for another.
const EACH: usize = 4;

/// Is all connections that read a file; cheap to clone.
#[derive(Clone)]
pub(crate) struct Readers(Arc<Inner>);

struct Inner {
    near: Connections,
    far: Connections,
    /// One for each of the far connections: more threads would only wait for them.
    places: Arc<Semaphore>,
}

/// Some connections; none in a place once it was closed.
struct Connections(Vec<Mutex<Option<rusqlite::Connection>>>);

impl Readers {
    /// Opens them.
    pub(crate) fn open(file: &Path) -> rusqlite::Result<Self> {
        let threads = std::thread::available_parallelism().map_or(EACH, NonZero::get);
        let near = Connections::open(file, threads.max(EACH))?;
        let far = Connections::open(file, EACH)?;
        Ok(Self(Arc::new(Inner { near, far, places: Arc::new(Semaphore::new(EACH)) })))
    }

    /// Looks something up here and now.
    pub(crate) fn look_up(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        self.0.near.with(|connection| sqlite::rows(connection, statement))
    }

    /// Runs what may take long.
    pub(crate) async fn walk<T, F>(&self, act: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&rusqlite::Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let places = Arc::clone(&self.0.places);
        let place = places.acquire_owned().await.map_err(|_| StoreError::closed())?;
        let inner = Arc::clone(&self.0);
        let walked = spawn_blocking(move || {
            let _place = place;
            inner.far.with(act)
        });
        match walked.await {
            Ok(outcome) => outcome,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(StoreError::closed()),
            },
        }
    }

    /// Runs a statement that may take long.
    pub(crate) async fn rows(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        self.walk(move |connection| sqlite::rows(connection, statement)).await
    }

    /// Closes them; what runs ends first.
    pub(crate) fn close(&self) {
        for connections in [&self.0.near, &self.0.far] {
            for place in &connections.0 {
                place.lock().unwrap_or_else(PoisonError::into_inner).take();
            }
        }
    }
}

impl Connections {
    fn open(file: &Path, number: usize) -> rusqlite::Result<Self> {
        let one = |_| open_reader(file).map(|connection| Mutex::new(Some(connection)));
        (0..number).map(one).collect::<rusqlite::Result<_>>().map(Self)
    }

    /// Uses one that is idle, or waits for the first.
    fn with<T>(
        &self,
        act: impl FnOnce(&rusqlite::Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.0.iter().find_map(|place| match place.try_lock() {
            Ok(held) => Some(held),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        });
        let first =
            || self.0.first().map(|place| place.lock().unwrap_or_else(PoisonError::into_inner));
        let held = idle.or_else(first);
        let connection = held.as_ref().and_then(|held| held.as_ref());
        act(connection.ok_or_else(StoreError::closed)?)
    }
}

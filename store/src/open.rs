//! The store: opened once, shared by all.

use std::path::Path;

use model::Clock;
use sqlx::postgres::PgPool;
use tokio::sync::{mpsc, oneshot};

use crate::engine::{Connection, Engine, Readers, Row, Statement};
use crate::group::{self, Job};
use crate::issued::{NewIssued, Recorded};
use crate::tx::{BoxFuture, Held, Tx};
use crate::url::Place;
use crate::{DatabaseUrl, OpenError, StoreError, engine, migrate};

/// PostgreSQL connections for everything but recording.
const POSTGRES_CONNECTIONS: u32 = 12;
/// Jobs that may wait for the writer before callers wait to hand theirs in.
const QUEUE: usize = 1024;

/// Is the open database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    source: Source,
    writer: mpsc::Sender<Job>,
}

#[derive(Clone)]
enum Source {
    /// A database in memory has one connection: the writer's.
    Memory,
    Sqlite(Readers),
    Postgres(PgPool),
}

impl Store {
    /// Opens the database, makes it if it is a file that is not there, and brings its schema up to
    /// date.
    ///
    /// Spawns the writer on the current tokio runtime.
    ///
    /// # Errors
    /// [`OpenError`] says whose fault it is; `SchemaNewer` leaves the database as it was.
    pub async fn open(url: &DatabaseUrl, clock: impl Clock) -> Result<Self, OpenError> {
        let now = clock.now().0;
        match &url.0 {
            Place::Memory => {
                let connection = migrated_sqlite(None, now).await?;
                Ok(Self { source: Source::Memory, writer: spawn_sqlite(connection) })
            }
            Place::File(path) => {
                engine::make_file(path).map_err(|source| OpenError::File {
                    path: path.display().to_string(),
                    source,
                })?;
                let connection = migrated_sqlite(Some(path), now).await?;
                let readers = Readers::open(path)?;
                Ok(Self { source: Source::Sqlite(readers), writer: spawn_sqlite(connection) })
            }
            Place::Postgres(options) => {
                let pool = engine::open_pool(options, POSTGRES_CONNECTIONS).await?;
                let mut transaction = pool.begin().await?;
                migrate::migrate(&mut Connection::Postgres(&mut transaction), now).await?;
                transaction.commit().await?;
                // One connection of its own: its many prepared statements exist only once.
                let recorder = engine::open_pool(options, 1).await?;
                let (writer, jobs) = mpsc::channel(QUEUE);
                tokio::spawn(group::run_postgres(recorder, jobs));
                Ok(Self { source: Source::Postgres(pool), writer })
            }
        }
    }

    /// Runs one transaction: commits what the closure did if it gives `Ok`, else undoes it.
    ///
    /// On SQLite it shares its commit with others that wait at the same time; each is undone alone.
    /// Dropping the future does not undo a transaction that SQLite's writer has begun.
    ///
    /// # Errors
    /// What the closure gave, or [`StoreError::Unavailable`] if the commit failed.
    pub async fn write<T, F>(&self, act: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
    {
        let Source::Postgres(pool) = &self.source else {
            let (job, answer) = group::act(act);
            self.hand_in(job).await?;
            return match answer.await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                Err(_) => Err(StoreError::closed()),
            };
        };
        let mut tx = Tx(Held::Postgres(pool.begin().await?));
        let value = act(&mut tx).await?;
        group::commit_postgres(tx).await?;
        Ok(value)
    }

    /// Records a certificate with its names, audit event and idempotency entry.
    ///
    /// Calls that wait at the same time share statements and one commit. Recording the same
    /// certificate again is a success and changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the issuer and serial, the id or the idempotency key stand for
    /// something else, or the issuer is unknown; a conflict does not touch others in the group.
    pub async fn record_issued(&self, issued: NewIssued) -> Result<Recorded, StoreError> {
        let (answer, outcome) = oneshot::channel();
        self.hand_in(Job::Record(Box::new(issued), answer)).await?;
        outcome.await.map_err(|_| StoreError::closed())?
    }

    /// Tells whether several servers may share the database.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.source, Source::Postgres(_))
    }

    /// Tells whether the database answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let newest = "SELECT MAX(version) AS version FROM schema_migrations";
        self.rows(Statement::new("schema_migrations", newest)).await.map(drop)
    }

    /// Gives the version of the schema that this program works with.
    #[must_use]
    pub fn schema_version() -> i64 {
        migrate::supported()
    }

    /// Copies a SQLite database, as of now, into a new file; PostgreSQL has its own tools.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] on another engine or for a path that is not UTF-8;
    /// [`StoreError::Unavailable`] if the file exists or cannot be written.
    pub async fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        let Source::Sqlite(readers) = &self.source else {
            return Err(StoreError::Malformed("only a SQLite file is copied; use pg_dump"));
        };
        let path = path.to_str().ok_or(StoreError::Malformed("the path is not UTF-8"))?;
        readers.rows(Statement::new("certificates", "VACUUM INTO $1").text(path)).await.map(drop)
    }

    /// Waits until all that was handed in is committed, and closes the connections.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.writer.send(Job::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
        match &self.source {
            Source::Memory => {}
            Source::Sqlite(readers) => readers.close(),
            Source::Postgres(pool) => pool.close().await,
        }
    }

    pub(crate) fn engine(&self) -> Engine {
        match self.source {
            Source::Memory | Source::Sqlite(_) => Engine::Sqlite,
            Source::Postgres(_) => Engine::Postgres,
        }
    }

    pub(crate) async fn rows(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        match &self.source {
            Source::Memory => {
                self.write(move |tx| Box::pin(async move { tx.rows(statement).await })).await
            }
            Source::Sqlite(readers) => readers.rows(statement).await,
            Source::Postgres(pool) => {
                let mut connection = pool.acquire().await?;
                Connection::Postgres(&mut connection).rows(statement).await
            }
        }
    }

    /// Reads what one look-up by an index finds.
    pub(crate) async fn look_up(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        match &self.source {
            Source::Sqlite(readers) => readers.look_up(statement),
            Source::Memory | Source::Postgres(_) => self.rows(statement).await,
        }
    }

    async fn hand_in(&self, job: Job) -> Result<(), StoreError> {
        self.writer.send(job).await.map_err(|_| StoreError::closed())
    }
}

fn spawn_sqlite(connection: rusqlite::Connection) -> mpsc::Sender<Job> {
    let (writer, jobs) = mpsc::channel(QUEUE);
    tokio::spawn(group::run_sqlite(connection, jobs));
    writer
}

async fn migrated_sqlite(file: Option<&Path>, now: i64) -> Result<rusqlite::Connection, OpenError> {
    let mut connection = engine::open_writer(file)?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    migrate::migrate(&mut Connection::Sqlite(&mut connection), now).await?;
    connection.execute_batch("COMMIT")?;
    Ok(connection)
}

//! How SQLite is opened.

use std::io;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, SqliteConnection};

/// Pages in the write-ahead log before a checkpoint (32 MiB): pages that change in every group
/// are then written back once for many groups.
const CHECKPOINT_PAGES: &str = "8192";
/// Readers at once; each is a thread.
const READERS: u32 = 4;

/// Makes the database file, readable by its owner only; SQLite gives the same mode to its log.
pub(crate) fn make_file(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    Ok(())
}

/// Opens the one connection that writes.
pub(crate) async fn open_writer(file: Option<&Path>) -> Result<SqliteConnection, sqlx::Error> {
    options(file)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        .pragma("cache_size", "-32768")
        // Cached: one statement a table and group size, see `bulk`.
        .statement_cache_capacity(256)
        .connect()
        .await
}

/// Opens the connections that read.
pub(crate) async fn open_readers(file: &Path) -> Result<SqlitePool, sqlx::Error> {
    let options = options(Some(file)).read_only(true).pragma("cache_size", "-4096");
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .test_before_acquire(false)
        .connect_with(options)
        .await
}

fn options(file: Option<&Path>) -> SqliteConnectOptions {
    let options = match file {
        Some(path) => SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal),
        None => SqliteConnectOptions::new().in_memory(true),
    };
    options
        // FULL syncs the log at every commit: what was answered survives a power cut.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging()
}

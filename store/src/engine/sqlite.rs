//! How SQLite is opened and asked.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, Value as Cell, ValueRef};
use rusqlite::{Connection, OpenFlags, Rows, ToSql};

use super::row::{Of, Row, Taken};
use super::statement::{Statement, Value};
use crate::StoreError;

/// Pages in the write-ahead log before a checkpoint (32 MiB): pages that change in every group
/// are then written back once for many groups.
const CHECKPOINT_PAGES: i64 = 8192;
/// KiB of pages that the writer keeps, as SQLite wants them written. A commit after pages of an index
/// were split looks through all of them; one that is not here is read from the system's cache.
const WRITERS_CACHE: i64 = -8_192;
/// KiB of pages that a reader keeps.
const READERS_CACHE: i64 = -4_096;
/// Prepared statements that a connection keeps: one a table and group size, see `bulk`.
const STATEMENTS: usize = 256;
/// How long a connection waits for another process, such as one that makes a copy.
const BUSY: Duration = Duration::from_secs(10);

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
pub(crate) fn open_writer(file: Option<&Path>) -> rusqlite::Result<Connection> {
    // No mutex of SQLite's own: a connection is never in two threads' hands.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match file {
        Some(path) => {
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(BUSY)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection
        }
        None => Connection::open_in_memory_with_flags(flags)?,
    };
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "cache_size", WRITERS_CACHE)?;
    configure(connection)
}

/// Opens a connection that reads.
pub(super) fn open_reader(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "cache_size", READERS_CACHE)?;
    configure(connection)
}

fn configure(connection: Connection) -> rusqlite::Result<Connection> {
    // FULL syncs the log at every commit: what was answered survives a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Runs a statement and counts the rows that it changed.
pub(super) fn execute(connection: &Connection, statement: Statement) -> Result<u64, StoreError> {
    let statement = statement.checked()?;
    let mut prepared = connection.prepare_cached(statement.sql.as_str())?;
    let mut rows = bound(&mut prepared, &statement.values)?;
    while rows.next()?.is_some() {}
    drop(rows);
    drop(prepared);
    Ok(connection.changes())
}

/// Runs a statement and takes all rows.
pub(super) fn rows(connection: &Connection, statement: Statement) -> Result<Vec<Row>, StoreError> {
    let Statement { table, sql, values, .. } = statement.checked()?;
    let mut prepared = connection.prepare_cached(sql.as_str())?;
    let names: Arc<[Box<str>]> = prepared.column_names().into_iter().map(Box::from).collect();
    let mut found = bound(&mut prepared, &values)?;
    let mut taken = Vec::new();
    while let Some(row) = found.next()? {
        let cell = |place| {
            let cell = Cell::try_from(row.get_ref(place)?);
            cell.map_err(|why| StoreError::Corrupt { table, why: why.to_string() })
        };
        let values = (0..names.len()).map(cell).collect::<Result<_, StoreError>>()?;
        taken.push(Row { table, of: Of::Sqlite(Taken { names: Arc::clone(&names), values }) });
    }
    Ok(taken)
}

/// Binds arguments by the number in the placeholder's name, or in order where it has none: for
/// SQLite `$7` is a name, and its places count from the first that it meets.
fn bound<'s>(
    prepared: &'s mut rusqlite::CachedStatement<'_>,
    values: &[Value],
) -> rusqlite::Result<Rows<'s>> {
    for place in 1..=prepared.parameter_count() {
        let number = match prepared.parameter_name(place) {
            Some(name) => name.trim_start_matches('$').parse().unwrap_or(0),
            None => place,
        };
        let value = number.checked_sub(1).and_then(|index: usize| values.get(index));
        let value = value.ok_or(rusqlite::Error::InvalidParameterCount(values.len(), place))?;
        prepared.raw_bind_parameter(place, value)?;
    }
    Ok(prepared.raw_query())
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match self {
            Self::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
            Self::Int(Some(int)) => ValueRef::Integer(*int),
            Self::Bytes(Some(bytes)) => ValueRef::Blob(bytes),
            Self::Text(None) | Self::Int(None) | Self::Bytes(None) => ValueRef::Null,
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_bound_by_their_number() {
        let connection = open_writer(None).expect("a database");
        let sql = "SELECT $2 AS two, $1 AS one, $2 AS again, $3 AS none";
        let statement =
            Statement::new("none", sql).text("first").int(2).bytes_or_null(None::<[u8; 0]>);
        let rows = rows(&connection, statement).expect("a row");
        let [row] = &rows[..] else { panic!("one row") };
        assert_eq!((row.int("two").ok(), row.int("again").ok()), (Some(2), Some(2)));
        assert_eq!(row.text("one").ok().as_deref(), Some("first"));
        assert!(matches!(row.bytes_or_null("none"), Ok(None)));
        // A NULL is not nothing, another type not itself, and a missing column not NULL.
        for wrong in [row.bytes("none").err(), row.bytes("one").err(), row.bytes("more").err()] {
            assert!(matches!(wrong, Some(StoreError::Corrupt { table: "none", .. })), "{wrong:?}");
        }
        let less = Statement::new("none", "SELECT $2 AS two").int(1);
        assert!(matches!(super::rows(&connection, less), Err(StoreError::Unavailable(_))));
    }

    #[test]
    fn the_library_is_built_as_the_workspace_says() {
        let connection = open_writer(None).expect("a database");
        let options = rows(&connection, Statement::new("options", "PRAGMA compile_options"));
        let options = options.expect("rows");
        let is_there =
            |row: &Row| row.text("compile_options").is_ok_and(|o| o == "DEFAULT_MEMSTATUS=0");
        // .cargo/config.toml has it in one variable with fdatasync, of which there is no word here.
        assert!(options.iter().any(is_there), "LIBSQLITE3_FLAGS did not reach the build");
    }

    #[test]
    fn changed_rows_are_those_of_the_statement() {
        let connection = open_writer(None).expect("a database");
        let run = |sql| execute(&connection, Statement::new("t", sql)).expect("it runs");
        run("CREATE TABLE t (a INTEGER NOT NULL PRIMARY KEY) STRICT");
        assert_eq!(run("INSERT INTO t VALUES (1), (2), (3)"), 3);
        assert_eq!(run("DELETE FROM t WHERE a = 9"), 0);
        assert_eq!(run("UPDATE t SET a = a + 10 RETURNING a"), 3);
        let again = execute(&connection, Statement::new("t", "INSERT INTO t VALUES (11)"));
        assert!(matches!(again, Err(StoreError::Conflict)), "{again:?}");
    }
}

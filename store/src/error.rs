//! What can go wrong in the database, by blame.

use std::fmt;
use std::sync::Arc;

use rusqlite::ffi;

/// Says why a statement or transaction had no effect.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Something else stands in its place, or the row changed meanwhile. Refused.
    #[error("conflicts with what is stored")]
    Conflict,
    /// There is no such row. Refused.
    #[error("no such row")]
    NotFound,
    /// The argument cannot be stored or read by anyone. Malformed.
    #[error("unusable argument: {0}")]
    Malformed(&'static str),
    /// The database does not answer or failed; the act may be tried again. Unavailable.
    #[error("the database is unavailable")]
    Unavailable(#[source] Outage),
    /// A row does not say what this program wrote. Corrupt.
    #[error("table {table} holds what cannot be: {why}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// Is the database driver's own account of a failure; shared, since a group shares one fate.
#[derive(Debug, Clone)]
pub struct Outage(Arc<dyn std::error::Error + Send + Sync>);

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Outage {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl StoreError {
    /// Wraps a failure that is not the driver's.
    pub(crate) fn unavailable(why: &'static str) -> Self {
        Self::Unavailable(Outage(Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(why))))
    }

    /// Says that the store was closed.
    pub(crate) fn closed() -> Self {
        Self::unavailable("the store is closed")
    }

    /// Tells whether another try, alone, may have another outcome.
    pub(crate) const fn blames_one_row(&self) -> bool {
        matches!(self, Self::Conflict | Self::Malformed(_) | Self::Corrupt { .. } | Self::NotFound)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::RowNotFound => Self::NotFound,
            sqlx::Error::Database(said) => match said.kind() {
                sqlx::error::ErrorKind::UniqueViolation
                | sqlx::error::ErrorKind::ForeignKeyViolation
                | sqlx::error::ErrorKind::CheckViolation
                | sqlx::error::ErrorKind::NotNullViolation => Self::Conflict,
                _ => Self::Unavailable(Outage(Arc::new(error))),
            },
            _ => Self::Unavailable(Outage(Arc::new(error))),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error().map(|said| said.extended_code) {
            Some(
                ffi::SQLITE_CONSTRAINT_UNIQUE
                | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
                | ffi::SQLITE_CONSTRAINT_FOREIGNKEY
                | ffi::SQLITE_CONSTRAINT_CHECK
                | ffi::SQLITE_CONSTRAINT_NOTNULL,
            ) => Self::Conflict,
            _ => Self::Unavailable(Outage(Arc::new(error))),
        }
    }
}

/// Says why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is none of ours. Malformed.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The file or its folder cannot be made or used.
    #[error("cannot open the database file {path}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The database does not answer or refuses us.
    #[error("cannot connect to the database")]
    Unavailable(#[source] Outage),
    /// A newer program wrote the database; this one must not touch it.
    #[error(
        "the database has schema {found}, this program knows schemas up to {supported}: \
         start the newer program, or restore the backup made before the upgrade"
    )]
    SchemaNewer {
        /// The schema that the database has.
        found: i64,
        /// The newest schema that this program knows.
        supported: i64,
    },
    /// A step of the schema failed and was undone.
    #[error("migration {version} failed and was undone")]
    Migration {
        /// The step.
        version: i64,
        /// What the database said.
        #[source]
        source: StoreError,
    },
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unavailable(Outage(Arc::new(error)))
    }
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(Outage(Arc::new(error)))
    }
}

/// Says why a text is no database URL. Malformed; never repeats the text, which may hold a
/// password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Another scheme.
    #[error("a database URL begins with sqlite:// or postgres://")]
    Scheme,
    /// No path after `sqlite://`.
    #[error("a SQLite URL names a file, as in sqlite:///var/lib/chancery/chancery.db")]
    NoPath,
    /// Not readable as a PostgreSQL URL.
    #[error("not a PostgreSQL URL: {0}")]
    Postgres(String),
}

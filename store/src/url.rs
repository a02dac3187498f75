//! Where the database is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

use crate::UrlError;

/// Names a database: `sqlite:///path`, `sqlite::memory:` or `postgres://…`.
#[derive(Clone)]
pub struct DatabaseUrl(pub(crate) Place);

#[derive(Clone)]
pub(crate) enum Place {
    Memory,
    File(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

impl DatabaseUrl {
    /// Names a SQLite file.
    #[must_use]
    pub fn sqlite_file(path: impl Into<PathBuf>) -> Self {
        Self(Place::File(path.into()))
    }

    /// Names a database in memory, which ends with the store.
    #[must_use]
    pub const fn memory() -> Self {
        Self(Place::Memory)
    }

    /// Gives `sqlite` or `postgresql`.
    #[must_use]
    pub const fn engine_name(&self) -> &'static str {
        match self.0 {
            Place::Memory | Place::File(_) => "sqlite",
            Place::Postgres(_) => "postgresql",
        }
    }

    /// Gives the SQLite file's path, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<&std::path::Path> {
        match &self.0 {
            Place::File(path) => Some(path),
            Place::Memory | Place::Postgres(_) => None,
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text == "sqlite::memory:" {
            return Ok(Self::memory());
        }
        if let Some(path) = text.strip_prefix("sqlite://") {
            if path.is_empty() || path.ends_with('/') {
                return Err(UrlError::NoPath);
            }
            return Ok(Self::sqlite_file(path));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let options = text
                .parse::<PgConnectOptions>()
                .map_err(|error| UrlError::Postgres(error.to_string()))?;
            return Ok(Self(Place::Postgres(Box::new(options))));
        }
        Err(UrlError::Scheme)
    }
}

// Display and Debug say where, never the password.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Memory => f.write_str("sqlite::memory:"),
            Place::File(path) => write!(f, "sqlite://{}", path.display()),
            Place::Postgres(options) => {
                write!(f, "postgres://{}@", options.get_username())?;
                match options.get_socket() {
                    Some(folder) => write!(f, "[{}]", folder.display())?,
                    None => f.write_str(options.get_host())?,
                }
                write!(f, ":{}/{}", options.get_port(), options.get_database().unwrap_or_default())
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_where_but_no_password() {
        for (text, shown) in [
            ("sqlite::memory:", "sqlite::memory:"),
            ("sqlite:///var/lib/c.db", "sqlite:///var/lib/c.db"),
            ("sqlite://data/c.db", "sqlite://data/c.db"),
            (
                "postgres://u:secret@db.corp.example:5433/ca?sslmode=verify-full",
                "postgres://u@db.corp.example:5433/ca",
            ),
            ("postgresql://u:secret@h/ca", "postgres://u@h:5432/ca"),
        ] {
            let url: DatabaseUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("secret"));
        }
    }

    #[test]
    fn refuses_what_is_no_database() {
        for (text, error) in [
            ("mysql://h/x", UrlError::Scheme),
            ("sqlite://", UrlError::NoPath),
            ("sqlite:///var/", UrlError::NoPath),
        ] {
            assert_eq!(text.parse::<DatabaseUrl>().unwrap_err(), error);
        }
        let error = "postgres://u:secret@h:port/x".parse::<DatabaseUrl>().unwrap_err();
        assert!(matches!(&error, UrlError::Postgres(_)) && !error.to_string().contains("secret"));
    }
}

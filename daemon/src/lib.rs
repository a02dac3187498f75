//! What server and validation authority have in common as daemons: a configuration file that is
//! read field by field, so that every fault is told at once, the log, and when they end.

mod end;
mod log;
mod section;

use std::path::{Path, PathBuf};

use toml::Table;

pub use end::End;
pub use log::{Log, LogFormat};
pub use section::{Faults, Section};

/// Everything that is wrong with a configuration. Malformed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The text is no TOML.
    #[error("not TOML: {0}")]
    Syntax(String),
    /// Fields are wrong; each fault with its path.
    #[error("{} fault(s) in the configuration:{}", .0.len(), listed(.0))]
    Fields(Vec<String>),
}

fn listed(faults: &[String]) -> String {
    faults.iter().map(|fault| format!("\n  {fault}")).collect()
}

/// Reads a file's text.
///
/// # Errors
/// [`ConfigError::Read`].
pub fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })
}

/// Reads a text with `take`, which leaves out what it noted a fault of.
///
/// # Errors
/// [`ConfigError::Syntax`], or [`ConfigError::Fields`] with every fault.
pub fn parse<T>(
    text: &str,
    take: impl FnOnce(Section, &mut Faults) -> Option<T>,
) -> Result<T, ConfigError> {
    let table: Table =
        toml::from_str(text).map_err(|error| ConfigError::Syntax(error.to_string()))?;
    let mut faults = Faults::default();
    match take(Section::root(table), &mut faults) {
        Some(config) if faults.is_empty() => Ok(config),
        _ => Err(ConfigError::Fields(faults.into_lines())),
    }
}

/// Reads an absolute path, for [`Section::parsed`] and its like.
///
/// # Errors
/// What to tell of any other text.
pub fn absolute(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_absolute() { Ok(path) } else { Err(format!("`{text}` is no absolute path")) }
}

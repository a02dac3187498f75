//! Where a log is read from: a directory, or a server.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::http::{Client, HttpError};

/// Where the newest checkpoint is, and where cosignatures go.
pub(super) const CHECKPOINT: &str = "checkpoint";
/// The largest answer: a note, or a tile.
const MOST: u64 = 64 * 1024;

/// Why something of the log cannot be had. Unavailable.
#[derive(Debug, Error)]
pub enum SourceError {
    /// A file.
    #[error("cannot read {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An answer of the server.
    #[error("cannot get {path}")]
    Http {
        /// What was asked for.
        path: String,
        /// Why.
        #[source]
        source: HttpError,
    },
    /// The address is none.
    #[error("{0} is no address of a log")]
    Address(String),
}

/// A log: `checkpoint` and `tile/...` below it.
pub enum Source {
    /// A directory.
    Directory(PathBuf),
    /// A server.
    Server(Client),
}

impl Source {
    /// Reads an address; `roots` is a PEM file with the roots that an https server is trusted by.
    ///
    /// # Errors
    /// [`SourceError::Address`], or [`SourceError::Http`] for roots that cannot be read.
    pub fn parse(address: &str, roots: Option<&Path>) -> Result<Self, SourceError> {
        if let Some(path) = address.strip_prefix("file://") {
            return Ok(Self::Directory(path.into()));
        }
        if !address.contains("://") {
            return Ok(Self::Directory(address.into()));
        }
        match Client::new(address, roots) {
            Ok(Some(client)) => Ok(Self::Server(client)),
            Ok(None) => Err(SourceError::Address(address.to_owned())),
            Err(source) => Err(SourceError::Http { path: address.to_owned(), source }),
        }
    }

    /// Gets what is at a path below the log's address.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn get(&self, path: &str) -> Result<Vec<u8>, SourceError> {
        match self {
            Self::Directory(dir) => {
                let path = dir.join(path);
                read(&path).map_err(|source| SourceError::File { path, source })
            }
            Self::Server(client) => client
                .get(path, MOST)
                .map_err(|source| SourceError::Http { path: path.to_owned(), source }),
        }
    }

    /// Shows a cosigned checkpoint to a server's signer (`POST checkpoint`).
    ///
    /// # Errors
    /// [`SourceError`]; a directory takes none.
    pub fn show(&self, note: &[u8]) -> Result<(), SourceError> {
        match self {
            Self::Directory(dir) => Err(SourceError::Address(dir.display().to_string())),
            Self::Server(client) => client
                .post(CHECKPOINT, note)
                .map(|_| ())
                .map_err(|source| SourceError::Http { path: CHECKPOINT.to_owned(), source }),
        }
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    std::fs::File::open(path)?.take(MOST).read_to_end(&mut octets)?;
    Ok(octets)
}

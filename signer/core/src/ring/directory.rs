//! The ring's directory: private, and held by one process.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::process::geteuid;
use thiserror::Error;

const LOCK: &str = "lock";
pub(super) const JOURNAL: &str = "journal";

/// Why a directory is no ring to work in.
#[derive(Debug, Error)]
pub enum DirectoryError {
    /// The operating system said no.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// Others may reach into it.
    #[error("{} has mode {mode:04o}, it must be 0700: chmod 700 it after asking who was in it", path.display())]
    Exposed {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to somebody else.
    #[error("{} belongs to uid {owner}, this process is uid {own}", path.display())]
    NotOurs {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who asks.
        own: u32,
    },
    /// Another signer works in it.
    #[error("another signer has {} open", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
}

pub(super) fn io_error(
    doing: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(io::Error) -> DirectoryError {
    let path = path.into();
    move |source| DirectoryError::Io { doing, path, source }
}

/// Refuses a directory that others own or may enter.
pub(super) fn check_private(dir: &Path) -> Result<(), DirectoryError> {
    let metadata = fs::symlink_metadata(dir).map_err(io_error("look at", dir))?;
    if !metadata.is_dir() {
        return Err(io_error("use as a ring", dir)(io::ErrorKind::NotADirectory.into()));
    }
    let own = geteuid().as_raw();
    if metadata.uid() != own {
        return Err(DirectoryError::NotOurs { path: dir.to_owned(), owner: metadata.uid(), own });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(DirectoryError::Exposed { path: dir.to_owned(), mode });
    }
    Ok(())
}

/// Makes a new private directory.
pub(super) fn make_private(dir: &Path) -> Result<(), DirectoryError> {
    fs::DirBuilder::new().mode(0o700).create(dir).map_err(io_error("make", dir))
}

/// The ring's lock; the ring is free when it is dropped.
#[derive(Debug)]
pub(super) struct RingLock(#[expect(dead_code, reason = "the open file holds the lock")] File);

impl RingLock {
    /// Takes the lock, or says that another signer has it.
    pub(super) fn take(dir: &Path) -> Result<Self, DirectoryError> {
        let path = dir.join(LOCK);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(io_error("open", &path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                Err(DirectoryError::InUse { path: dir.to_owned() })
            }
            Err(error) => Err(io_error("lock", &path)(error.into())),
        }
    }
}

/// Makes the names in a directory durable.
pub(super) fn sync(dir: &Path) -> Result<(), DirectoryError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_error("sync", dir))
}

/// Writes a new file with mode 0600, durable but for its name.
pub(super) fn write_new(path: &Path, content: &[u8]) -> Result<(), DirectoryError> {
    use std::io::Write as _;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(io_error("make", path))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(io_error("write", path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn refuses_a_directory_that_others_may_enter() {
        let dir = tempfile::tempdir().unwrap();
        for mode in [0o750, 0o701, 0o707] {
            fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(
                check_private(dir.path()),
                Err(DirectoryError::Exposed { mode: found, .. }) if found == mode
            ));
        }
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(check_private(dir.path()).is_ok());
    }

    #[test]
    fn refuses_a_second_signer() {
        let dir = tempfile::tempdir().unwrap();
        let first = RingLock::take(dir.path()).unwrap();
        assert!(matches!(RingLock::take(dir.path()), Err(DirectoryError::InUse { .. })));
        drop(first);
        assert!(RingLock::take(dir.path()).is_ok());
    }
}

//! Closes the data key of a ring with another lock.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use keystore::{NewFactor, Opener, Rotation, Rotator, UnlockError, UnlockFactor};
use signer_proto::Digest;
use x509::sha256;

use crate::disk;
use crate::new_lock::{ClosedFiles, NewLock};
use crate::share::{SHARES, Set};
use crate::unlock_file::{Closed, UNLOCK};
use crate::vault::FileVault;

/// The files of a new lock; nothing is written yet.
struct FileRotation {
    ring: PathBuf,
    closed: ClosedFiles,
    opener: Opener,
}

impl Rotator for FileVault {
    fn prepare(
        &self,
        old: &UnlockFactor,
        new: &NewFactor,
        genesis: Digest,
    ) -> Result<Box<dyn Rotation>, UnlockError> {
        let data_key = self.closed(genesis)?.open(old)?;
        let closed = NewLock::draw(new)?.close(genesis, &data_key)?;
        let opener = opener(&closed.file, genesis)?;
        Ok(Box::new(FileRotation { ring: self.ring().to_owned(), closed, opener }))
    }
}

impl Rotation for FileRotation {
    fn opener(&self) -> Opener {
        self.opener
    }

    fn publish(self: Box<Self>) -> Result<(), UnlockError> {
        self.closed.write_shares(&self.ring)?;
        disk::replace(&self.ring, UNLOCK, &self.closed.file).map_err(UnlockError::Io)?;
        // The old shares open nothing here any more: what is left of them is not worth an error.
        let _ = sweep(&self.ring, &self.closed.set);
        Ok(())
    }
}

/// Says what an unlock file is opened by, and which file it is.
pub(crate) fn opener(file: &[u8], genesis: Digest) -> Result<Opener, UnlockError> {
    let kind = Closed::read(file, genesis)?.header.stretch.kind();
    Ok(Opener { kind, file: Digest(sha256(file)) })
}

/// Removes what an interrupted rotation left, and the shares of every set but this one.
pub(crate) fn sweep(ring: &Path, set: &Set) -> io::Result<()> {
    disk::remove_temporary(ring, UNLOCK)?;
    let sets = match fs::read_dir(ring.join(SHARES)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        sets => sets?,
    };
    for entry in sets {
        let entry = entry?;
        if entry.file_name().to_str() != Some(set.folder().as_str()) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    disk::sync_directory(&ring.join(SHARES))
}

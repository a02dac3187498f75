//! A ring that stands by for another instance of itself: it takes that one's leaves and writes
//! none of its own, until operators promote it.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use signer_proto::{Refusal, Rule};

/// The file whose presence says so. Whoever copies a ring puts it there.
const FILE: &str = "standby";

/// Whether this ring stands by.
#[derive(Debug)]
pub(crate) struct Standby {
    path: PathBuf,
    is_one: AtomicBool,
}

impl Standby {
    /// Looks for the file. It is over where the journal ends with the promotion.
    pub(crate) fn load(dir: &Path, promoted: bool) -> io::Result<Self> {
        let path = dir.join(FILE);
        let is_there = path.try_exists()?;
        let standby = Self { path, is_one: AtomicBool::new(is_there && !promoted) };
        if is_there && promoted {
            standby.remove()?;
        }
        Ok(standby)
    }

    /// Returns whether it still is.
    pub(crate) fn is_one(&self) -> bool {
        self.is_one.load(Ordering::Acquire)
    }

    /// Refuses what a standby does not do.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        match self.is_one() {
            true => Err(Refusal::new(Rule::Standby, "this ring stands by for another")),
            false => Ok(()),
        }
    }

    /// Ends it, after the promotion is durable.
    pub(crate) fn end(&self) -> Result<(), Refusal> {
        self.remove().map_err(|error| Refusal::new(Rule::JournalUnavailable, error.to_string()))?;
        self.is_one.store(false, Ordering::Release);
        Ok(())
    }

    fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            removed => removed?,
        }
        self.path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
    }
}

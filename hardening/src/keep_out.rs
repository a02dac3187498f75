//! Closes directories and files to this process with Landlock.
//!
//! Landlock allows and never denies: every entry beside the path to the closed directory is
//! allowed in full, and what is not listed is closed. The limits that follow from it:
//!
//! - An *ancestor* of the closed directory cannot be listed any more, and entries made in it
//!   later are out of reach. What the process creates belongs in a directory that exists before
//!   and is no ancestor: `data/server/` beside `data/ring/`.
//! - Landlock decides about opening, making, renaming and removing; `stat`, `chmod` and `chown`
//!   pass. Connecting to a socket in the closed directory passes too, as it must: Landlock
//!   knows a right for it only from ABI 9 on, and it is not asked for here.
//! - A process that is not held, of the same uid, can still be talked into reading the directory
//!   (cron, a user's systemd). This is a rail, not the wall that a second uid is.
//! - A hard link elsewhere to a closed *file* stays open: links are names of their own.
//! - Mounting the directory elsewhere *later* opens a way around; mounts that exist are closed.

mod mounts;
mod rules;
mod siblings;

use crate::threads;
use landlock::{RulesetError, RulesetStatus};
use rustix::fs::{Mode, OFlags};
use siblings::Siblings;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How far the running kernel enforces what was asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforcement {
    /// Every right that we handle is enforced.
    Full,
    /// The kernel is older than some rights: before Linux 6.2 truncation by path, before 6.12
    /// signals to other processes pass.
    Partial,
    /// The kernel has no Landlock, or it is switched off: nothing is closed.
    Unavailable,
}

/// What [`keep_out_of`] reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LandlockStatus {
    /// Says how far the kernel enforces the rules.
    pub enforcement: Enforcement,
    /// Names what is closed, other mounts of the same included.
    pub closed: Vec<PathBuf>,
    /// Names the ancestors that can no longer be listed nor written to.
    pub ancestors: Vec<PathBuf>,
    /// Names the ancestors that could not be listed: nothing else in them is reachable.
    pub unlisted: Vec<PathBuf>,
    /// Counts the entries that stay reachable.
    pub allowed: usize,
}

/// Why a directory or file could not be closed.
#[derive(Debug, thiserror::Error)]
pub enum KeepOutError {
    /// The path leads nowhere; the caller's mistake.
    #[error("{} is nothing that can be closed", path.display())]
    Missing {
        /// The path as given.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The file system's root cannot be closed: nothing would be left; the caller's mistake.
    #[error("the root directory cannot be closed")]
    Root,
    /// Other threads run already and would stay unrestricted; the caller's mistake.
    #[error("{0} threads run already: close directories before the first thread")]
    Threads(usize),
    /// /proc or the tree cannot be read; the system's fault.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// What was to be read.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The kernel refuses the rules; the system's fault.
    #[error("the kernel refuses the rules")]
    Refused(#[from] RulesetError),
    /// The rules are in force and the directory still opens; a defect.
    #[error("{} still opens", .0.display())]
    StillOpen(PathBuf),
}

/// Closes one directory or file to the calling thread and all that it starts; see [`keep_out_of_all`].
pub fn keep_out_of(path: &Path) -> Result<LandlockStatus, KeepOutError> {
    keep_out_of_all(&[path])
}

/// Closes directories and files to the calling thread and all that it starts, for good.
///
/// Everything else that exists stays reachable, but for the limits in the module's text. Call it
/// once with all of them: a second call cannot list the ancestors any more. Without Landlock
/// in the kernel nothing is closed, and the status says [`Enforcement::Unavailable`].
pub fn keep_out_of_all(paths: &[&Path]) -> Result<LandlockStatus, KeepOutError> {
    refuse_other_threads()?;
    let mut closed = Vec::new();
    for path in paths {
        closed.extend(mounts::with_aliases(&real_path(path)?)?);
    }
    closed.sort();
    closed.dedup();
    let siblings = Siblings::of(&closed)?;
    let (ruleset, allowed) = rules::enforce(&siblings)?;
    let enforcement = match ruleset {
        RulesetStatus::FullyEnforced => Enforcement::Full,
        RulesetStatus::PartiallyEnforced => Enforcement::Partial,
        RulesetStatus::NotEnforced => Enforcement::Unavailable,
    };
    if enforcement != Enforcement::Unavailable {
        verify_closed(&closed)?;
    }
    Ok(LandlockStatus {
        enforcement,
        closed,
        ancestors: siblings.ancestors,
        unlisted: siblings.unlisted,
        allowed,
    })
}

fn refuse_other_threads() -> Result<(), KeepOutError> {
    match threads::count() {
        Ok(1) => Ok(()),
        Ok(count) => Err(KeepOutError::Threads(count)),
        Err(source) => Err(unreadable("/proc/self/task", source)),
    }
}

fn real_path(path: &Path) -> Result<PathBuf, KeepOutError> {
    let real = fs::canonicalize(path)
        .map_err(|source| KeepOutError::Missing { path: path.to_owned(), source })?;
    if real.parent().is_none() {
        return Err(KeepOutError::Root);
    }
    Ok(real)
}

/// Opens each closed path for reading: the kernel itself must refuse.
fn verify_closed(closed: &[PathBuf]) -> Result<(), KeepOutError> {
    // NONBLOCK: a pipe without a writer would make us wait.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match closed.iter().find(|path| rustix::fs::open(path.as_path(), flags, Mode::empty()).is_ok())
    {
        Some(path) => Err(KeepOutError::StillOpen(path.clone())),
        None => Ok(()),
    }
}

fn unreadable(path: impl Into<PathBuf>, source: io::Error) -> KeepOutError {
    KeepOutError::Unreadable { path: path.into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("missing");
        let refused = real_path(&missing);
        assert!(
            matches!(&refused, Err(KeepOutError::Missing { path, .. }) if *path == missing),
            "{refused:?}"
        );
    }

    #[test]
    fn refuses_the_root_directory() {
        let refused = real_path(Path::new("/../"));
        assert!(matches!(refused, Err(KeepOutError::Root)), "{refused:?}");
    }

    #[test]
    fn an_open_directory_fails_the_check() {
        let dir = tempfile::tempdir().unwrap();
        let result = verify_closed(&[dir.path().to_owned()]);
        assert!(matches!(result, Err(KeepOutError::StillOpen(path)) if path == dir.path()));
    }
}

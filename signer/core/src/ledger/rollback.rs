//! The mark of a ring whose journal is not the one that it once was.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use signer_log::checkpoint::Checkpoint;
use signer_log::note::Note;
use signer_proto::{Refusal, Rule};

use super::{LedgerError, files};
use crate::keeper::lock;

/// The file whose presence is the mark; its content is the note that was shown.
const FILE: &str = "rolled-back";

/// What showed that the journal is an older copy or another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RolledBack {
    /// The checkpoint that this journal did not make.
    pub(crate) checkpoint: Option<Checkpoint>,
    note: String,
}

impl RolledBack {
    pub(super) fn by(note: &Note, checkpoint: &Checkpoint) -> Self {
        Self { checkpoint: Some(checkpoint.clone()), note: note.to_string() }
    }
}

/// Whether the ring is marked. A mark outlives restarts, and nothing is signed under it; only the
/// acceptance of the gap by quorum takes it away.
pub(super) struct Rollback {
    is_marked: AtomicBool,
    by: Mutex<Option<RolledBack>>,
}

impl Rollback {
    pub(super) fn load(dir: &Path) -> Result<Self, LedgerError> {
        let by = files::read(dir, FILE)?.map(|content| {
            let note = String::from_utf8_lossy(&content).into_owned();
            let text = Note::parse(&content).map(|note| note.text).unwrap_or_default();
            RolledBack { checkpoint: Checkpoint::parse(&text).ok(), note }
        });
        Ok(Self { is_marked: AtomicBool::new(by.is_some()), by: Mutex::new(by) })
    }

    /// Marks the ring, first here and then on the disk: a disk that says no does not undo it.
    pub(super) fn mark(&self, dir: &Path, by: RolledBack) {
        let mut marked = lock(&self.by);
        self.is_marked.store(true, Ordering::Release);
        if marked.is_none() {
            // Nothing more can be done about a mark that does not stay; whoever showed the
            // checkpoint is told, and can show it again.
            let _ = files::replace(dir, FILE, by.note.as_bytes());
            *marked = Some(by);
        }
    }

    /// Returns what showed it, if the ring is marked.
    pub(super) fn marked(&self) -> Option<RolledBack> {
        lock(&self.by).clone()
    }

    /// Refuses while the ring is marked.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if !self.is_marked.load(Ordering::Acquire) {
            return Ok(());
        }
        let shown = self.marked().and_then(|by| by.checkpoint);
        let detail = match shown {
            Some(shown) => format!(
                "this journal is not the one of the checkpoint with {} leaves that was shown",
                shown.size
            ),
            None => "this journal is an older copy or another one".to_owned(),
        };
        Err(Refusal::new(Rule::StateRolledBack, detail))
    }

    /// Takes the mark away. For the acceptance of a gap alone, after the leaf that says so is
    /// durable.
    pub(super) fn clear(&self, dir: &Path) -> Result<(), LedgerError> {
        let mut marked = lock(&self.by);
        files::remove(dir, FILE)?;
        *marked = None;
        self.is_marked.store(false, Ordering::Release);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stays_until_it_is_taken_away() {
        let dir = tempfile::tempdir().unwrap();
        let rollback = Rollback::load(dir.path()).unwrap();
        assert!(rollback.check().is_ok());
        let checkpoint = Checkpoint { origin: "a".to_owned(), size: 7, root: [1; 32] };
        let line =
            signer_log::note::SignatureLine { name: "a".to_owned(), key: [1; 4], octets: vec![1] };
        let note = Note { text: checkpoint.to_string(), signatures: vec![line] };
        rollback.mark(dir.path(), RolledBack::by(&note, &checkpoint));
        for rollback in [rollback, Rollback::load(dir.path()).unwrap()] {
            assert_eq!(rollback.check().unwrap_err().rule, Rule::StateRolledBack);
            assert_eq!(rollback.marked().unwrap().checkpoint, Some(checkpoint.clone()));
        }
        let rollback = Rollback::load(dir.path()).unwrap();
        rollback.clear(dir.path()).unwrap();
        assert!(rollback.check().is_ok());
        assert!(Rollback::load(dir.path()).unwrap().check().is_ok());
        // Whatever the file holds: that it is there is the mark.
        std::fs::write(dir.path().join(FILE), b"").unwrap();
        assert!(Rollback::load(dir.path()).unwrap().check().is_err());
    }
}

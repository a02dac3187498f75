//! The journal as a log that nobody edits unseen: roots and proofs, checkpoints under the `log`
//! key, witnesses' cosignatures, and what follows when somebody shows a checkpoint that this
//! journal cannot have made.

mod checkpoint;
pub(crate) mod files;
mod proofs;
mod rollback;
mod show;
mod witness;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use signer_log::checkpoint::{Checkpoint, origin};
use signer_log::note::{Algorithm, NoteError, NoteKey};
use signer_log::proof::root_at;
use signer_proto::{Genesis, Purpose};

use crate::journal::{JournalError, TreeView};
use crate::keeper::lock;
use crate::state::Gap;
use checkpoint::Newest;
use rollback::{Rollback, RolledBack};
use witness::Cosigned;
pub(crate) use witness::WitnessRules;

/// Why the log's state in the ring's directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Genesis names no public `log` key.
    #[error("genesis has no log key")]
    NoLogKey,
    /// It names one that cannot sign notes.
    #[error("the log key of genesis cannot be used")]
    LogKey(#[source] NoteError),
    /// A file cannot be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
    /// The tree has no root.
    #[error("the journal's tree cannot be used")]
    Tree(#[from] JournalError),
}

/// What the ring keeps of its log beside the journal.
pub(crate) struct Ledger {
    dir: PathBuf,
    log: NoteKey,
    rules: WitnessRules,
    held: Mutex<Held>,
    rollback: Rollback,
}

/// What changes while the signer runs.
#[derive(Default)]
struct Held {
    /// The newest checkpoint under the `log` key.
    newest: Option<Newest>,
    /// The newest cosignature of each pinned witness.
    cosigned: Vec<Cosigned>,
}

impl Ledger {
    /// Takes up what the ring's directory keeps, and holds it against the journal.
    pub(crate) fn open(
        dir: &Path,
        genesis: &Genesis,
        rules: WitnessRules,
        tree: &TreeView,
        gaps: &[Gap],
    ) -> Result<Self, LedgerError> {
        let log = genesis.house_keys.0.iter().find(|key| key.purpose == Purpose::Log);
        let spki = log.and_then(|key| key.spki.as_ref()).ok_or(LedgerError::NoLogKey)?;
        let log = NoteKey::of_spki(&origin(genesis.instance), Algorithm::Ed25519, spki)
            .map_err(LedgerError::LogKey)?;
        let ledger = Self {
            dir: dir.to_owned(),
            log,
            rules,
            held: Mutex::default(),
            rollback: Rollback::load(dir)?,
        };
        ledger.take_up(tree, gaps)?;
        Ok(ledger)
    }

    /// Loads the checkpoints that the ring keeps. One that the journal cannot have made says that
    /// the journal was replaced by an older or another one.
    fn take_up(&self, tree: &TreeView, gaps: &[Gap]) -> Result<(), LedgerError> {
        let mut held = self.held();
        held.newest = Newest::load(&self.dir, &self.log)?;
        for witness in self.rules.witnesses() {
            held.cosigned.extend(Cosigned::load(&self.dir, witness)?);
        }
        let kept = held.newest.iter().map(|newest| (&newest.note, &newest.checkpoint));
        let kept = kept.chain(held.cosigned.iter().map(|one| (&one.note, &one.checkpoint)));
        for (note, checkpoint) in kept {
            if Whose::of(tree, gaps, checkpoint)? == Whose::Nobodys {
                self.rollback.mark(&self.dir, RolledBack::by(note, checkpoint));
            }
        }
        self.forget_lost(&mut held, tree)
    }

    /// Drops what is kept of an end of the journal that operators accepted as lost.
    fn forget_lost(&self, held: &mut Held, tree: &TreeView) -> Result<(), LedgerError> {
        if self.rollback.marked().is_some() {
            return Ok(());
        }
        let ours = |checkpoint: &Checkpoint| Whose::of(tree, &[], checkpoint);
        if let Some(newest) = &held.newest
            && ours(&newest.checkpoint)? != Whose::Ours
        {
            held.newest = None;
        }
        let mut kept = Vec::new();
        for one in held.cosigned.drain(..) {
            if ours(&one.checkpoint)? == Whose::Ours {
                kept.push(one);
            }
        }
        held.cosigned = kept;
        Ok(())
    }

    /// Ends the mark, after the leaf that accepts the gap is durable.
    fn end_rollback(&self, tree: &TreeView) -> Result<(), LedgerError> {
        self.rollback.clear(&self.dir)?;
        self.forget_lost(&mut self.held(), tree)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        lock(&self.held)
    }
}

/// Which journal a checkpoint tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// This one, as it is or as it was.
    Ours,
    /// An end of it that is lost, and operators accepted that.
    Lost,
    /// None that this one can have been.
    Nobodys,
}

impl Whose {
    fn of(tree: &TreeView, gaps: &[Gap], checkpoint: &Checkpoint) -> Result<Self, JournalError> {
        let size = checkpoint.size;
        if size <= tree.size() && root_at(tree, size)? == checkpoint.root {
            return Ok(Self::Ours);
        }
        let lost = gaps.iter().any(|gap| gap.covers(size));
        Ok(if lost { Self::Lost } else { Self::Nobodys })
    }
}

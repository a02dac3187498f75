//! One followed journal.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};

use signer_log::checkpoint::{Checkpoint, time};
use signer_log::note::{Note, NoteKey};
use signer_log::proof::root_at;
use signer_proto::{Courier, FollowedRing, InstanceId, Leaf, Refusal, Rule, Wire};
use x509::UnixTime;

use super::brought::Brought;
use super::log_key;
use crate::journal::{Disk, Journal, JournalError, Options};
use crate::keeper::lock;
use crate::ledger::{LedgerError, files};
use crate::state::{Followed, State};

/// The folder of the leaves, and the file of the newest checkpoint, in the ring's folder.
const JOURNAL: &str = "journal";
const CHECKPOINT: &str = "checkpoint";

/// Why a followed journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// Its folder cannot be made.
    #[error("the folder of a followed journal cannot be made")]
    Folder(#[source] std::io::Error),
    /// Its leaves do not read.
    #[error("a followed journal does not open")]
    Journal(#[from] JournalError),
    /// Its newest checkpoint does not read.
    #[error("a followed journal's checkpoint does not read")]
    Checkpoint(#[from] LedgerError),
    /// It is not the one that this ring's journal tells of.
    #[error("a followed journal cannot be followed: {0}")]
    Refused(Refusal),
}

/// The newest checkpoint that was seen.
#[derive(Debug, Clone, Copy)]
struct Seen {
    size: u64,
    as_of: UnixTime,
}

/// What changes while it is followed.
struct Here {
    state: State,
    newest: Option<Seen>,
}

/// One followed journal.
pub(crate) struct FollowedJournal {
    folder: PathBuf,
    log: NoteKey,
    journal: Journal,
    here: Mutex<Here>,
}

impl FollowedJournal {
    /// Opens what was followed so far, and begins where there is nothing: a crash came right
    /// after the ring was taken up, or the folder was lost and comes back leaf by leaf.
    pub(super) fn open(
        folder: &Path,
        disk: &Arc<dyn Disk>,
        followed: &Followed,
    ) -> Result<Self, FollowError> {
        make_private(folder).map_err(FollowError::Folder)?;
        Self::open_in(folder, disk, followed, false)
    }

    /// Begins in a folder that was prepared.
    pub(super) fn begin(
        folder: &Path,
        spare: &Path,
        disk: &Arc<dyn Disk>,
        followed: &Followed,
    ) -> Result<Self, FollowError> {
        disk.rename(spare, folder).map_err(FollowError::Folder)?;
        if let Some(all) = folder.parent() {
            disk.sync_dir(all).map_err(FollowError::Folder)?;
        }
        Self::open_in(folder, disk, followed, true)
    }

    fn open_in(
        folder: &Path,
        disk: &Arc<dyn Disk>,
        followed: &Followed,
        is_new: bool,
    ) -> Result<Self, FollowError> {
        let log = log_key(&followed.genesis).map_err(FollowError::Refused)?;
        let mut state = State::default();
        let mut open = |expected| {
            let mut on_leaf = |position, bytes: &[u8]| replay(&mut state, position, bytes);
            let options = Options { is_new, ..Options::default() };
            let path = folder.join(JOURNAL);
            Journal::open_with(options, Arc::clone(disk), &path, expected, &mut on_leaf)
        };
        let expected = (!is_new).then_some(followed.digest);
        let (journal, _) = match open(expected) {
            Err(JournalError::Missing { .. }) => open(None)?,
            opened => opened?,
        };
        let begins = journal.size() == 0;
        if begins {
            let leaf = Leaf::from_wire(&followed.leaf.0)
                .map_err(|error| Refusal::new(Rule::FieldMalformed, error.to_string()))
                .map_err(FollowError::Refused)?;
            append_all(&journal, &[leaf])?;
            replay(&mut state, 0, &followed.leaf.0)?;
        }
        let newest = files::read_note(folder, CHECKPOINT)?;
        let mut newest = newest.and_then(|note| seen(&note, &log));
        if let Some((size, root)) = followed.read {
            if begins {
                // What was followed before comes again, and nothing older counts meanwhile.
                newest = Some(Seen { size, as_of: UnixTime(0) });
            } else if size > journal.size() || root_at(&journal.tree(), size)? != root.0 {
                // This ring's own journal tells what was here: another copy is told apart.
                let detail = "it is not the one that was followed before";
                let refusal = Refusal::new(Rule::StateRolledBack, detail);
                return Err(FollowError::Refused(refusal));
            }
        }
        let here = Mutex::new(Here { state, newest });
        Ok(Self { folder: folder.to_owned(), log, journal, here })
    }

    fn here(&self) -> MutexGuard<'_, Here> {
        lock(&self.here)
    }

    /// Verifies what a courier brings.
    pub(super) fn verify(&self, call: &Courier) -> Result<Brought, Refusal> {
        let brought = Brought::verify(call, &self.log, &self.journal.tree())?;
        let newest = self.here().newest;
        let older = newest
            .is_some_and(|seen| brought.checkpoint.size < seen.size || brought.as_of < seen.as_of);
        match older {
            true => Err(Refusal::new(Rule::ProofRefused, "a newer checkpoint was seen before")),
            false => Ok(brought),
        }
    }

    /// Keeps what was verified, durable before this returns; gives size and root.
    pub(super) fn take(&self, brought: Brought) -> Result<(u64, [u8; 32]), Refusal> {
        let refuse = |why: String| Refusal::new(Rule::JournalUnavailable, why);
        append_all(&self.journal, &brought.leaves).map_err(|error| refuse(error.to_string()))?;
        let mut here = self.here();
        for leaf in &brought.leaves {
            let position = here.state.size();
            here.state.apply(position, leaf.at_ms, &leaf.event).map_err(|error| {
                Refusal::new(Rule::StateCorrupt, format!("the followed journal: {error}"))
            })?;
        }
        let text = brought.note.to_string();
        files::replace(&self.folder, CHECKPOINT, text.as_bytes())
            .map_err(|error| refuse(error.to_string()))?;
        here.newest = Some(Seen { size: brought.checkpoint.size, as_of: brought.as_of });
        Ok((here.state.size(), brought.root))
    }

    /// Says how far it was followed.
    pub(super) fn report(&self, instance: InstanceId) -> FollowedRing {
        let here = self.here();
        FollowedRing {
            instance,
            size: here.state.size(),
            newest: here.newest.map_or(0, |seen| seen.size),
            as_of: here.newest.map(|seen| seen.as_of),
        }
    }

    /// Looks at the followed state as it is at the newest checkpoint; refuses while leaves are
    /// missing that the checkpoint counts.
    pub(crate) fn look<T>(
        &self,
        look: impl FnOnce(&State, UnixTime) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let here = self.here();
        let behind = |why: String| Refusal::new(Rule::FollowedBehind, why);
        let seen = here.newest.ok_or_else(|| behind("no checkpoint was seen yet".to_owned()))?;
        if here.state.size() < seen.size {
            let missing = seen.size - here.state.size();
            return Err(behind(format!("{missing} leaves of the followed journal are missing")));
        }
        look(&here.state, seen.as_of)
    }

    pub(super) fn close(&self) {
        self.journal.close();
    }
}

/// Makes the folder of a followed journal and those above it that are missing, for the signer's
/// uid alone.
pub(super) fn make_private(folder: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder.join(JOURNAL))
}

fn replay(state: &mut State, position: u64, bytes: &[u8]) -> Result<(), JournalError> {
    let why = |error: crate::state::StateError| error.to_string();
    state
        .replay(position, bytes)
        .map_err(|error| JournalError::LeafRefused { position, why: why(error) })
}

fn seen(note: &Note, log: &NoteKey) -> Option<Seen> {
    let checkpoint = Checkpoint::verify(note, log).ok()?;
    Some(Seen { size: checkpoint.size, as_of: time(&note.text)? })
}

/// Appends leaves in order and waits until all are durable.
fn append_all(journal: &Journal, leaves: &[Leaf]) -> Result<(), JournalError> {
    let (done, wait) = mpsc::channel();
    for leaf in leaves {
        let done = done.clone();
        journal.submit(
            leaf,
            Box::new(move |outcome| {
                // The receiver waits below.
                let _ = done.send(outcome);
            }),
        );
    }
    drop(done);
    wait.iter().try_for_each(|outcome| outcome.map(|_| ()))
}

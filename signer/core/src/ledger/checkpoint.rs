//! The newest checkpoint: made when somebody asks, kept in the ring's directory.

use std::path::Path;

use signer_log::checkpoint::Checkpoint;
use signer_log::note::{Note, NoteKey};
use signer_log::proof::root_at;
use signer_proto::{Checkpoints, NoteBytes, Refusal, Rule};

use super::{Held, Ledger, LedgerError, files};
use crate::approve::sign_checkpoint;
use crate::keeper::Keeper;

/// The file of the newest checkpoint that was kept.
const FILE: &str = "checkpoint";
/// How old a checkpoint may be, in milliseconds, before a new one is signed for somebody who
/// does not ask for more leaves than it has.
const FRESH_MS: i64 = 1000;
/// How old the checkpoint of a journal that did not grow may be, in milliseconds.
const STILL_MS: i64 = 60_000;
/// How often the newest checkpoint is written to the disk at most, in milliseconds.
const KEEP_MS: i64 = 10_000;

/// The newest checkpoint under the `log` key.
pub(super) struct Newest {
    pub(super) note: Note,
    pub(super) checkpoint: Checkpoint,
    /// When it was signed, by the uptime; none if an earlier process did.
    signed_ms: Option<i64>,
    /// When one was written to the disk last, by the uptime.
    kept_ms: Option<i64>,
}

impl Newest {
    /// Reads the one that an earlier process kept.
    pub(super) fn load(dir: &Path, log: &NoteKey) -> Result<Option<Self>, LedgerError> {
        let note = files::read_note(dir, FILE)?;
        Ok(note.and_then(|note| {
            let checkpoint = Checkpoint::verify(&note, log).ok()?;
            Some(Self { note, checkpoint, signed_ms: None, kept_ms: None })
        }))
    }

    /// Returns whether it is good enough for who asks for `least` leaves.
    fn is_fresh(&self, least: u64, size: u64, now_ms: i64) -> bool {
        let younger = |ms| self.signed_ms.is_some_and(|at| now_ms.saturating_sub(at) < ms);
        // A journal that stands still is vouched for again: followers go by the time.
        self.checkpoint.size == size && younger(STILL_MS)
            || younger(FRESH_MS) && self.checkpoint.size >= least
    }
}

impl Keeper {
    /// Returns the newest checkpoint of at least so many leaves. It is signed anew once a second
    /// at most, but for those who ask for leaves that came meanwhile: so a flood of questions
    /// costs no more signatures than the journal has groups.
    pub(crate) fn checkpoints(&self, least: u64) -> Result<Checkpoints, Refusal> {
        let ledger = &self.ledger;
        ledger.rollback.check()?;
        let tree = self.journal.tree();
        if least > tree.size() {
            let detail = format!("{least} leaves are past the end at {}", tree.size());
            return Err(Refusal::new(Rule::PositionUnknown, detail));
        }
        let now_ms = self.clock.uptime_ms();
        let mut held = ledger.held();
        let fresh = |newest: &Newest| newest.is_fresh(least, tree.size(), now_ms);
        if held.newest.as_ref().is_some_and(fresh) {
            return ledger.answer(&held);
        }
        let Ok(opened) = self.opened() else {
            // A locked ring has what it signed before.
            return match &held.newest {
                Some(newest) if newest.checkpoint.size >= least => ledger.answer(&held),
                _ => Err(Refusal::new(Rule::Locked, "the ring is locked")),
            };
        };
        let now = self.now()?;
        let root = root_at(&tree, tree.size())
            .map_err(|error| Refusal::new(Rule::JournalUnavailable, error.to_string()))?;
        let checkpoint =
            Checkpoint { origin: ledger.log.name().to_owned(), size: tree.size(), root };
        let note = sign_checkpoint(opened.house.as_ref(), &ledger.log, &checkpoint, now)
            .map_err(|error| error.refuse())?;
        let kept_ms = held.newest.take().and_then(|newest| newest.kept_ms);
        let mut newest = Newest { note, checkpoint, signed_ms: Some(now_ms), kept_ms };
        if kept_ms.is_none_or(|at| now_ms.saturating_sub(at) >= KEEP_MS) {
            let text = newest.note.to_string();
            files::replace(&ledger.dir, FILE, text.as_bytes()).map_err(|error| not_kept(&error))?;
            newest.kept_ms = Some(now_ms);
        }
        held.newest = Some(newest);
        ledger.answer(&held)
    }
}

impl Ledger {
    fn answer(&self, held: &Held) -> Result<Checkpoints, Refusal> {
        let newest = held.newest.as_ref();
        let newest = newest.ok_or_else(|| Refusal::new(Rule::Locked, "the ring is locked"))?;
        let cosigned = held.cosigned.iter().max_by_key(|one| (one.checkpoint.size, one.at));
        Ok(Checkpoints {
            newest: NoteBytes(self.with_cosignatures(held, &newest.note)),
            cosigned: cosigned.map(|one| NoteBytes(self.with_cosignatures(held, &one.note))),
        })
    }

    /// Returns the note with all good signatures that there are for its text.
    fn with_cosignatures(&self, held: &Held, note: &Note) -> Vec<u8> {
        let mut whole = Note { text: note.text.clone(), signatures: Vec::new() };
        let of_log = held.newest.iter().map(|newest| &newest.note);
        let same = of_log.chain(held.cosigned.iter().map(|one| &one.note));
        for line in same.filter(|same| same.text == whole.text).flat_map(|same| &same.signatures) {
            if !whole.signatures.contains(line) {
                whole.signatures.push(line.clone());
            }
        }
        // The log's own line first, as readers expect it.
        whole.signatures.sort_by_key(|line| !self.log.is_of(line));
        whole.to_string().into_bytes()
    }
}

/// Refuses because a note that must be kept could not be.
pub(super) fn not_kept(error: &LedgerError) -> Refusal {
    let source = std::error::Error::source(error);
    let why = source.map_or_else(|| error.to_string(), |why| format!("{error}: {why}"));
    Refusal::new(Rule::JournalUnavailable, why)
}

//! A checkpoint that somebody shows: a witness brings its cosignature, or anybody a checkpoint
//! that he was given once.

use signer_log::checkpoint::{Checkpoint, Cosignature};
use signer_log::note::{Note, NoteError};
use signer_proto::{CheckpointShown, Refusal, Rule};

use super::checkpoint::not_kept;
use super::rollback::RolledBack;
use super::witness::{self, AHEAD_S, Cosigned};
use super::{Ledger, Whose};
use crate::keeper::Keeper;

impl Keeper {
    /// Takes a note that the log or a pinned witness signed. One that this journal did not make
    /// marks the ring as rolled back.
    pub(crate) fn show_checkpoint(&self, note: &[u8]) -> Result<CheckpointShown, Refusal> {
        let note = Note::parse(note)
            .map_err(|error| Refusal::new(Rule::FieldMalformed, error.to_string()))?;
        let ledger = &self.ledger;
        let (checkpoint, cosigned) = ledger.verified(&note).map_err(refuse)?;
        let tree = self.journal.tree();
        let gaps = self.live().state.gaps().to_vec();
        match Whose::of(&tree, &gaps, &checkpoint)
            .map_err(|error| Refusal::new(Rule::JournalUnavailable, error.to_string()))?
        {
            Whose::Ours => {}
            Whose::Lost => {
                let detail = "it is of an end of the journal that operators accepted as lost";
                return Err(Refusal::new(Rule::ProofRefused, detail));
            }
            Whose::Nobodys => {
                ledger.rollback.mark(&ledger.dir, RolledBack::by(&note, &checkpoint));
            }
        }
        ledger.rollback.check()?;
        let latest = self.now()?.0.saturating_add(AHEAD_S);
        if cosigned.iter().any(|one| one.at.0 > latest) {
            let detail = "a witness' clock is ahead of this one";
            return Err(Refusal::new(Rule::ProofRefused, detail));
        }
        let taken = ledger.take(cosigned)?;
        Ok(CheckpointShown { size: checkpoint.size, taken })
    }

    /// Refuses to issue while too few witnesses vouch for this journal.
    pub(crate) fn check_witnessed(&self) -> Result<(), Refusal> {
        if self.ledger.rules.required == 0 {
            return Ok(());
        }
        let now = self.now()?;
        witness::check(&self.ledger.rules, &self.ledger.held().cosigned, now)
    }

    /// Refuses once somebody showed that this journal is not the one that it was.
    pub(crate) fn check_not_rolled_back(&self) -> Result<(), Refusal> {
        self.ledger.rollback.check()
    }

    /// Returns the checkpoint that showed it.
    pub(crate) fn rolled_back_by(&self) -> Option<Checkpoint> {
        self.ledger.rollback.marked().and_then(|by| by.checkpoint)
    }

    /// Ends it, after operators accepted the gap.
    pub(crate) fn end_rollback(&self) -> Result<(), Refusal> {
        self.ledger
            .end_rollback(&self.journal.tree())
            .map_err(|error| Refusal::new(Rule::JournalUnavailable, error.to_string()))
    }

    /// Returns whether it is.
    pub(crate) fn is_rolled_back(&self) -> bool {
        self.ledger.rollback.marked().is_some()
    }
}

impl Ledger {
    /// Verifies what a note says of this log. Signatures of others are dropped: what is kept and
    /// served was verified here.
    fn verified(&self, note: &Note) -> Result<(Checkpoint, Vec<Cosigned>), NoteError> {
        let checkpoint = Checkpoint::parse(&note.text)?;
        if checkpoint.origin != self.log.name() {
            return Err(NoteError::Origin);
        }
        let by_log = match note.verify(&self.log) {
            Ok(()) => note.signatures.iter().find(|line| self.log.is_of(line)),
            Err(NoteError::Unsigned) => None,
            Err(error) => return Err(error),
        };
        let mut cosigned = Vec::new();
        for witness in &self.rules.pinned {
            match Cosignature::verify(note, witness) {
                Ok(found) => {
                    let lines = by_log.into_iter().cloned().chain([found.line(witness)]);
                    let kept = Note { text: note.text.clone(), signatures: lines.collect() };
                    cosigned.extend(Cosigned::of(&kept, witness));
                }
                Err(NoteError::Unsigned) => {}
                Err(error) => return Err(error),
            }
        }
        if by_log.is_none() && cosigned.is_empty() {
            return Err(NoteError::Unsigned);
        }
        Ok((checkpoint, cosigned))
    }

    /// Keeps the cosignatures that are newer than those before, durable before this returns; says
    /// how many they are.
    fn take(&self, cosigned: Vec<Cosigned>) -> Result<u16, Refusal> {
        let mut held = self.held();
        let mut taken = 0;
        for one in cosigned {
            let place = held.cosigned.iter().position(|kept| kept.witness == one.witness);
            let kept = place.and_then(|place| held.cosigned.get_mut(place));
            match kept {
                Some(kept) if !one.follows(kept) => continue,
                _ => one.keep(&self.dir).map_err(|error| not_kept(&error))?,
            }
            match kept {
                Some(kept) => *kept = one,
                None => held.cosigned.push(one),
            }
            taken += 1;
        }
        Ok(taken)
    }
}

fn refuse(error: NoteError) -> Refusal {
    Refusal::new(Rule::ProofRefused, error.to_string())
}

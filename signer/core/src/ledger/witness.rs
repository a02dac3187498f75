//! Pinned witnesses, and what each said last.

use std::path::Path;

use signer_log::checkpoint::{Checkpoint, Cosignature};
use signer_log::note::{Note, NoteKey};
use signer_proto::{Refusal, Rule};
use x509::UnixTime;

use super::{LedgerError, files};

/// How far a witness' clock may be ahead of ours, in seconds.
pub(super) const AHEAD_S: i64 = 300;

/// What ring.toml says of witnesses.
#[derive(Debug, Clone, Default)]
pub(crate) struct WitnessRules {
    pub(crate) pinned: Vec<NoteKey>,
    /// How many must have cosigned; zero: none need to.
    pub(crate) required: usize,
    /// How old their cosignatures may be, in seconds.
    pub(crate) max_lag_s: i64,
}

impl WitnessRules {
    pub(super) fn witnesses(&self) -> &[NoteKey] {
        &self.pinned
    }
}

/// The newest cosignature of a witness over a checkpoint of ours.
#[derive(Debug, Clone)]
pub(super) struct Cosigned {
    pub(super) witness: NoteKey,
    /// The checkpoint with the log's signature, if it was shown with it, and this cosignature.
    pub(super) note: Note,
    pub(super) checkpoint: Checkpoint,
    pub(super) at: UnixTime,
}

impl Cosigned {
    /// Reads and verifies what a note has of a witness; none if the witness did not sign it.
    pub(super) fn of(note: &Note, witness: &NoteKey) -> Option<Self> {
        let found = Cosignature::verify(note, witness).ok()?;
        Some(Self {
            witness: witness.clone(),
            note: note.clone(),
            checkpoint: Checkpoint::parse(&note.text).ok()?,
            at: UnixTime(i64::try_from(found.time).ok()?),
        })
    }

    pub(super) fn load(dir: &Path, witness: &NoteKey) -> Result<Option<Self>, LedgerError> {
        let note = files::read_note(dir, &name(witness))?;
        Ok(note.and_then(|note| Self::of(&note, witness)))
    }

    pub(super) fn keep(&self, dir: &Path) -> Result<(), LedgerError> {
        files::replace(dir, &name(&self.witness), self.note.to_string().as_bytes())
    }

    /// Returns whether it says more than the one before of the same witness.
    pub(super) fn follows(&self, before: &Self) -> bool {
        self.at > before.at && self.checkpoint.size >= before.checkpoint.size
    }
}

fn name(witness: &NoteKey) -> String {
    let id: String = witness.id().iter().map(|octet| format!("{octet:02x}")).collect();
    format!("cosigned-{id}")
}

/// Refuses unless enough witnesses cosigned within the lag. Each stands for itself: all of them
/// saw this journal, whether at one size or at several.
pub(super) fn check(
    rules: &WitnessRules,
    cosigned: &[Cosigned],
    now: UnixTime,
) -> Result<(), Refusal> {
    let oldest = now.0.saturating_sub(rules.max_lag_s);
    let fresh = cosigned.iter().filter(|one| one.at.0 >= oldest).count();
    if fresh >= rules.required {
        return Ok(());
    }
    let detail = format!(
        "{fresh} of {} witnesses cosigned within {} s, {} must",
        rules.pinned.len(),
        rules.max_lag_s,
        rules.required
    );
    Err(Refusal::new(Rule::WitnessMissing, detail))
}

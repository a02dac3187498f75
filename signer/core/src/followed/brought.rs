//! What a courier brings: leaves that lead to a signed checkpoint, or nothing.

use signer_log::checkpoint::{Checkpoint, time};
use signer_log::merkle::CompactRange;
use signer_log::note::{Note, NoteKey};
use signer_log::proof::{peaks_at, verify_consistency};
use signer_log::segment::leaf_hash;
use signer_proto::{Courier, Leaf, Refusal, Rule, Wire};
use x509::UnixTime;

use crate::journal::TreeView;

/// Leaves that are proven to be the next ones of a journal.
pub(super) struct Brought {
    /// The leaves.
    pub(super) leaves: Vec<Leaf>,
    /// The root of the journal with them.
    pub(super) root: [u8; 32],
    /// The checkpoint that they lead to.
    pub(super) checkpoint: Checkpoint,
    /// When it was signed.
    pub(super) as_of: UnixTime,
    /// The signed note.
    pub(super) note: Note,
}

fn refuse(why: impl core::fmt::Display) -> Refusal {
    Refusal::new(Rule::ProofRefused, why.to_string())
}

impl Brought {
    /// Verifies the checkpoint by the pinned key, and that the leaves continue the tree and lead
    /// to it. Those of another place do not.
    pub(super) fn verify(call: &Courier, log: &NoteKey, tree: &TreeView) -> Result<Self, Refusal> {
        let note = Note::parse(&call.checkpoint.0).map_err(refuse)?;
        let checkpoint = Checkpoint::verify(&note, log).map_err(refuse)?;
        let as_of = time(&note.text).ok_or_else(|| refuse("the checkpoint has no time"))?;
        let peaks = peaks_at(tree, tree.size())
            .map_err(|error| Refusal::new(Rule::JournalUnavailable, error.to_string()))?;
        let mut range = CompactRange::resume(tree.size(), peaks)
            .ok_or_else(|| Refusal::new(Rule::StateCorrupt, "the tree is not whole"))?;
        let mut leaves = Vec::with_capacity(call.leaves.0.len());
        for leaf in &call.leaves.0 {
            range.append(leaf_hash(&leaf.0));
            leaves.push(Leaf::from_wire(&leaf.0).map_err(refuse)?);
        }
        let proof: Vec<[u8; 32]> = call.proof.0.iter().map(|hash| hash.0).collect();
        let (here, there) = ((range.size(), &range.root()), (checkpoint.size, &checkpoint.root));
        verify_consistency(here, there, &proof).map_err(refuse)?;
        Ok(Self { leaves, root: range.root(), checkpoint, as_of, note })
    }
}

//! ReadProof: that a leaf is in the tree, or that a tree is the beginning of another.

use signer_proto::{Digest, ProofHashes, ProofKind, ReadProof, Refusal, TreeProof};

use crate::keeper::Keeper;

pub(super) fn run(keeper: &Keeper, call: ReadProof) -> Result<TreeProof, Refusal> {
    let hashes = match call.kind {
        ProofKind::Inclusion => keeper.inclusion(call.first, call.size)?,
        ProofKind::Consistency => keeper.consistency(call.first, call.size)?,
    };
    let hashes = ProofHashes(hashes.into_iter().map(Digest).collect());
    Ok(TreeProof { root: keeper.root_at(call.size)?, hashes })
}

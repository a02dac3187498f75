//! The Merkle tree hash of RFC 9162 §2.1.1, leaf by leaf, with the roots on the way.

use signer_proto::Digest;
use x509::sha256;

/// Complete subtrees from the largest to the smallest.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tree {
    peaks: Vec<(u64, [u8; 32])>,
}

impl Tree {
    /// Appends a leaf's hash.
    pub(crate) fn push(&mut self, leaf_hash: [u8; 32]) {
        let mut top = (1, leaf_hash);
        while let Some((size, left)) = self.peaks.pop_if(|(size, _)| *size == top.0) {
            top = (size * 2, node(&left, &top.1));
        }
        self.peaks.push(top);
    }

    /// Returns the root over all leaves so far.
    pub(crate) fn root(&self) -> Digest {
        let hashes = self.peaks.iter().map(|(_, hash)| *hash);
        let folded = hashes.rev().reduce(|right, left| node(&left, &right));
        Digest(folded.unwrap_or_else(|| sha256(&[])))
    }
}

fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut input = Vec::with_capacity(65);
    input.push(1);
    input.extend_from_slice(left);
    input.extend_from_slice(right);
    sha256(&input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use signer_log::{merkle, segment::leaf_hash};

    #[test]
    fn equals_the_tree_of_the_signer_at_every_size() {
        let entries: Vec<[u8; 3]> = (0..130u8).map(|n| [n, n, n]).collect();
        let mut tree = Tree::default();
        for size in 0..entries.len() {
            assert_eq!(tree.root(), merkle::root(&entries[..size]), "{size}");
            tree.push(leaf_hash(&entries[size]));
        }
    }
}

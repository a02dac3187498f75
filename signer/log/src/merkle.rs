//! The Merkle tree hash of RFC 9162 §2.1.1, all at once or leaf by leaf.

use aws_lc_rs::digest::{Context, SHA256};
use signer_proto::Digest;
use x509::sha256;

use crate::segment::leaf_hash;

/// A Merkle tree hash: that of a leaf, a node or a whole tree.
pub type Hash = [u8; 32];

/// Returns the hash of a node over its two children: SHA-256(0x01 | left | right).
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[1]);
    context.update(left);
    context.update(right);
    let mut out = [0; 32];
    out.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    out
}

/// Returns the root of the tree with no leaf: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// Returns MTH over the entries in order; that of no entry is SHA-256 of nothing.
pub fn root<T: AsRef<[u8]>>(entries: impl IntoIterator<Item = T>) -> Digest {
    let mut tree = CompactRange::default();
    entries.into_iter().for_each(|entry| tree.append(leaf_hash(entry.as_ref())));
    Digest(tree.root())
}

/// The right edge of a growing tree: the roots of its complete subtrees, largest first. That is
/// all that appending and the root need: at most 64 hashes, however large the tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompactRange {
    size: u64,
    /// One for each bit that is set in `size`, from the highest on.
    peaks: Vec<Hash>,
}

impl CompactRange {
    /// Continues a tree of `size` leaves whose complete subtrees have these roots, largest first;
    /// none if a tree of that size has another number of them.
    #[must_use]
    pub fn resume(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    /// Returns the number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the roots of the complete subtrees, largest first.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends a leaf by its hash.
    pub fn append(&mut self, leaf: Hash) {
        self.append_seen(leaf, |_, _, _| {});
    }

    /// Appends a leaf by its hash and shows `seen` every node that becomes complete, the leaf
    /// itself first: level (0: leaves), index in its level, hash.
    pub fn append_seen(&mut self, leaf: Hash, mut seen: impl FnMut(u32, u64, &Hash)) {
        let (mut level, mut index, mut hash) = (0, self.size, leaf);
        seen(level, index, &hash);
        // Each complete subtree of the same height joins: as many as `size` ends with one bits.
        while index & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            (level, index, hash) = (level + 1, index >> 1, node_hash(&left, &hash));
            seen(level, index, &hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// Returns the root of the tree as it is now.
    #[must_use]
    pub fn root(&self) -> Hash {
        fold(&self.peaks).unwrap_or_else(empty_root)
    }
}

/// Joins the roots of complete subtrees, largest first, into the root of all their leaves; none
/// of none.
pub(crate) fn fold(peaks: &[Hash]) -> Option<Hash> {
    peaks.iter().copied().rev().reduce(|right, left| node_hash(&left, &right))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The definition of RFC 9162 §2.1.1, word for word, over leaf hashes.
    pub(crate) fn by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => sha256(&[]),
            [one] => *one,
            many => {
                let mut k = 1;
                while k * 2 < many.len() {
                    k *= 2;
                }
                node_hash(&by_definition(&many[..k]), &by_definition(&many[k..]))
            }
        }
    }

    pub(crate) fn leaves(count: u8) -> Vec<Hash> {
        (0..count).map(|n| leaf_hash(&vec![n; usize::from(n)])).collect()
    }

    #[test]
    fn equals_the_definition_for_every_small_size() {
        let entries: Vec<Vec<u8>> = (0..70u8).map(|n| vec![n; usize::from(n)]).collect();
        let hashes = leaves(70);
        for n in 0..entries.len() {
            assert_eq!(root(&entries[..n]).0, by_definition(&hashes[..n]), "{n}");
        }
    }

    #[test]
    fn equals_the_known_root_of_certificate_transparency() {
        // The test vectors that every CT implementation carries: eight fixed entries.
        let entries = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let entries: Vec<Vec<u8>> = entries.iter().map(|e| hex::decode(e).unwrap()).collect();
        assert_eq!(
            root(&entries).to_string(),
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
        );
    }

    #[test]
    fn shows_every_complete_node_once_and_right() {
        let hashes = leaves(70);
        let mut tree = CompactRange::default();
        let mut seen = std::collections::BTreeMap::new();
        for leaf in &hashes {
            tree.append_seen(*leaf, |level, index, hash| {
                assert!(seen.insert((level, index), *hash).is_none(), "{level} {index} twice");
            });
        }
        for ((level, index), hash) in &seen {
            let width = 1usize << level;
            let from = usize::try_from(*index).unwrap() * width;
            assert_eq!(*hash, by_definition(&hashes[from..from + width]), "{level} {index}");
        }
        assert_eq!(seen.len(), (0..7).map(|level| 70 >> level).sum::<usize>());
    }

    #[test]
    fn resumes_from_its_peaks_and_from_no_others() {
        let hashes = leaves(70);
        for cut in 0..70 {
            let mut tree = CompactRange::default();
            hashes[..cut].iter().for_each(|leaf| tree.append(*leaf));
            let mut more = tree.peaks().to_vec();
            let mut resumed = CompactRange::resume(tree.size(), more.clone()).unwrap();
            hashes[cut..].iter().for_each(|leaf| resumed.append(*leaf));
            assert_eq!(resumed.root(), by_definition(&hashes), "{cut}");
            more.push([0; 32]);
            assert_eq!(CompactRange::resume(tree.size(), more), None);
        }
    }
}

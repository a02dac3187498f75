//! The tree over the leaves so far, with the root of every earlier size.

use signer_log::merkle::{CompactRange, Hash};
use signer_log::proof::{Nodes, root_at};
use signer_log::tile::HEIGHT;
use signer_proto::Digest;

/// Hashes of leaves, and of every complete subtree of 256, 65,536, ... of them.
#[derive(Debug, Default)]
pub(crate) struct History {
    range: CompactRange,
    levels: Vec<Vec<Hash>>,
}

/// A subtree that is not complete yet was asked for.
#[derive(Debug)]
pub(crate) struct Incomplete;

impl History {
    /// Appends a leaf's hash.
    pub(crate) fn push(&mut self, leaf: Hash) {
        let levels = &mut self.levels;
        self.range.append_seen(leaf, |level, _, hash| {
            if level % HEIGHT == 0 {
                let tier = (level / HEIGHT) as usize;
                if levels.len() <= tier {
                    levels.resize_with(tier + 1, Vec::new);
                }
                levels.get_mut(tier).into_iter().for_each(|tier| tier.push(*hash));
            }
        });
    }

    /// Returns the root over all leaves so far.
    pub(crate) fn root(&self) -> Digest {
        Digest(self.range.root())
    }

    /// Returns the root over the first leaves; none if there are not so many.
    pub(crate) fn root_at(&self, size: u64) -> Option<Digest> {
        let is_there = size <= self.range.size();
        is_there.then(|| root_at(self, size).ok().map(Digest)).flatten()
    }
}

impl Nodes for History {
    type Error = Incomplete;

    fn node(&self, level: u32, index: u64) -> Result<Hash, Incomplete> {
        let above = level % HEIGHT;
        let first = usize::try_from(index << above).map_err(|_| Incomplete)?;
        let tier = self.levels.get((level / HEIGHT) as usize).ok_or(Incomplete)?;
        let below = tier.get(first..first + (1 << above)).ok_or(Incomplete)?;
        let mut range = CompactRange::default();
        below.iter().for_each(|hash| range.append(*hash));
        Ok(range.root())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signer_log::{merkle, segment::leaf_hash};

    #[test]
    fn remembers_the_root_of_every_size() {
        let entries: Vec<[u8; 2]> = (0..700u16).map(u16::to_be_bytes).collect();
        let mut history = History::default();
        entries.iter().for_each(|entry| history.push(leaf_hash(entry)));
        for size in 0..=entries.len() {
            let expected = Some(merkle::root(&entries[..size]));
            assert_eq!(history.root_at(size as u64), expected, "{size}");
        }
        assert_eq!(history.root_at(701), None);
        assert_eq!(Some(history.root()), history.root_at(700));
    }
}

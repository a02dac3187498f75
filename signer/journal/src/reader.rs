//! Reads durable leaves from any position.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::disk::Disk;
use super::error::JournalError;
use super::scan::{Scan, Step};
use super::tree::{Tree, TreeView};
use signer_log::merkle::Hash;
use signer_log::segment::name;

/// Every so many leaves the place of one is remembered: 16 octets of memory for 256 leaves.
const STRIDE: u64 = 256;

/// A segment's first position, and an octet in that segment.
pub(super) type Mark = (u64, u64);

/// What of the journal is durable, shared by the writer and all readers.
pub(super) struct Durable {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: PathBuf,
    /// Where the leaves 0, 256, 512, ... stand.
    marks: RwLock<Vec<Mark>>,
    tree: Mutex<Tree>,
    size: AtomicU64,
}

impl Durable {
    /// Starts with no leaf.
    pub(super) fn new(disk: Arc<dyn Disk>, dir: PathBuf) -> Self {
        let tree = Mutex::new(Tree::new(Arc::clone(&disk), dir.clone()));
        Self { disk, dir, marks: RwLock::default(), tree, size: AtomicU64::new(0) }
    }

    /// Returns whether the place of the leaf at `position` is remembered.
    pub(super) fn is_marked(position: u64) -> bool {
        position.is_multiple_of(STRIDE)
    }

    /// Returns the number of durable leaves.
    pub(super) fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    /// Returns the tree over the durable leaves as it is now.
    pub(super) fn tree(&self) -> TreeView {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner).view()
    }

    /// Takes note that the leaves with these hashes are durable too, with the marks among them.
    pub(super) fn grow(&self, hashes: &[Hash], marks: &[Mark]) {
        let size = {
            let mut tree = self.tree.lock().unwrap_or_else(PoisonError::into_inner);
            hashes.iter().for_each(|hash| tree.append(*hash));
            tree.size()
        };
        if !marks.is_empty() {
            self.marks.write().unwrap_or_else(PoisonError::into_inner).extend_from_slice(marks);
        }
        self.size.store(size, Ordering::Release);
    }

    /// Returns up to `limit` leaves from `from` on, of at most `max_bytes` in all, but one at
    /// least if there is any.
    ///
    /// Every leaf is held against its check: a leaf that rotted is `Corrupt`, not returned.
    pub(super) fn read(
        &self,
        from: u64,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<Vec<u8>>, JournalError> {
        let size = self.size();
        if from > size {
            return Err(JournalError::PastTheEnd { from, size });
        }
        let stop = size.min(from.saturating_add(limit as u64));
        let mut out = Vec::new();
        let mut room = max_bytes;
        let (mut position, (mut first, mut offset)) = self.mark_before(from);
        while position < stop {
            let path = self.dir.join(name(first));
            let file = (self.disk.open(&path)).map_err(JournalError::io("open", &path))?;
            let mut scan = Scan::new(&*file, offset);
            while position < stop {
                let at = scan.offset();
                match scan.next(position).map_err(JournalError::io("read", &path))? {
                    Step::Leaf(leaf, _) if position >= from => {
                        match room.checked_sub(leaf.len()) {
                            Some(rest) => room = rest,
                            None if out.is_empty() => room = 0,
                            None => return Ok(out),
                        }
                        out.push(leaf.to_vec());
                    }
                    Step::Leaf(..) => {}
                    Step::End if position > first => break,
                    Step::End => return Err(corrupt(first, at, "the segment has no leaf")),
                    Step::Bad(why) => return Err(corrupt(first, at, why)),
                }
                position += 1;
            }
            (first, offset) = (position, signer_log::segment::HEADER as u64);
        }
        Ok(out)
    }

    /// Returns the last marked position up to `position`, and its mark.
    fn mark_before(&self, position: u64) -> (u64, Mark) {
        let marks = self.marks.read().unwrap_or_else(PoisonError::into_inner);
        let at = (position / STRIDE).min((marks.len() as u64).saturating_sub(1));
        let mark = usize::try_from(at).ok().and_then(|at| marks.get(at));
        (at * STRIDE, mark.copied().unwrap_or_default())
    }
}

fn corrupt(first: u64, offset: u64, why: &'static str) -> JournalError {
    JournalError::Corrupt { segment: name(first), offset, why }
}

#[cfg(test)]
mod tests {
    use signer_proto::{Leaf, Wire};

    use super::*;
    use crate::fixture::{Ring, leaf};

    fn ring_of(leaves: u32) -> Ring {
        let ring = Ring::with_genesis();
        let journal = ring.open_small();
        let leaves: Vec<Leaf> = (1..leaves).map(|n| leaf(n, n as usize % 60)).collect();
        for group in leaves.chunks(7) {
            ring.commit(&journal, group).unwrap();
        }
        ring
    }

    #[test]
    fn any_position_reads_back_over_segments_and_marks() {
        let ring = ring_of(600);
        let replayed = ring.replay().unwrap();
        let journal = ring.open_small();
        assert!(ring.segments().len() > 20);
        for from in [0, 1, 255, 256, 257, 300, 511, 512, 598, 599] {
            let read = journal.read(from, 5, usize::MAX).unwrap();
            let start = from as usize;
            assert_eq!(read, &replayed[start..600.min(start + 5)], "from {from}");
        }
        assert_eq!(journal.read(0, 4096, usize::MAX).unwrap(), replayed);
        assert_eq!(journal.read(600, 10, usize::MAX).unwrap(), Vec::<Vec<u8>>::new());
        assert!(matches!(
            journal.read(601, 1, 1),
            Err(JournalError::PastTheEnd { from: 601, size: 600 })
        ));
    }

    #[test]
    fn a_slice_ends_before_its_limit_but_has_one_leaf() {
        let ring = ring_of(10);
        let journal = ring.open();
        let sizes: Vec<usize> = ring.replay().unwrap().iter().map(Vec::len).collect();
        let two = sizes[0] + sizes[1];
        for (max_bytes, leaves) in [(0, 1), (two - 1, 1), (two, 2), (two + sizes[2], 3)] {
            assert_eq!(journal.read(0, 10, max_bytes).unwrap().len(), leaves, "{max_bytes}");
        }
    }

    #[test]
    fn only_what_is_durable_is_read() {
        let ring = ring_of(2);
        let journal = ring.open();
        ring.disk.fail_after(1, crate::testing::Fault::Io);
        ring.commit(&journal, &[leaf(2, 10)]).unwrap_err();
        let content = ring.disk.content(&ring.dir.join(name(0))).unwrap();
        let written = leaf(2, 10).to_wire();
        assert!(content.windows(written.len()).any(|window| window == written));
        assert_eq!(journal.read(0, 10, usize::MAX).unwrap().len(), 2);
    }

    #[test]
    fn a_leaf_that_rots_or_goes_while_running_is_not_returned() {
        let ring = ring_of(3);
        let journal = ring.open();
        let path = ring.dir.join(name(0));
        let mut content = ring.disk.content(&path).unwrap();
        let last = content.len() - 1;
        content[last] ^= 1;
        ring.disk.plant(&path, content);
        assert!(matches!(journal.read(2, 1, 1000), Err(JournalError::Corrupt { .. })));
        assert_eq!(journal.read(0, 2, 1000).unwrap().len(), 2);
        ring.disk.remove(&path).unwrap();
        assert!(matches!(journal.read(0, 1, 1000), Err(JournalError::Io { .. })));
    }
}

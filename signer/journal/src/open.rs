//! Opens a journal: every leaf is read, checked and replayed; a torn write at the end is cut.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use signer_proto::{Digest, LEAF_VERSION};

use super::disk::{Disk, NamedFile};
use super::error::JournalError;
use super::group::{GROUP_BYTES, GROUP_LEAVES, Tail, new_segment};
use super::reader::Durable;
use super::scan::{Scan, Step};
use super::writer::Options;
use signer_log::merkle::Hash;
use signer_log::segment::{
    FRAMING, Front, HEADER, LENGTH, SegmentHeader, UNBORN, first_of, front, leaf_time, name,
};

/// What opening found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenReport {
    /// How many leaves there are.
    pub leaves: u64,
    /// Octets of a torn write that were cut off the end. None of its leaves was ever reported.
    pub cut: u64,
    /// How many segments there are.
    pub segments: usize,
}

/// Takes each leaf in order, or says why it cannot be.
pub type OnLeaf<'a> = &'a mut dyn FnMut(u64, &[u8]) -> Result<(), JournalError>;

/// Opens the journal in `dir` and returns where the next group goes.
pub(super) fn open(
    disk: Arc<dyn Disk>,
    dir: &Path,
    options: Options,
    expected: Option<Digest>,
    on_leaf: OnLeaf<'_>,
) -> Result<(Tail, OpenReport), JournalError> {
    let firsts = if options.is_new { Vec::new() } else { list(&*disk, dir)? };
    let durable = Arc::new(Durable::new(Arc::clone(&disk), dir.to_owned()));
    let mut replay = Replay {
        durable: &durable,
        expected,
        genesis: None,
        next: 0,
        last_ms: i64::MIN,
        cut: 0,
        on_leaf,
    };
    let mut last = None;
    for (nth, first) in firsts.iter().enumerate() {
        let is_last = nth + 1 == firsts.len();
        let (segment, end) = replay.segment(*first, is_last)?;
        last = Some((segment, *first, end));
    }
    let (genesis, next, last_ms, cut) = (replay.genesis, replay.next, replay.last_ms, replay.cut);
    if let (0, Some(expected)) = (next, expected) {
        return Err(JournalError::Missing { expected });
    }
    let (segment, first, end) = match last {
        Some(last) => last,
        None => (first_segment(&*disk, dir)?, 0, HEADER as u64),
    };
    // A process that was killed between write and fdatasync leaves octets that are readable and
    // not durable: they become durable before anybody is told of them.
    let sync = JournalError::io("sync", segment.path.clone());
    segment.file.sync_data().map_err(sync)?;
    disk.sync_dir(dir).map_err(JournalError::io("sync", dir))?;
    let report = OpenReport { leaves: next, cut, segments: firsts.len().max(1) };
    let tail = Tail {
        durable,
        segment,
        first,
        end,
        next,
        last_ms,
        genesis,
        segment_bytes: options.segment_bytes,
        records: Vec::new(),
    };
    Ok((tail, report))
}

/// Returns the first positions of all segments in order; a segment that was never born goes.
fn list(disk: &dyn Disk, dir: &Path) -> Result<Vec<u64>, JournalError> {
    let names = disk.list(dir).map_err(JournalError::io("list", dir))?;
    if names.iter().any(|name| name == UNBORN) {
        let path = dir.join(UNBORN);
        disk.remove(&path).map_err(JournalError::io("remove", path.clone()))?;
    }
    let mut firsts: Vec<u64> = names.iter().filter_map(|name| first_of(name)).collect();
    firsts.sort_unstable();
    Ok(firsts)
}

fn first_segment(disk: &dyn Disk, dir: &Path) -> Result<NamedFile, JournalError> {
    let header = SegmentHeader { genesis: Digest([0; 32]), first: 0 };
    new_segment(disk, dir, &header)
}

struct Replay<'a> {
    durable: &'a Durable,
    expected: Option<Digest>,
    genesis: Option<Digest>,
    next: u64,
    last_ms: i64,
    cut: u64,
    on_leaf: OnLeaf<'a>,
}

impl Replay<'_> {
    /// Replays one segment; returns it with its length.
    fn segment(&mut self, first: u64, is_last: bool) -> Result<(NamedFile, u64), JournalError> {
        let path = self.durable.dir.join(name(first));
        let segment = self.open_segment(first, path.clone())?;
        let mut scan = Scan::new(&*segment.file, HEADER as u64);
        loop {
            let at = scan.offset();
            let step = scan.next(self.next);
            match step.map_err(JournalError::io("read", &path))? {
                Step::Leaf(leaf, hash) => self.leaf((leaf, hash), (first, at))?,
                Step::End => return Ok((segment, at)),
                Step::Bad(why) if is_last => {
                    self.cut_tail(&segment, at)?.ok_or(corrupt(first, at, why))?;
                    return Ok((segment, at));
                }
                Step::Bad(why) => return Err(corrupt(first, at, why)),
            }
        }
    }

    /// Opens a segment and holds its header against what must stand there.
    fn open_segment(&self, first: u64, path: PathBuf) -> Result<NamedFile, JournalError> {
        if first != self.next {
            return Err(corrupt(first, 0, "leaves before this segment are missing"));
        }
        let open = JournalError::io("open", &path);
        let file = self.durable.disk.open(&path).map_err(open)?;
        let mut found = [0; HEADER];
        let read = file.read_at(&mut found, 0);
        let read = read.map_err(JournalError::io("read", &path))?;
        let unborn = Digest([0; 32]);
        let expected = SegmentHeader { genesis: self.genesis.unwrap_or(unborn), first };
        if read != HEADER || found.as_slice() != expected.encode() {
            return Err(corrupt(first, 0, "the header is not that of this segment"));
        }
        Ok(NamedFile { path, file })
    }

    fn leaf(
        &mut self,
        (leaf, hash): (&[u8], Hash),
        (first, at): (u64, u64),
    ) -> Result<(), JournalError> {
        let time = leaf_time(leaf).unwrap_or(i64::MIN);
        if time < self.last_ms {
            return Err(corrupt(first, at, "the leaf is earlier than the one before"));
        }
        if self.next == 0 {
            let found = Digest(x509::sha256(leaf));
            if let Some(expected) = self.expected.filter(|expected| *expected != found) {
                return Err(JournalError::AnotherGenesis { expected, found });
            }
            self.genesis = Some(found);
        }
        (self.on_leaf)(self.next, leaf)?;
        let mark = Durable::is_marked(self.next).then_some((first, at));
        self.last_ms = time;
        self.next += 1;
        self.durable.grow(&[hash], mark.as_slice());
        Ok(())
    }

    /// Cuts what a write left torn behind `at`; none if it is no torn write.
    ///
    /// Only the last group can be torn: leaves before it were synced. So what is longer than a
    /// group, or has a record that is whole, was damaged later and is not ours to cut.
    fn cut_tail(&mut self, segment: &NamedFile, at: u64) -> Result<Option<()>, JournalError> {
        let io = |doing| JournalError::io(doing, segment.path.clone());
        let length = segment.file.length().map_err(io("read"))?;
        let torn = length.saturating_sub(at);
        let size = match usize::try_from(torn) {
            Ok(size) if size <= GROUP_BYTES => size,
            _ => return Ok(None),
        };
        let mut tail = vec![0; size];
        let mut have = 0;
        while let Some(room) = tail.get_mut(have..).filter(|room| !room.is_empty()) {
            let read = (segment.file).read_at(room, at + have as u64);
            match read.map_err(io("read"))? {
                0 => break,
                n => have += n,
            }
        }
        if holds_record(&tail, self.next) {
            return Ok(None);
        }
        segment.file.cut(at).map_err(io("cut"))?;
        segment.file.sync_data().map_err(io("sync"))?;
        self.cut = torn;
        Ok(Some(()))
    }
}

/// Returns whether a whole record of the group that starts at `position` stands anywhere in
/// `tail` behind its first octet.
fn holds_record(tail: &[u8], position: u64) -> bool {
    (1..tail.len()).any(|at| {
        let bytes = tail.get(at..).unwrap_or_default();
        may_be_record(bytes)
            && (0..GROUP_LEAVES as u64)
                .any(|nth| matches!(front(bytes, position + nth), Front::Record(..)))
    })
}

/// Sorts out quickly what cannot be a record, before hashes are computed.
fn may_be_record(bytes: &[u8]) -> bool {
    let Some((length, leaf)) = bytes.split_first_chunk::<LENGTH>() else {
        return false;
    };
    // Times before the year 10889 start with two zero octets.
    let is_leaf = matches!(leaf, [LEAF_VERSION, _, 0, 0, ..]);
    is_leaf && bytes.len() >= u32::from_be_bytes(*length) as usize + FRAMING
}

fn corrupt(first: u64, offset: u64, why: &'static str) -> JournalError {
    JournalError::Corrupt { segment: name(first), offset, why }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::Journal;
    use crate::fixture::{Ring, leaf};

    const FIRST: &str = "00000000000000000000.seg";

    /// Returns the octets of each record in a segment.
    fn records(content: &[u8]) -> Vec<Range<usize>> {
        let mut at = HEADER;
        let mut found = Vec::new();
        while at < content.len() {
            let length: [u8; 4] = content[at..at + 4].try_into().unwrap();
            let end = at + u32::from_be_bytes(length) as usize + FRAMING;
            found.push(at..end);
            at = end;
        }
        found
    }

    fn ring_of_four() -> (Ring, Vec<u8>) {
        let ring = Ring::with_genesis();
        let journal = ring.open();
        let leaves = [leaf(1, 5), leaf(2, 50), leaf(3, 20)];
        ring.commit(&journal, &leaves).unwrap();
        drop(journal);
        let content = ring.disk.content(&ring.dir.join(FIRST)).unwrap();
        (ring, content)
    }

    #[test]
    fn every_flipped_bit_is_corrupt_or_a_torn_last_record() {
        let (ring, honest) = ring_of_four();
        let path = ring.dir.join(FIRST);
        let records = records(&honest);
        let last = records.last().unwrap().clone();
        for bit in 0..honest.len() * 8 {
            let mut bent = honest.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            ring.disk.plant(&path, bent);
            let opened = ring.try_open();
            if last.contains(&(bit / 8)) {
                let (_, report) = opened.unwrap();
                assert_eq!((report.leaves, report.cut), (3, last.len() as u64), "bit {bit}");
                continue;
            }
            let record = records.iter().find(|record| record.contains(&(bit / 8)));
            let expected = record.map_or(0, |record| record.start) as u64;
            match opened.map(|_| ()) {
                Err(JournalError::Corrupt { segment, offset, .. }) => {
                    assert_eq!((segment.as_str(), offset), (FIRST, expected), "bit {bit}");
                }
                other => panic!("bit {bit}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_tail_torn_at_any_octet_is_cut_once() {
        let (ring, honest) = ring_of_four();
        let path = ring.dir.join(FIRST);
        let records = records(&honest);
        for length in HEADER..=honest.len() {
            let whole = records.iter().filter(|record| record.end <= length);
            let kept = whole.clone().next_back().map_or(HEADER, |record| record.end);
            ring.disk.plant(&path, honest[..length].to_vec());
            let (_, report) = ring.try_open().unwrap();
            let torn = (length - kept) as u64;
            assert_eq!((report.leaves, report.cut), (whole.count() as u64, torn));
            let (_, report) = ring.try_open().unwrap();
            assert_eq!(report.cut, 0, "the second start finds nothing torn");
        }
        for length in 0..HEADER {
            ring.disk.plant(&path, honest[..length].to_vec());
            assert!(matches!(ring.try_open(), Err(JournalError::Corrupt { offset: 0, .. })));
        }
    }

    #[test]
    fn zeros_where_a_write_never_landed_are_cut() {
        let (ring, mut content) = ring_of_four();
        content.resize(content.len() + 5000, 0);
        ring.disk.plant(&ring.dir.join(FIRST), content);
        let (_, report) = ring.try_open().unwrap();
        assert_eq!((report.leaves, report.cut), (4, 5000));
    }

    #[test]
    fn more_than_a_group_is_never_cut() {
        let (ring, mut content) = ring_of_four();
        content.resize(content.len() + GROUP_BYTES + 1, 0);
        ring.disk.plant(&ring.dir.join(FIRST), content);
        assert!(matches!(ring.try_open(), Err(JournalError::Corrupt { .. })));
    }

    #[test]
    fn a_tear_or_a_gap_before_the_last_segment_is_corrupt() {
        let ring = Ring::with_genesis();
        let journal = ring.open_small();
        for n in 0..10 {
            ring.commit(&journal, &[leaf(n, 600)]).unwrap();
        }
        drop(journal);
        let names = ring.segments();
        assert!(names.len() > 3, "{names:?}");
        let path = ring.dir.join(&names[1]);
        let honest = ring.disk.content(&path).unwrap();
        for bad in [honest[..honest.len() - 1].to_vec(), honest[..HEADER].to_vec()] {
            ring.disk.plant(&path, bad);
            assert!(matches!(ring.try_open(), Err(JournalError::Corrupt { .. })));
        }
        ring.disk.remove(&path).unwrap();
        match ring.try_open() {
            Err(JournalError::Corrupt { segment, offset: 0, why }) => {
                assert_eq!(segment, names[2]);
                assert_eq!(why, "leaves before this segment are missing");
            }
            other => panic!("{other:?}"),
        }
        ring.disk.plant(&path, honest);
        assert_eq!(ring.replay().unwrap().len(), 11);
    }

    #[test]
    fn a_segment_of_another_ring_or_of_an_older_copy_is_corrupt() {
        let (ring, other) = (Ring::with_genesis(), Ring::with_genesis_of(9));
        for each in [&ring, &other] {
            let journal = each.open_small();
            (0..4).for_each(|n| drop(each.commit(&journal, &[leaf(n, 600)]).unwrap()));
        }
        let last = ring.segments().pop().unwrap();
        let honest = ring.disk.content(&ring.dir.join(&last)).unwrap();
        let foreign = other.disk.content(&other.dir.join(&last)).unwrap();
        ring.disk.plant(&ring.dir.join(&last), foreign);
        let refused = ring.try_open();
        assert!(matches!(refused, Err(JournalError::Corrupt { offset: 0, .. })));
        // The right segment by a wrong name is refused as well.
        let renamed = ring.dir.join(name(77));
        ring.disk.plant(&ring.dir.join(&last), honest.clone());
        ring.disk.plant(&renamed, honest);
        assert!(matches!(ring.try_open(), Err(JournalError::Corrupt { .. })));
    }

    #[test]
    fn a_journal_that_is_gone_or_another_rings_is_refused() {
        let ring = Ring::with_genesis();
        let mut ours = ring.genesis();
        let open =
            |expected| Journal::open(ring.shared(), &ring.dir, Some(expected), &mut |_, _| Ok(()));
        assert_eq!(open(ours).unwrap().1.leaves, 1);
        let found = ours;
        ours.0[0] ^= 1;
        match open(ours) {
            Err(JournalError::AnotherGenesis { expected, found: there }) => {
                assert_eq!((expected, there), (ours, found));
            }
            other => panic!("{other:?}"),
        }
        ring.disk.remove(&ring.dir.join(FIRST)).unwrap();
        assert!(
            matches!(open(found), Err(JournalError::Missing { expected }) if expected == found)
        );
        assert!(ring.segments().is_empty(), "and nothing was made in its place");
    }

    #[test]
    fn what_the_state_refuses_ends_the_opening() {
        let (ring, _) = ring_of_four();
        let mut seen = 0;
        let refused = Journal::open(ring.shared(), &ring.dir, None, &mut |position, _| {
            seen = position;
            let why = "no such key".to_owned();
            if position == 2 { Err(JournalError::LeafRefused { position, why }) } else { Ok(()) }
        });
        assert!(matches!(refused, Err(JournalError::LeafRefused { position: 2, .. })));
        assert_eq!(seen, 2);
    }

    #[test]
    fn a_segment_that_was_never_born_is_removed() {
        let (ring, _) = ring_of_four();
        ring.disk.plant(&ring.dir.join(UNBORN), b"half a head".to_vec());
        ring.disk.plant(&ring.dir.join("notes.txt"), b"not ours".to_vec());
        assert_eq!(ring.try_open().unwrap().1.leaves, 4);
        assert_eq!(ring.segments(), [FIRST, "notes.txt"]);
    }

    #[test]
    fn what_a_killed_process_wrote_is_synced_before_it_is_told() {
        let (ring, _) = ring_of_four();
        let _before = ring.disk.take_log();
        let opened = ring.try_open().unwrap();
        assert_eq!(ring.disk.take_log(), ["sync", "sync_dir"]);
        drop(opened);
    }
}

//! Makes a group of leaves durable: one write, one fdatasync.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use signer_proto::Digest;

use super::disk::{Disk, NamedFile};
use super::error::JournalError;
use super::reader::Durable;
use signer_log::segment::{
    FRAMING, HEADER, SegmentHeader, UNBORN, leaf_time, name, put_record, set_leaf_time,
};

/// The most leaves of one group.
pub(super) const GROUP_LEAVES: usize = 512;
/// The most octets of one group, framing included.
pub(super) const GROUP_BYTES: usize = 4 * 1024 * 1024;

/// The type octet of a genesis leaf.
const GENESIS: u8 = 1;

/// The end of the journal: where the next group goes.
pub(super) struct Tail {
    pub(super) durable: Arc<Durable>,
    /// The last segment.
    pub(super) segment: NamedFile,
    /// The position of its first leaf.
    pub(super) first: u64,
    /// Its octets up to now.
    pub(super) end: u64,
    /// The position of the next leaf.
    pub(super) next: u64,
    /// The time of the last leaf.
    pub(super) last_ms: i64,
    /// SHA-256 of the first leaf; none before there is one.
    pub(super) genesis: Option<Digest>,
    /// A segment grows to this many octets.
    pub(super) segment_bytes: u64,
    /// The records of a group; kept for its memory.
    pub(super) records: Vec<u8>,
}

impl Tail {
    /// Makes `leaves` durable and returns the position of the first.
    ///
    /// Leaf times never go back: a leaf that is earlier than the one before takes its time. After
    /// an error this must not be called again: what is on disk then is unknown.
    pub(super) fn commit(&mut self, leaves: &mut [Vec<u8>]) -> Result<u64, JournalError> {
        let start = self.next;
        self.check_genesis(leaves)?;
        let size: usize = leaves.iter().map(|leaf| leaf.len() + FRAMING).sum();
        if self.end + size as u64 > self.segment_bytes && self.next > self.first {
            self.roll()?;
        }
        self.records.clear();
        let (mut marks, mut hashes) = (Vec::new(), Vec::with_capacity(leaves.len()));
        for leaf in leaves.iter_mut() {
            self.last_ms = self.last_ms.max(leaf_time(leaf).unwrap_or(i64::MIN));
            set_leaf_time(leaf, self.last_ms);
            if Durable::is_marked(self.next) {
                marks.push((self.first, self.end + self.records.len() as u64));
            }
            hashes.push(put_record(&mut self.records, self.next, leaf));
            self.next += 1;
        }
        self.write().map_err(JournalError::io("write and sync", self.segment.path.clone()))?;
        self.end += self.records.len() as u64;
        self.durable.grow(&hashes, &marks);
        Ok(start)
    }

    /// Write, fdatasync, and only then is anything released. A segment that lost its name would
    /// take both and keep nothing for the next start.
    fn write(&self) -> io::Result<()> {
        self.segment.file.write_at(&self.records, self.end)?;
        self.segment.file.sync_data()?;
        self.segment.check_name()
    }

    fn check_genesis(&mut self, leaves: &[Vec<u8>]) -> Result<(), JournalError> {
        let Some(first) = leaves.first().filter(|_| self.next == 0) else {
            return Ok(());
        };
        if first.get(1) != Some(&GENESIS) {
            return Err(JournalError::LeafRefused {
                position: 0,
                why: "the first leaf is not genesis".to_owned(),
            });
        }
        self.genesis = Some(Digest(x509::sha256(first)));
        Ok(())
    }

    fn roll(&mut self) -> Result<(), JournalError> {
        let header =
            SegmentHeader { genesis: self.genesis.unwrap_or(Digest([0; 32])), first: self.next };
        self.segment = new_segment(&*self.durable.disk, &self.durable.dir, &header)?;
        self.first = self.next;
        self.end = HEADER as u64;
        Ok(())
    }
}

/// Makes an empty segment: it has its name only once its header is durable, and a leaf only once
/// its name is.
pub(super) fn new_segment(
    disk: &dyn Disk,
    dir: &Path,
    header: &SegmentHeader,
) -> Result<NamedFile, JournalError> {
    let unborn = dir.join(UNBORN);
    let path = dir.join(name(header.first));
    make(disk, dir, (&unborn, &path), header).map_err(JournalError::io("make", path.clone()))
}

fn make(
    disk: &dyn Disk,
    dir: &Path,
    (unborn, path): (&PathBuf, &PathBuf),
    header: &SegmentHeader,
) -> io::Result<NamedFile> {
    let file = disk.create(unborn)?;
    file.write_at(&header.encode(), 0)?;
    file.sync_data()?;
    disk.rename(unborn, path)?;
    disk.sync_dir(dir)?;
    Ok(NamedFile { path: path.clone(), file })
}

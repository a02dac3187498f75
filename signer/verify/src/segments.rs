//! Reads the leaves of a journal from its segments (docs/wire/journal.md), which stay as they are.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use signer_log::merkle::Hash;
use signer_log::segment::{FRAMING, Front, HEADER, LENGTH, SegmentHeader, first_of, front, name};
use signer_proto::{Digest, LEAF_VERSION};
use thiserror::Error;
use x509::sha256;

use crate::fault::{Fault, FaultKind};

/// A segment takes groups as long as it stays under 64 MiB.
const SEGMENT_MAX: u64 = 64 * 1024 * 1024;
/// A group has at most 4 MiB: what a torn write leaves is no longer.
const GROUP_BYTES: usize = 4 * 1024 * 1024;
/// A group has at most 512 leaves.
const GROUP_LEAVES: u64 = 512;

/// The files cannot be read. Unavailable.
#[derive(Debug, Error)]
#[error("cannot {doing} {}", path.display())]
pub struct ReadError {
    doing: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ReadError {
    let path = path.to_owned();
    move |source| ReadError { doing, path, source }
}

/// Why the walk ended before the end.
pub(crate) enum Stop {
    /// The operating system said no.
    Io(ReadError),
    /// The journal is wrong, or whoever takes the leaves says so.
    Fault(Fault),
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::Io(error)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// What was there.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Walked {
    /// How many leaves.
    pub(crate) leaves: u64,
    /// How many segments.
    pub(crate) segments: u64,
    /// Octets behind the last leaf: a write that was torn, or one under way.
    pub(crate) tail: u64,
}

/// Takes a leaf's position, its octets and its Merkle hash.
pub(crate) type OnLeaf<'a> = &'a mut dyn FnMut(u64, &[u8], Hash) -> Result<(), Fault>;

/// Walks over all leaves in order.
pub(crate) fn walk(dir: &Path, on_leaf: OnLeaf<'_>) -> Result<Walked, Stop> {
    let firsts = list(dir)?;
    if firsts.is_empty() {
        return Err(Fault::new(0, FaultKind::SegmentMissing, "there is no segment").into());
    }
    let mut walk = Walk { genesis: Digest([0; 32]), walked: Walked::default(), on_leaf };
    for (nth, first) in firsts.iter().enumerate() {
        walk.segment(dir, *first, nth + 1 == firsts.len())?;
    }
    Ok(walk.walked)
}

fn list(dir: &Path) -> Result<Vec<u64>, ReadError> {
    let mut firsts = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed("list", dir))? {
        let entry = entry.map_err(failed("list", dir))?;
        firsts.extend(entry.file_name().to_str().and_then(first_of));
    }
    firsts.sort_unstable();
    Ok(firsts)
}

struct Walk<'a> {
    genesis: Digest,
    walked: Walked,
    on_leaf: OnLeaf<'a>,
}

impl Walk<'_> {
    fn segment(&mut self, dir: &Path, first: u64, is_last: bool) -> Result<(), Stop> {
        let next = self.walked.leaves;
        if first != next {
            let why = format!("the segment at {first} comes where the leaf {next} belongs");
            return Err(Fault::new(next, FaultKind::SegmentMissing, why).into());
        }
        let octets = read(&dir.join(name(first)))?;
        let expected = SegmentHeader { genesis: self.genesis, first }.encode();
        let Some(mut rest) = octets.strip_prefix(expected.as_slice()) else {
            let why = "the header is not that of this segment";
            return Err(Fault::new(first, FaultKind::SegmentHeader, why).into());
        };
        if octets.len() as u64 > SEGMENT_MAX {
            let why = format!("a segment of more than {SEGMENT_MAX} octets");
            return Err(Fault::new(first, FaultKind::SegmentHeader, why).into());
        }
        self.walked.segments += 1;
        while !rest.is_empty() {
            let position = self.walked.leaves;
            let why = match front(rest, position) {
                Front::Record(leaf, hash, record) => {
                    self.leaf(leaf, hash)?;
                    rest = rest.get(record..).unwrap_or_default();
                    continue;
                }
                Front::Short(_) => "the segment ends inside a record",
                Front::Bad(why) => why,
            };
            // Only the last group can be torn: nothing in it was reported.
            if is_last && rest.len() <= GROUP_BYTES && !holds_record(rest, position) {
                self.walked.tail = rest.len() as u64;
                return Ok(());
            }
            let offset = octets.len() - rest.len();
            let why = format!("{}, octet {offset}: {why}", name(first));
            return Err(Fault::new(position, FaultKind::Record, why).into());
        }
        Ok(())
    }

    fn leaf(&mut self, leaf: &[u8], hash: Hash) -> Result<(), Fault> {
        let position = self.walked.leaves;
        if position == 0 {
            self.genesis = Digest(sha256(leaf));
        }
        (self.on_leaf)(position, leaf, hash)?;
        self.walked.leaves += 1;
        Ok(())
    }
}

/// Reads a file, but little more than a segment can have: the rest would only be refused.
fn read(path: &Path) -> Result<Vec<u8>, ReadError> {
    let file = File::open(path).map_err(failed("open", path))?;
    let mut octets = Vec::new();
    let most = SEGMENT_MAX + HEADER as u64;
    file.take(most).read_to_end(&mut octets).map_err(failed("read", path))?;
    Ok(octets)
}

/// Returns whether a whole record of the group that starts at `position` stands in `tail` behind
/// its first octet: then it is no torn write.
fn holds_record(tail: &[u8], position: u64) -> bool {
    (1..tail.len()).any(|at| {
        let bytes = tail.get(at..).unwrap_or_default();
        may_be_record(bytes)
            && (0..GROUP_LEAVES)
                .any(|nth| matches!(front(bytes, position + nth), Front::Record(..)))
    })
}

fn may_be_record(bytes: &[u8]) -> bool {
    let Some((length, leaf)) = bytes.split_first_chunk::<LENGTH>() else {
        return false;
    };
    // Times before the year 10889 start with two zero octets.
    matches!(leaf, [LEAF_VERSION, _, 0, 0, ..])
        && bytes.len() >= u32::from_be_bytes(*length) as usize + FRAMING
}

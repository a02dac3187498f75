//! Walks over the records of one segment with few, large reads.

use std::io;

use super::disk::DiskFile;
use signer_log::merkle::Hash;
use signer_log::segment::{Front, LENGTH, front};

const SMALLEST: usize = 4 * 1024;
const LARGEST: usize = 1024 * 1024;

/// What a step over a segment found.
#[derive(Debug)]
pub(super) enum Step<'a> {
    /// The next leaf and its hash.
    Leaf(&'a [u8], Hash),
    /// The file ends where a record would start.
    End,
    /// Octets that are no record at this position.
    Bad(&'static str),
}

/// A place between two records of an open segment.
pub(super) struct Scan<'f> {
    file: &'f dyn DiskFile,
    /// Octets that were read: `used` of them are behind us.
    buffer: Vec<u8>,
    used: usize,
    /// Where in the file the first octet not used stands.
    offset: u64,
    /// How much the next read asks for: more each time, so that a short look stays cheap.
    chunk: usize,
}

impl<'f> Scan<'f> {
    /// Starts at `offset`.
    pub(super) fn new(file: &'f dyn DiskFile, offset: u64) -> Self {
        Self { file, buffer: Vec::new(), used: 0, offset, chunk: SMALLEST }
    }

    /// Returns where the next record starts.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes the record at `position`. After [`Step::Bad`] the place stays where it is.
    pub(super) fn next(&mut self, position: u64) -> io::Result<Step<'_>> {
        let (leaf, hash, record) = loop {
            let rest = self.buffer.get(self.used..).unwrap_or_default();
            match front(rest, position) {
                Front::Record(leaf, hash, record) => break (leaf.len(), hash, record),
                Front::Bad(why) => return Ok(Step::Bad(why)),
                Front::Short(needed) => {
                    if self.fill(needed)? {
                        continue;
                    }
                    return Ok(if self.used == self.buffer.len() {
                        Step::End
                    } else {
                        Step::Bad("the segment ends inside a record")
                    });
                }
            }
        };
        let start = self.used + LENGTH;
        self.used += record;
        self.offset += record as u64;
        let found = self.buffer.get(start..start + leaf).unwrap_or_default();
        Ok(Step::Leaf(found, hash))
    }

    /// Reads on until `needed` octets are there; says whether they are.
    fn fill(&mut self, needed: usize) -> io::Result<bool> {
        self.buffer.drain(..self.used);
        self.used = 0;
        self.chunk = LARGEST.min(self.chunk * 2);
        while self.buffer.len() < needed {
            let have = self.buffer.len();
            self.buffer.resize(have.max(needed).max(self.chunk), 0);
            let room = self.buffer.get_mut(have..).unwrap_or_default();
            let read = self.file.read_at(room, self.offset + have as u64);
            self.buffer.truncate(have + *read.as_ref().unwrap_or(&0));
            if read? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

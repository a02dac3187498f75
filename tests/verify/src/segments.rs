//! Journals as files: the test's own reading and writing of segments.

use std::fs;
use std::path::Path;

use signer_log::merkle::CompactRange;
use signer_log::segment::{
    Front, HEADER, SegmentHeader, first_of, front, leaf_hash, name, put_record,
};
use signer_proto::Digest;

/// Reads all leaves of an honest journal.
///
/// # Panics
/// If it is not in order.
#[must_use]
pub fn read_leaves(dir: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(dir).expect("the journal is there");
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut firsts: Vec<u64> = names.filter_map(|name| first_of(&name)).collect();
    firsts.sort_unstable();
    let mut leaves = Vec::new();
    for first in firsts {
        let octets = fs::read(dir.join(name(first))).expect("a segment");
        let mut rest = &octets[HEADER..];
        while !rest.is_empty() {
            let Front::Record(leaf, _, length) = front(rest, leaves.len() as u64) else {
                panic!("no record at {}", leaves.len());
            };
            leaves.push(leaf.to_vec());
            rest = &rest[length..];
        }
    }
    leaves
}

/// Writes leaves as segments of at most so many, with checks that fit.
///
/// # Panics
/// If the directory cannot be written.
pub fn write_segments(dir: &Path, leaves: &[Vec<u8>], most: usize) {
    fs::create_dir_all(dir).expect("a directory");
    let genesis = leaves.first().map_or(Digest([0; 32]), |leaf| Digest(x509::sha256(leaf)));
    for (nth, chunk) in leaves.chunks(most).enumerate() {
        let first = (nth * most) as u64;
        let genesis = if first == 0 { Digest([0; 32]) } else { genesis };
        let mut octets = SegmentHeader { genesis, first }.encode();
        for (position, leaf) in (first..).zip(chunk) {
            put_record(&mut octets, position, leaf);
        }
        fs::write(dir.join(name(first)), octets).expect("a segment");
    }
}

/// Publishes the hash tiles of level 0 as the log does, and returns the tree.
///
/// # Panics
/// If the directory cannot be written.
#[must_use]
pub fn publish(dir: &Path, leaves: &[Vec<u8>]) -> CompactRange {
    let mut tree = CompactRange::default();
    for (index, chunk) in (0..).zip(leaves.chunks(256)) {
        let hashes: Vec<_> = chunk.iter().map(|leaf| leaf_hash(leaf)).collect();
        hashes.iter().for_each(|hash| tree.append(*hash));
        let width = u16::try_from(hashes.len()).expect("a tile has 256 hashes");
        let path = dir.join(signer_log::tile::Tile { level: 0, index, width }.to_string());
        fs::create_dir_all(path.parent().expect("a folder")).expect("a directory");
        fs::write(path, hashes.concat()).expect("a tile");
    }
    tree
}

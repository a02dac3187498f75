//! The Merkle tree over the durable leaves: its right edge in memory, full tiles in files.
//!
//! The hashes of level 0, 8, 16, ... stand one after the other in the files `tiles-0`, `tiles-1`,
//! ... beside the segments: the full tile N is the 8192 octets from 8192 * N on. A start replays
//! every leaf and writes each tile that is not as it should be, so the files are never synced and
//! never believed: a tile that is read back is held against the tile above it, and so on up to
//! the edge in memory.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use signer_log::merkle::Hash;
use signer_log::proof::Nodes;
use signer_log::tile::{FULL, HEIGHT, Tile, fold_tile};

use super::disk::{Disk, DiskFile};
use super::error::JournalError;

/// Octets of a full tile.
const TILE: usize = FULL as usize * 32;

/// The files of full tiles, by level, each opened when its first tile is full.
type Files = Vec<Arc<dyn DiskFile>>;
/// Hashes one after the other.
type Hashes = Rc<Vec<u8>>;

/// The tree as the journal's writer grows it. At most 256 hashes a level are in memory.
pub(super) struct Tree {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    size: u64,
    /// The hashes of each level that fill no tile yet.
    edge: Vec<Vec<u8>>,
    files: Files,
    /// Why a tile could not be kept. Roots and proofs of earlier trees fail from then on; the
    /// journal goes on, and a start makes the tiles again.
    lost: Option<String>,
}

impl Tree {
    pub(super) fn new(disk: Arc<dyn Disk>, dir: PathBuf) -> Self {
        Self { disk, dir, size: 0, edge: Vec::new(), files: Files::new(), lost: None }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf by its hash.
    pub(super) fn append(&mut self, leaf: Hash) {
        let (mut hash, mut level) = (leaf, 0);
        loop {
            if self.edge.len() == level {
                self.edge.push(Vec::with_capacity(TILE));
            }
            let Some(tile) = self.edge.get_mut(level) else { break };
            tile.extend_from_slice(&hash);
            let full = if tile.len() < TILE { None } else { fold_tile(tile, 0, FULL.into()) };
            let Some(root) = full else { break };
            let content = std::mem::replace(tile, Vec::with_capacity(TILE));
            if self.lost.is_none() {
                self.lost = self.keep(level, &content).err().map(|error| error.to_string());
            }
            (hash, level) = (root, level + 1);
        }
        self.size += 1;
    }

    /// Writes the tile that just became full, unless it stands there already.
    fn keep(&mut self, level: usize, content: &[u8]) -> std::io::Result<()> {
        if self.files.len() == level {
            let path = self.dir.join(format!("tiles-{level}"));
            self.files.push(open_or_create(&*self.disk, &path)?);
        }
        let Some(file) = self.files.get(level) else { return Ok(()) };
        let nth = self.size >> (HEIGHT as usize * (level + 1));
        let at = nth * TILE as u64;
        let there = read_tile(&**file, at).is_ok_and(|found| found == content);
        if there { Ok(()) } else { file.write_at(content, at) }
    }

    /// Returns the tree as it is now, to be asked without any lock.
    pub(super) fn view(&self) -> TreeView {
        TreeView {
            size: self.size,
            edge: self.edge.clone(),
            files: self.files.clone(),
            lost: self.lost.clone(),
            seen: RefCell::default(),
        }
    }
}

fn open_or_create(disk: &dyn Disk, path: &Path) -> std::io::Result<Arc<dyn DiskFile>> {
    let opened = match disk.open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => disk.create(path),
        opened => opened,
    };
    opened.map(Arc::from)
}

fn read_tile(file: &dyn DiskFile, at: u64) -> std::io::Result<Vec<u8>> {
    let mut content = vec![0; TILE];
    let mut have = 0;
    while let Some(room) = content.get_mut(have..).filter(|room| !room.is_empty()) {
        match file.read_at(room, at + have as u64)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => have += read,
        }
    }
    Ok(content)
}

/// A tree of durable leaves at one moment: roots, tiles and proofs of it and of every earlier one
/// come out of here, by the functions of `signer_log::proof`.
pub struct TreeView {
    size: u64,
    edge: Vec<Vec<u8>>,
    files: Files,
    lost: Option<String>,
    /// Full tiles that were read and held against those above.
    seen: RefCell<HashMap<(u8, u64), Hashes>>,
}

impl fmt::Debug for TreeView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TreeView").field("size", &self.size).finish_non_exhaustive()
    }
}

impl TreeView {
    /// Returns the number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the content of a tile that is in the tree; one that is less wide than its place in
    /// the tree would have it is that of an earlier tree.
    ///
    /// # Errors
    /// [`JournalError::Tree`] for one that is not in the tree, or cannot be had.
    pub fn tile(&self, tile: Tile) -> Result<Vec<u8>, JournalError> {
        let whole = self.whole(tile.level, tile.index)?;
        let content = whole.get(..tile.octets()).ok_or_else(|| not_there(tile))?;
        Ok(content.to_vec())
    }

    /// Returns all hashes that the tree has at a tile's place.
    fn whole(&self, level: u8, index: u64) -> Result<Hashes, JournalError> {
        let asked = Tile { level, index, width: FULL };
        let at_edge = Tile::at(level, index, self.size).ok_or_else(|| not_there(asked))?;
        if !at_edge.is_full() {
            let edge = self.edge.get(usize::from(level)).ok_or_else(|| not_there(asked))?;
            return Ok(Rc::new(edge.clone()));
        }
        if let Some(seen) = self.seen.borrow().get(&(level, index)) {
            return Ok(Rc::clone(seen));
        }
        let content = Rc::new(self.read(asked)?);
        self.seen.borrow_mut().insert((level, index), Rc::clone(&content));
        Ok(content)
    }

    /// Reads a full tile and holds it against the hash that stands for it in the tile above.
    fn read(&self, tile: Tile) -> Result<Vec<u8>, JournalError> {
        let broken = |why: String| JournalError::Tree(format!("{tile}: {why}"));
        if let Some(why) = &self.lost {
            return Err(broken(why.clone()));
        }
        let file = self.files.get(usize::from(tile.level)).ok_or_else(|| not_there(tile))?;
        let at = tile.index * TILE as u64;
        let content = read_tile(&**file, at).map_err(|error| broken(error.to_string()))?;
        let above = self.node(HEIGHT * (u32::from(tile.level) + 1), tile.index)?;
        if fold_tile(&content, 0, FULL.into()) == Some(above) {
            Ok(content)
        } else {
            Err(broken("it is not what was written".to_owned()))
        }
    }
}

impl Nodes for TreeView {
    type Error = JournalError;

    fn node(&self, level: u32, index: u64) -> Result<Hash, JournalError> {
        let missing = || JournalError::Tree(format!("no node {index} at level {level}"));
        let (tile, from, count) = Tile::of_node(level, index, self.size).ok_or_else(missing)?;
        let content = self.whole(tile.level, tile.index)?;
        fold_tile(&content, from, count).ok_or_else(missing)
    }
}

fn not_there(tile: Tile) -> JournalError {
    JournalError::Tree(format!("{tile} is not there"))
}

#[cfg(test)]
mod tests {
    use signer_log::merkle::{CompactRange, root};
    use signer_log::proof::{
        consistency, inclusion, root_at, verify_consistency, verify_inclusion,
    };
    use signer_log::segment::leaf_hash;
    use signer_proto::{Digest, Leaf};

    use super::*;
    use crate::fixture::{Ring, leaf};
    use crate::testing::{Fault, SimulatedDisk};
    use crate::{Journal, RealDisk, View};

    const DIR: &str = "/ring/journal";

    fn hash(n: u64) -> Hash {
        leaf_hash(&n.to_be_bytes())
    }

    fn tree_of(disk: &SimulatedDisk, size: u64) -> Tree {
        let mut tree = Tree::new(Arc::new(disk.clone()), DIR.into());
        (0..size).for_each(|n| tree.append(hash(n)));
        tree
    }

    #[test]
    fn every_root_and_proof_is_that_of_a_tree_in_memory() {
        let disk = SimulatedDisk::new(1);
        let mut tree = tree_of(&disk, 0);
        let mut range = CompactRange::default();
        let mut roots = vec![range.root()];
        // Two full tiles of level 1 and a bit, so that there are three levels.
        for n in 0..131_500 {
            tree.append(hash(n));
            range.append(hash(n));
            roots.push(range.root());
        }
        let view = tree.view();
        let in_memory: usize = view.edge.iter().map(Vec::len).sum();
        assert!(view.edge.len() == 3 && in_memory < 3 * TILE, "{in_memory}");
        let root = &roots[131_500];
        for size in [0, 1, 255, 256, 257, 65_535, 65_536, 65_537, 131_072, 131_499, 131_500] {
            let old = &roots[usize::try_from(size).unwrap()];
            assert_eq!(root_at(&view, size).unwrap(), *old, "{size}");
            let proof = consistency(&view, size, 131_500).unwrap();
            assert_eq!(verify_consistency((size, old), (131_500, root), &proof), Ok(()));
            let index = size.min(131_499);
            let proof = inclusion(&view, index, 131_500).unwrap();
            let verdict = verify_inclusion(&hash(index), (index, 131_500), &proof, root);
            assert_eq!(verdict, Ok(()), "{index}");
        }
    }

    #[test]
    fn tiles_are_those_of_the_specification() {
        let disk = SimulatedDisk::new(1);
        let view = tree_of(&disk, 600).view();
        let leaves = |from: u64, to: u64| -> Vec<u8> { (from..to).flat_map(hash).collect() };
        let tile = |path: &str| view.tile(Tile::parse(path).unwrap());
        assert_eq!(tile("tile/0/001").unwrap(), leaves(256, 512));
        assert_eq!(tile("tile/0/002.p/88").unwrap(), leaves(512, 600));
        assert_eq!(tile("tile/0/002.p/5").unwrap(), leaves(512, 517));
        assert_eq!(tile("tile/0/001.p/5").unwrap(), leaves(256, 261));
        let above = [fold_tile(&leaves(0, 256), 0, 256), fold_tile(&leaves(256, 512), 0, 256)];
        assert_eq!(tile("tile/1/000.p/2").unwrap(), above.map(Option::unwrap).concat());
        for path in ["tile/0/002", "tile/0/002.p/89", "tile/0/003.p/1", "tile/1/000", "tile/2/000"]
        {
            assert!(matches!(tile(path), Err(JournalError::Tree(_))), "{path}");
        }
    }

    #[test]
    fn a_tile_that_rotted_is_an_error_and_a_start_makes_it_again() {
        let disk = SimulatedDisk::new(1);
        let tree = tree_of(&disk, 70_000);
        let path = Path::new(DIR).join("tiles-0");
        for (octet, index) in [(0, 0), (TILE - 1, 0), (TILE + 5, 1)] {
            let size = 256 * index + 100;
            let honest = root_at(&tree.view(), size).unwrap();
            let mut content = disk.content(&path).unwrap();
            content[octet] ^= 1;
            disk.plant(&path, content);
            let (first, second) = (open_or_create(&disk, &path), tree.files[1].clone());
            let bent = TreeView { files: vec![first.unwrap(), second], ..tree.view() };
            let rotten = bent.tile(Tile { level: 0, index, width: FULL });
            assert!(matches!(rotten, Err(JournalError::Tree(_))), "{octet}");
            assert!(matches!(root_at(&bent, size), Err(JournalError::Tree(_))), "{octet}");
            let again = tree_of(&disk, 70_000);
            assert_eq!(root_at(&again.view(), size).unwrap(), honest);
        }
    }

    #[test]
    fn a_tile_that_cannot_be_kept_fails_earlier_roots_and_nothing_else() {
        let ring = Ring::with_genesis();
        let journal = ring.open();
        let leaves: Vec<Leaf> = (1..300).map(|n| leaf(n, 10)).collect();
        ring.commit(&journal, &leaves[..254]).unwrap();
        // The leaf that fills the tile, alone in its group: one write, one sync, then the tile's
        // file is made.
        ring.disk.fail_after(2, Fault::Io);
        ring.commit(&journal, &leaves[254..255]).unwrap();
        ring.commit(&journal, &leaves[255..]).unwrap();
        assert!(matches!(root_at(&journal.tree(), 100), Err(JournalError::Tree(_))));
        let replayed = ring.replay().unwrap();
        assert_eq!(root_at(&journal.tree(), 300).unwrap(), root(&replayed).0);
        drop(journal);
        let journal = ring.open();
        assert_eq!(root_at(&journal.tree(), 100).unwrap(), root(&replayed[..100]).0);
    }

    #[test]
    fn only_durable_leaves_are_in_the_tree() {
        let ring = Ring::with_genesis();
        let journal = ring.open();
        let before = root_at(&journal.tree(), 1).unwrap();
        ring.disk.fail_after(1, Fault::Io);
        ring.commit(&journal, &[leaf(1, 10)]).unwrap_err();
        assert_eq!(journal.tree().size(), 1);
        assert_eq!(root_at(&journal.tree(), 1).unwrap(), before);
    }

    #[test]
    fn a_reader_beside_the_signer_has_the_root_and_writes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let open = |disk| Journal::open(disk, dir.path(), None, &mut |_, _| Ok(())).unwrap().0;
        let journal = open(Arc::new(RealDisk));
        journal.submit_quietly(&crate::fixture::genesis(1));
        (1..400).for_each(|n| journal.submit_quietly(&leaf(n, 10)));
        journal.close();
        let size = journal.size();
        assert_eq!(size, 400);
        let root = Digest(root_at(&journal.tree(), size).unwrap());
        let kept = std::fs::read(dir.path().join("tiles-0")).unwrap();
        assert_eq!(kept.len(), TILE);
        std::fs::remove_file(dir.path().join("tiles-0")).unwrap();
        let viewed = open(Arc::new(View));
        assert_eq!(Digest(root_at(&viewed.tree(), size).unwrap()), root);
        assert!(root_at(&viewed.tree(), 100).is_err());
        assert!(!dir.path().join("tiles-0").exists());
        let again = open(Arc::new(RealDisk));
        assert!(root_at(&again.tree(), 100).is_ok());
        assert_eq!(std::fs::read(dir.path().join("tiles-0")).unwrap(), kept);
    }
}

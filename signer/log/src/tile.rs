//! Hash tiles as C2SP tlog-tiles lays them out: height 8, `tile/<L>/<N>[.p/<W>]`.

use core::fmt;

use crate::merkle::{CompactRange, Hash};
use crate::proof::Nodes;

/// Levels of the tree that one tile spans.
pub const HEIGHT: u32 = 8;
/// Hashes of a full tile.
pub const FULL: u16 = 1 << HEIGHT;
/// Octets of a hash.
const HASH: usize = 32;
/// The highest level of tiles that a tree of 2^64 leaves has.
const TOP: u8 = 7;

/// A tile by its place: `width` hashes at level `8 * level` of the tree, from `256 * index` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    /// 0 to 7; the hashes of level 0 are leaf hashes.
    pub level: u8,
    /// Counts the tiles of a level.
    pub index: u64,
    /// How many hashes it has: 256 if it is full.
    pub width: u16,
}

impl Tile {
    /// Returns the tile at this place in a tree of `size` leaves, as wide as it is there; none if
    /// that tree has no hash there.
    #[must_use]
    pub fn at(level: u8, index: u64, size: u64) -> Option<Self> {
        if level > TOP {
            return None;
        }
        let hashes = size >> (u32::from(level) * HEIGHT);
        let before = index.checked_mul(u64::from(FULL))?;
        let width = hashes.checked_sub(before)?.min(u64::from(FULL));
        let width = u16::try_from(width).ok().filter(|width| *width > 0)?;
        Some(Self { level, index, width })
    }

    /// Returns the tile that holds or makes the node, and the hashes of it that are below the
    /// node: the first, and how many. `size` is that of the tree, in which the node is complete.
    #[must_use]
    pub fn of_node(level: u32, index: u64, size: u64) -> Option<(Self, usize, usize)> {
        let above = level % HEIGHT;
        let first = index.checked_mul(1 << above)?;
        let tile = Self::at(u8::try_from(level / HEIGHT).ok()?, first >> HEIGHT, size)?;
        let from = usize::try_from(first % u64::from(FULL)).ok()?;
        let count = 1 << above;
        (from + count <= usize::from(tile.width)).then_some((tile, from, count))
    }

    /// Returns whether it has all its hashes, so that it never changes again.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.width == FULL
    }

    /// Returns the octets that its content has.
    #[must_use]
    pub fn octets(&self) -> usize {
        usize::from(self.width) * HASH
    }

    /// Returns its content: the hashes one after the other.
    ///
    /// # Errors
    /// What the source of hashes says.
    pub fn content<N: Nodes>(&self, nodes: &N) -> Result<Vec<u8>, N::Error> {
        let level = u32::from(self.level) * HEIGHT;
        let first = self.index * u64::from(FULL);
        let mut out = Vec::with_capacity(self.octets());
        for nth in 0..u64::from(self.width) {
            out.extend_from_slice(&nodes.node(level, first + nth)?);
        }
        Ok(out)
    }

    /// Reads `tile/<L>/<N>[.p/<W>]` as it is written: no other spelling, no level of data tiles.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (level, place) = path.strip_prefix("tile/")?.split_once('/')?;
        let (place, width) = match place.split_once(".p/") {
            Some((place, width)) => (place, width.parse().ok()?),
            None => (place, FULL),
        };
        let digits: String = place.split('/').map(|part| part.trim_start_matches('x')).collect();
        let tile = Self { level: level.parse().ok()?, index: digits.parse().ok()?, width };
        // One spelling for each tile: leading zeros, signs and x in wrong places fall here.
        let well_formed = tile.level <= TOP && (1..=FULL).contains(&width);
        (well_formed && tile.to_string() == path).then_some(tile)
    }
}

/// Shows the path, as in `tile/0/x001/x234/067.p/5`.
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/", self.level)?;
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for (nth, group) in groups.iter().enumerate().rev() {
            match nth {
                0 => write!(f, "{group:03}")?,
                _ => write!(f, "x{group:03}/")?,
            }
        }
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

/// Returns the root over `count` hashes of a tile's content from the one at `from` on; none if
/// the content has not so many.
#[must_use]
pub fn fold_tile(content: &[u8], from: usize, count: usize) -> Option<Hash> {
    let octets =
        content.get(from.checked_mul(HASH)?..from.checked_add(count)?.checked_mul(HASH)?)?;
    let mut tree = CompactRange::default();
    let (hashes, _) = octets.as_chunks::<HASH>();
    hashes.iter().for_each(|hash| tree.append(*hash));
    (count > 0).then(|| tree.root())
}

/// Why a hash could not be had from tiles.
#[derive(Debug, thiserror::Error)]
pub enum TileError<E> {
    /// The node is not complete in the tree.
    #[error("the node {index} at level {level} is not in the tree")]
    Outside {
        /// Its level.
        level: u32,
        /// Its place.
        index: u64,
    },
    /// A tile has not the octets that its width says.
    #[error("{0} has not the octets that it should")]
    Length(Tile),
    /// The tile cannot be had.
    #[error("a tile is not there")]
    Fetch(#[source] E),
}

/// A tree of `size` leaves whose hashes come out of tiles.
///
/// What it gives is only as good as the tiles: hold a root against a signed one.
pub struct Tiled<F> {
    /// The number of leaves.
    pub size: u64,
    /// Returns a tile's content.
    pub fetch: F,
}

impl<F, E> Nodes for Tiled<F>
where
    F: Fn(Tile) -> Result<Vec<u8>, E>,
{
    type Error = TileError<E>;

    fn node(&self, level: u32, index: u64) -> Result<Hash, TileError<E>> {
        let (tile, from, count) =
            Tile::of_node(level, index, self.size).ok_or(TileError::Outside { level, index })?;
        let content = (self.fetch)(tile).map_err(TileError::Fetch)?;
        if content.len() != tile.octets() {
            return Err(TileError::Length(tile));
        }
        fold_tile(&content, from, count).ok_or(TileError::Length(tile))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::merkle::node_hash;
    use crate::proof::{consistency, inclusion, root_at};
    use crate::segment::leaf_hash;

    const PATHS: [(Tile, &str); 6] = [
        (Tile { level: 0, index: 0, width: 256 }, "tile/0/000"),
        (Tile { level: 0, index: 1_234_067, width: 256 }, "tile/0/x001/x234/067"),
        (Tile { level: 1, index: 999, width: 1 }, "tile/1/999.p/1"),
        (Tile { level: 2, index: 1000, width: 255 }, "tile/2/x001/000.p/255"),
        (Tile { level: 0, index: 1_000_000, width: 256 }, "tile/0/x001/x000/000"),
        (
            Tile { level: 7, index: u64::MAX, width: 256 },
            "tile/7/x018/x446/x744/x073/x709/x551/615",
        ),
    ];

    #[test]
    fn paths_are_written_and_read_one_way() {
        for (tile, path) in PATHS {
            assert_eq!(tile.to_string(), path);
            assert_eq!(Tile::parse(path), Some(tile), "{path}");
        }
        for path in [
            "tile/0/0",
            "tile/0/0000",
            "tile/00/000",
            "tile/+1/000",
            "tile/8/000",
            "tile/data/000",
            "tile/entries/000",
            "tile/0/x000/001",
            "tile/0/001/000",
            "tile/0/xx01/000",
            "tile/0/x01/000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/1/",
            "tile/0/000/",
            "tile/0/../000",
            "tile/0/",
            "tile/0",
            "/tile/0/000",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
        ] {
            assert_eq!(Tile::parse(path), None, "{path}");
        }
    }

    /// A tree with all nodes in memory, larger than two full tiles of a level.
    struct Levels(Vec<Vec<Hash>>);

    impl Levels {
        fn new(size: u64) -> Self {
            let mut levels = vec![(0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect()];
            while let Some(below) = levels.last().filter(|level: &&Vec<Hash>| level.len() > 1) {
                let next = below.chunks_exact(2).map(|two| node_hash(&two[0], &two[1]));
                levels.push(next.collect());
            }
            Self(levels)
        }
    }

    impl Nodes for Levels {
        type Error = Infallible;
        fn node(&self, level: u32, index: u64) -> Result<Hash, Infallible> {
            Ok(self.0[level as usize][usize::try_from(index).unwrap()])
        }
    }

    #[test]
    fn roots_and_proofs_out_of_tiles_equal_those_out_of_memory() {
        const SIZE: u64 = 70_001;
        let levels = Levels::new(SIZE);
        let tiled = |size| Tiled { size, fetch: |tile: Tile| tile.content(&levels) };
        for size in [1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 70_000, SIZE] {
            let tree = tiled(size);
            assert_eq!(root_at(&tree, size).unwrap(), root_at(&levels, size).unwrap(), "{size}");
            for index in [0, size / 3, size - 1] {
                let (one, other) = (inclusion(&tree, index, size), inclusion(&levels, index, size));
                assert_eq!(one.unwrap(), other.unwrap(), "{index} {size}");
                let (one, other) =
                    (consistency(&tree, index, size), consistency(&levels, index, size));
                assert_eq!(one.unwrap(), other.unwrap(), "{index} {size}");
            }
        }
    }

    #[test]
    fn tiles_are_as_wide_as_their_tree_makes_them() {
        let at = |level, index, size| Tile::at(level, index, size).map(|tile| tile.width);
        assert_eq!(at(0, 0, 0), None);
        assert_eq!(at(0, 0, 1), Some(1));
        assert_eq!(at(0, 1, 256), None);
        assert_eq!(at(0, 1, 257), Some(1));
        assert_eq!(at(1, 0, 255), None);
        assert_eq!(at(1, 0, 256), Some(1));
        assert_eq!(at(1, 0, 65_536), Some(256));
        assert_eq!(at(2, 0, 65_536), Some(1));
        assert_eq!(at(8, 0, u64::MAX), None);
        assert_eq!(at(0, u64::MAX, u64::MAX), None);
    }

    #[test]
    fn a_tile_of_the_wrong_length_is_an_error() {
        let short = Tiled { size: 300, fetch: |_| Ok::<_, Infallible>(vec![0; 31]) };
        assert!(matches!(short.node(0, 0), Err(TileError::Length(_))));
        assert!(matches!(short.node(0, 300), Err(TileError::Outside { .. })));
        assert!(matches!(short.node(9, 0), Err(TileError::Outside { .. })));
        assert_eq!(fold_tile(&[0; 64], 1, 2), None);
        assert_eq!(fold_tile(&[0; 64], usize::MAX, 2), None);
    }
}

//! The leaves' hashes as the log published them: tiles of level 0 (c2sp.org/tlog-tiles).

use std::io;
use std::path::Path;

use signer_log::merkle::Hash;
use signer_log::tile::{FULL, Tile};

/// Reads the hashes of the first `size` leaves from `dir`, which has `tile/0/...`. Stops at the
/// first tile that is not there.
pub(crate) fn leaf_hashes(dir: &Path, size: u64) -> io::Result<Vec<Hash>> {
    let mut hashes: Vec<Hash> = Vec::new();
    let tiles = (0..).map_while(|index| Tile::at(0, index, size));
    for tile in tiles {
        let Some(octets) = read(dir, tile)? else { break };
        let (whole, _) = octets.as_chunks();
        let before = hashes.len();
        hashes.extend(whole.iter().take(usize::from(tile.width)));
        if hashes.len() < before + usize::from(tile.width) {
            break;
        }
    }
    Ok(hashes)
}

/// Reads a tile of at least this width: a copy may have been made when it was wider.
fn read(dir: &Path, tile: Tile) -> io::Result<Option<Vec<u8>>> {
    for width in (tile.width..=FULL).rev() {
        let path = dir.join(Tile { width, ..tile }.to_string());
        if let Some(octets) = read_if_there(&path)? {
            return Ok(Some(octets));
        }
    }
    Ok(None)
}

fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(octets) => Ok(Some(octets)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(None),
        Err(error) => Err(error),
    }
}

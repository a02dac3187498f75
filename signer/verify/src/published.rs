//! The leaves' hashes as the log published them: tiles of level 0 (c2sp.org/tlog-tiles).

use std::io;
use std::path::{Path, PathBuf};

/// Hashes of a whole tile.
const WIDTH: u64 = 256;
const HASH: usize = 32;

/// Reads the hashes of the first `size` leaves from `dir`, which has `tile/0/...`. Stops at the
/// first tile that is not there.
pub(crate) fn leaf_hashes(dir: &Path, size: u64) -> io::Result<Vec<[u8; HASH]>> {
    let mut hashes: Vec<[u8; HASH]> = Vec::new();
    for tile in 0..size.div_ceil(WIDTH) {
        let wanted = (size - tile * WIDTH).min(WIDTH);
        let Some(octets) = read(dir, tile, wanted)? else { break };
        let (whole, _) = octets.as_chunks::<HASH>();
        let before = hashes.len() as u64;
        hashes.extend(whole.iter().take(usize::try_from(wanted).unwrap_or(0)));
        if (hashes.len() as u64) < before + wanted {
            break;
        }
    }
    Ok(hashes)
}

/// Reads a tile of at least `wanted` hashes: the whole one, or a partial one.
fn read(dir: &Path, tile: u64, wanted: u64) -> io::Result<Option<Vec<u8>>> {
    let whole = path(dir, tile);
    if let Some(octets) = read_if_there(&whole)? {
        return Ok(Some(octets));
    }
    let mut partial = whole.into_os_string();
    partial.push(".p");
    for width in wanted..WIDTH {
        if let Some(octets) = read_if_there(&Path::new(&partial).join(width.to_string()))? {
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

/// Groups of three digits, each but the last behind an `x`.
fn path(dir: &Path, tile: u64) -> PathBuf {
    let mut groups = vec![format!("{:03}", tile % 1000)];
    let mut rest = tile / 1000;
    while rest > 0 {
        groups.push(format!("x{:03}", rest % 1000));
        rest /= 1000;
    }
    let mut path = dir.join("tile/0");
    path.extend(groups.iter().rev());
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_have_the_paths_of_the_specification() {
        let at = |tile| path(Path::new(""), tile).to_str().unwrap().to_owned();
        assert_eq!(at(0), "tile/0/000");
        assert_eq!(at(999), "tile/0/999");
        assert_eq!(at(1000), "tile/0/x001/000");
        assert_eq!(at(1_234_067), "tile/0/x001/x234/067");
    }
}

//! Finds the other places where a directory is mounted: Landlock decides by path of mounts, so
//! a bind mount of the closed directory, or of something over it, would be a second door.

use super::{KeepOutError, unreadable};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

const MOUNTINFO: &str = "/proc/self/mountinfo";

/// Returns the directory and every other path at which it, or a part of it, is mounted.
pub(super) fn with_aliases(dir: &Path) -> Result<Vec<PathBuf>, KeepOutError> {
    let table = fs::read(MOUNTINFO).map_err(|source| unreadable(MOUNTINFO, source))?;
    let mut all = aliases(dir, &parse(&table));
    // A mount hidden under another one does not exist as a path.
    all.retain(|alias| alias.exists());
    all.push(dir.to_owned());
    Ok(all)
}

struct Mount {
    device: Vec<u8>,
    root: PathBuf,
    point: PathBuf,
}

/// proc_pid_mountinfo(5): `id parent major:minor root mount-point options ...`
fn parse(table: &[u8]) -> Vec<Mount> {
    let mount = |line: &[u8]| {
        let mut fields = line.split(|byte| *byte == b' ').skip(2);
        Some(Mount {
            device: fields.next()?.to_owned(),
            root: unescape(fields.next()?),
            point: unescape(fields.next()?),
        })
    };
    table.split(|byte| *byte == b'\n').filter_map(mount).collect()
}

/// Space, tab, newline and backslash stand as three octal digits.
fn unescape(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, tail)) = rest.split_first() {
        let code = (*first == b'\\').then(|| tail.get(..3)).flatten();
        let code = code.and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

fn aliases(dir: &Path, mounts: &[Mount]) -> Vec<PathBuf> {
    // The longest mount point over the directory holds it; of equal ones the last is on top.
    let over = mounts.iter().filter(|mount| dir.starts_with(&mount.point));
    let Some(home) = over.max_by_key(|mount| mount.point.components().count()) else {
        return Vec::new();
    };
    let Ok(below) = dir.strip_prefix(&home.point) else {
        return Vec::new();
    };
    let inside = home.root.join(below);
    mounts
        .iter()
        .filter(|mount| mount.device == home.device && mount.point != home.point)
        .filter_map(|mount| {
            if let Ok(rest) = inside.strip_prefix(&mount.root) {
                Some(mount.point.join(rest))
            } else if mount.root.starts_with(&inside) {
                Some(mount.point.clone())
            } else {
                None
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 8:2 / /srv rw - ext4 /dev/sda2 rw
30 22 8:2 /data /mnt/copy rw - ext4 /dev/sda2 rw
31 22 8:2 /data/ring/keys /mnt/keys rw - ext4 /dev/sda2 rw
32 22 8:2 /data/server /mnt/server rw - ext4 /dev/sda2 rw
33 22 8:3 /data /mnt/other rw - ext4 /dev/sda3 rw
34 22 8:2 /data/a\\040b /mnt/a\\134b rw - ext4 /dev/sda2 rw
";

    #[test]
    fn finds_mounts_over_and_under_the_directory() {
        let found = aliases(Path::new("/srv/data/ring"), &parse(TABLE));
        assert_eq!(found, [PathBuf::from("/mnt/copy/ring"), PathBuf::from("/mnt/keys")]);
    }

    #[test]
    fn a_directory_with_one_mount_has_no_alias() {
        assert_eq!(aliases(Path::new("/etc"), &parse(TABLE)), [] as [PathBuf; 0]);
    }

    #[test]
    fn reads_escapes() {
        let mounts = parse(TABLE);
        assert_eq!(mounts[6].root, Path::new("/data/a b"));
        assert_eq!(mounts[6].point, Path::new("/mnt/a\\b"));
        assert_eq!(unescape(b"x\\9"), Path::new("x\\9"));
    }

    #[test]
    fn the_directory_itself_is_always_there() {
        let dir = tempfile::tempdir().unwrap();
        let all = with_aliases(dir.path()).unwrap();
        assert!(all.contains(&dir.path().to_owned()), "{all:?}");
    }
}

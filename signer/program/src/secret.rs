//! Reads an unlock factor from a file, or from standard input.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::{Context as _, ensure};
use rustix::process::getegid;
use zeroize::Zeroizing;

/// More than any passphrase or credential has.
const MOST: u64 = 4096;

/// Reads a credential as it stands in the file, which only its owner may read.
///
/// # Errors
/// In words for the operator.
pub fn credential(path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    read(path).with_context(|| format!("the credential in {}", path.display()))
}

/// Reads a passphrase or a PIN: the file's content without one line end at its end.
///
/// # Errors
/// In words for the operator.
pub fn passphrase(path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let mut octets = read(path).with_context(|| format!("the passphrase in {}", path.display()))?;
    if octets.last() == Some(&b'\n') {
        octets.pop();
        if octets.last() == Some(&b'\r') {
            octets.pop();
        }
    }
    Ok(octets)
}

/// What stands for standard input.
const STDIN: &str = "-";

fn read(path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    if path == Path::new(STDIN) {
        return read_from(std::io::stdin().lock());
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let mode = metadata.mode() & 0o7777;
    ensure!(
        mode & 0o007 == 0,
        "every user may read it (mode {mode:04o}): chmod 0600 it, and make a new one if it was read"
    );
    // The server's group, for one. Root's is no harm: systemd gives a credential to its service by
    // an access control list, which the mode shows as a right of the file's group, root's.
    ensure!(
        mode & 0o070 == 0 || [0, getegid().as_raw()].contains(&metadata.gid()),
        "gid {} may read it (mode {mode:04o}), which is not the signer's own group: chmod 0600 it, \
         and make a new one if it was read",
        metadata.gid()
    );
    ensure!(metadata.len() <= MOST, "it has more than {MOST} octets");
    read_from(file)
}

fn read_from(source: impl Read) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    // Reserved at once: a vector that grows leaves copies behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(usize::try_from(MOST)? + 1));
    source.take(MOST + 1).read_to_end(&mut octets)?;
    ensure!(octets.len() as u64 <= MOST, "it has more than {MOST} octets");
    ensure!(!octets.is_empty(), "it is empty");
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn file(content: &[u8], mode: u32) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (dir, path)
    }

    #[test]
    fn a_passphrase_loses_one_line_end_and_a_credential_none() {
        for (content, phrase) in [("a b\n", "a b"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a", "a")] {
            let (_dir, path) = file(content.as_bytes(), 0o600);
            assert_eq!(*passphrase(&path).unwrap(), phrase.as_bytes());
            assert_eq!(*credential(&path).unwrap(), content.as_bytes());
        }
    }

    #[test]
    fn refuses_what_every_user_may_read_and_what_is_no_secret() {
        for (content, mode, why) in [
            (&b"secret"[..], 0o604, "every user"),
            (b"secret", 0o602, "every user"),
            (b"", 0o600, "empty"),
            (&[1; 4097], 0o600, "more than"),
        ] {
            let (_dir, path) = file(content, mode);
            let error = format!("{:#}", credential(&path).unwrap_err());
            assert!(error.contains(why), "{error}");
        }
        let (_dir, path) = file(b"secret", 0o640);
        assert!(credential(&path).is_ok());
        let other = Some(getegid().as_raw() + 64_802);
        // Only root can give a file to a group that is not its own.
        if std::os::unix::fs::chown(&path, None, other).is_ok() {
            let error = format!("{:#}", credential(&path).unwrap_err());
            assert!(error.contains("not the signer's own group"), "{error}");
        }
    }
}

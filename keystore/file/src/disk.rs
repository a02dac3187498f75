//! Small files, written durably and read with a bound.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};
use rustix::io::Errno;

/// No file of this crate is larger, in octets.
const LIMIT: u64 = 64 * 1024;

/// Writes a file of mode 0600 that was not there before, durable before this returns.
///
/// # Errors
/// Kind `AlreadyExists` where a file of this name is; it is left as it was.
pub(crate) fn write_new(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = write_temporary(directory, name, bytes)?;
    let published =
        renameat_with(CWD, &temporary, CWD, directory.join(name), RenameFlags::NOREPLACE);
    if let Err(error) = published {
        fs::remove_file(&temporary)?;
        return Err(error.into());
    }
    sync_directory(directory)
}

/// Puts a file of mode 0600 in the place of the one of this name, durable before this returns.
/// Stopped at any point, the name is the old file's or the new one's, whole.
pub(crate) fn replace(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = write_temporary(directory, name, bytes)?;
    fs::rename(&temporary, directory.join(name))?;
    sync_directory(directory)
}

/// Removes what a crash left behind before its name became the file's.
pub(crate) fn remove_temporary(directory: &Path, name: &str) -> io::Result<()> {
    match fs::remove_file(directory.join(format!(".{name}.new"))) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn write_temporary(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    // A crash may have left one behind; its name was never the file's, so nothing is lost.
    remove_temporary(directory, name)?;
    let temporary = directory.join(format!(".{name}.new"));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(temporary)
}

/// Reads a whole file; a symbolic link in its place is refused.
///
/// # Errors
/// Kind `InvalidData` for a link and beyond 64 KiB.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let flags = i32::try_from(OFlags::NOFOLLOW.bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|error| {
        match Errno::from_io_error(&error) {
            Some(Errno::LOOP) => io::Error::new(io::ErrorKind::InvalidData, "a symbolic link"),
            _ => error,
        }
    })?;
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= LIMIT) {
        Ok(bytes)
    } else {
        let why = "larger than any key file";
        Err(io::Error::new(io::ErrorKind::InvalidData, why))
    }
}

/// Overwrites a file and removes it, durable before this returns; one that is not there is gone
/// already. On a file system that writes elsewhere the old octets stay until their place is used
/// again; they are sealed under the data key.
///
/// # Errors
/// What the operating system says.
pub(crate) fn wipe(directory: &Path, name: &str) -> io::Result<()> {
    let path = directory.join(name);
    let flags = i32::try_from(OFlags::NOFOLLOW.bits()).map_err(io::Error::other)?;
    match OpenOptions::new().write(true).custom_flags(flags).open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(mut file) => {
            let length = usize::try_from(file.metadata()?.len().min(LIMIT));
            file.write_all(&vec![0; length.map_err(io::Error::other)?])?;
            file.sync_all()?;
        }
    }
    fs::remove_file(&path)?;
    sync_directory(directory)
}

/// Makes a directory of mode 0700 durable in its parent; one that is there is taken.
pub(crate) fn make_directory(parent: &Path, name: &str) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(parent.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_directory(parent),
    }
}

pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_file_that_is_there_is_never_replaced() {
        let directory = tempfile::tempdir().unwrap();
        write_new(directory.path(), "a", b"first").unwrap();
        let again = write_new(directory.path(), "a", b"second").unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(read(&directory.path().join("a")).unwrap(), b"first");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_crash_left_behind_does_not_stop_the_next_write() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(".a.new"), b"torn").unwrap();
        write_new(directory.path(), "a", b"whole").unwrap();
        assert_eq!(read(&directory.path().join("a")).unwrap(), b"whole");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_wiped_is_gone_and_wiping_again_is_nothing() {
        let directory = tempfile::tempdir().unwrap();
        write_new(directory.path(), "a", b"secret").unwrap();
        // A second name shows what stands in the file after its name is gone.
        let seen = directory.path().join("seen");
        fs::hard_link(directory.path().join("a"), &seen).unwrap();
        wipe(directory.path(), "a").unwrap();
        assert!(!directory.path().join("a").exists());
        assert_eq!(fs::read(&seen).unwrap(), [0; 6]);
        wipe(directory.path(), "a").unwrap();
    }

    #[test]
    fn modes_are_the_owners_alone() {
        let directory = tempfile::tempdir().unwrap();
        make_directory(directory.path(), "keys").unwrap();
        make_directory(directory.path(), "keys").unwrap();
        write_new(directory.path(), "a", b"x").unwrap();
        let mode = |name| {
            let metadata = fs::metadata(directory.path().join(name)).unwrap();
            metadata.permissions().mode() & 0o777
        };
        assert_eq!(mode("keys"), 0o700);
        assert_eq!(mode("a"), 0o600);
    }

    #[test]
    fn links_and_large_files_are_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let large = directory.path().join("large");
        fs::write(&large, vec![0; 64 * 1024]).unwrap();
        assert_eq!(read(&large).unwrap().len(), 64 * 1024);
        fs::write(&large, vec![0; 64 * 1024 + 1]).unwrap();
        let link = directory.path().join("link");
        symlink("small", &link).unwrap();
        for (path, why) in [(large, "larger than any key file"), (link, "a symbolic link")] {
            let refused = read(&path).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
            assert_eq!(refused.to_string(), why);
        }
    }
}

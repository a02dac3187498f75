//! The small file layer under the journal, so that tests can put a disk there that forgets.

use std::fs;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// What the journal needs of a directory: files that are made, renamed, removed and listed.
///
/// Nothing is durable before [`DiskFile::sync_data`] (content) or [`Disk::sync_dir`] (names).
pub trait Disk: Send + Sync + 'static {
    /// Returns the names in `dir`, in any order.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Opens a regular file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Makes a new file with mode 0600; one that is there already is an error.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Gives a file its final name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a name.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in `dir` durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// An open file of a [`Disk`].
pub trait DiskFile: Send + Sync {
    /// Returns the length in octets.
    fn length(&self) -> io::Result<u64>;
    /// Reads at most `buffer.len()` octets at `offset`; zero octets mean the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `bytes` at `offset`.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Cuts the file to `length` octets.
    fn cut(&self, length: u64) -> io::Result<()>;
    /// Makes the content and the length durable (fdatasync).
    fn sync_data(&self) -> io::Result<()>;
    /// Returns whether `path` still names this very file.
    ///
    /// A file that was removed or replaced takes writes and syncs and keeps nothing.
    fn is_named(&self, path: &Path) -> io::Result<bool>;
}

/// The operating system's files.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

#[derive(Debug)]
struct RealFile(fs::File);

impl RealDisk {
    fn open_regular(options: &mut fs::OpenOptions, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let flags = (OFlags::NOFOLLOW | OFlags::CLOEXEC).bits();
        let file = options.read(true).write(true).custom_flags(flags.cast_signed()).open(path)?;
        if file.metadata()?.is_file() {
            Ok(Box::new(RealFile(file)))
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
        }
    }
}

impl Disk for RealDisk {
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(dir)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Self::open_regular(&mut fs::OpenOptions::new(), path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Self::open_regular(fs::OpenOptions::new().create_new(true).mode(0o600), path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        fs::File::open(dir)?.sync_all()
    }
}

impl DiskFile for RealFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn is_named(&self, path: &Path) -> io::Result<bool> {
        let named = match fs::symlink_metadata(path) {
            Ok(named) => named,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(e),
        };
        let open = self.0.metadata()?;
        Ok(named.dev() == open.dev() && named.ino() == open.ino())
    }
}

/// A file together with the path that it was opened by.
pub(super) struct NamedFile {
    pub(super) path: PathBuf,
    pub(super) file: Box<dyn DiskFile>,
}

impl NamedFile {
    /// Fails unless the path still names this file.
    pub(super) fn check_name(&self) -> io::Result<()> {
        if self.file.is_named(&self.path)? {
            Ok(())
        } else {
            Err(io::Error::new(
                io::ErrorKind::NotFound,
                "the segment was removed or replaced while open",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_file_knows_when_its_name_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let file = RealDisk.create(&path).unwrap();
        assert_eq!(RealDisk.create(&path).err().unwrap().kind(), io::ErrorKind::AlreadyExists);
        file.write_at(b"hello", 3).unwrap();
        assert_eq!(file.length().unwrap(), 8);
        file.cut(4).unwrap();
        let mut buffer = [0xff; 8];
        assert_eq!(file.read_at(&mut buffer, 0).unwrap(), 4);
        assert_eq!(&buffer[..4], b"\0\0\0h");
        assert!(file.is_named(&path).unwrap());
        RealDisk.rename(&path, &dir.path().join("b")).unwrap();
        assert!(!file.is_named(&path).unwrap());
        RealDisk.create(&path).unwrap();
        assert!(!file.is_named(&path).unwrap(), "another file by that name");
        assert_eq!(RealDisk.list(dir.path()).unwrap().len(), 2);
    }

    #[test]
    fn a_symbolic_link_and_a_directory_are_no_segments() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        RealDisk.create(&dir.path().join("real")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("real"), &link).unwrap();
        assert!(RealDisk.open(&link).is_err());
        assert!(RealDisk.open(dir.path()).is_err());
    }
}

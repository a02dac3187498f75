//! A journal as it lies there, for people who read it: nothing is written, not even a torn end cut.

use std::fs;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::OFlags;

use super::disk::{Disk, DiskFile};

/// The operating system's files, each as long as it was when it was opened.
///
/// What opening a journal mends (a torn end, a segment that was never born) is mended in this
/// view alone. So a journal can be read beside the signer that writes it: what it is appending
/// looks like a torn end.
#[derive(Debug, Clone, Copy, Default)]
pub struct View;

struct ViewedFile {
    file: fs::File,
    length: AtomicU64,
}

fn refused() -> io::Error {
    io::ErrorKind::ReadOnlyFilesystem.into()
}

impl Disk for View {
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(dir)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let flags = (OFlags::NOFOLLOW | OFlags::CLOEXEC).bits();
        let file =
            fs::OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let length = AtomicU64::new(metadata.len());
        Ok(Box::new(ViewedFile { file, length }))
    }

    fn create(&self, _path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Err(refused())
    }

    fn rename(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        Err(refused())
    }

    fn remove(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for ViewedFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.length.load(Ordering::Relaxed))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = self.length()?.saturating_sub(offset);
        let most = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        match buffer.get_mut(..most) {
            Some(room) => self.file.read_at(room, offset),
            None => Ok(0),
        }
    }

    fn write_at(&self, _bytes: &[u8], _offset: u64) -> io::Result<()> {
        Err(refused())
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.length.fetch_min(length, Ordering::Relaxed);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn is_named(&self, _path: &Path) -> io::Result<bool> {
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_stays_as_long_as_it_was_and_is_never_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, b"hello").unwrap();
        let file = View.open(&path).unwrap();
        fs::write(&path, b"hello, world").unwrap();
        let mut buffer = [0; 16];
        assert_eq!(file.read_at(&mut buffer, 1).unwrap(), 4);
        assert_eq!(&buffer[..4], b"ello");
        file.cut(2).unwrap();
        assert_eq!(file.length().unwrap(), 2);
        assert_eq!(file.read_at(&mut buffer, 7).unwrap(), 0);
        for error in [
            file.write_at(b"x", 0).unwrap_err(),
            View.create(&dir.path().join("b")).err().unwrap(),
            View.rename(&path, &dir.path().join("b")).unwrap_err(),
        ] {
            assert_eq!(error.kind(), io::ErrorKind::ReadOnlyFilesystem);
        }
        View.remove(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"hello, world");
    }
}

//! Small files of the ring's directory that are replaced as a whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use signer_log::note::{MAX_NOTE, Note};

use super::LedgerError;

fn failed(path: &Path) -> impl FnOnce(io::Error) -> LedgerError {
    let path = path.to_owned();
    move |source| LedgerError::File { path, source }
}

/// Reads a file; none if it is not there. One that is too long for a note is none.
pub(super) fn read(dir: &Path, name: &str) -> Result<Option<Vec<u8>>, LedgerError> {
    let path = dir.join(name);
    match fs::read(&path) {
        Ok(content) => Ok(Some(content).filter(|content| content.len() <= MAX_NOTE)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(&path)(error)),
    }
}

/// Reads a note; none if there is none that can be read. What a crash or a stranger left there is
/// no reason not to start: the file only saves asking the log key and the witnesses again.
pub(crate) fn read_note(dir: &Path, name: &str) -> Result<Option<Note>, LedgerError> {
    Ok(read(dir, name)?.and_then(|content| Note::parse(&content).ok()))
}

/// Puts a file in the place of the one of that name, durable before this returns.
pub(crate) fn replace(dir: &Path, name: &str, content: &[u8]) -> Result<(), LedgerError> {
    let (path, new) = (dir.join(name), dir.join(format!("{name}.new")));
    write(&new, content).map_err(failed(&new))?;
    fs::rename(&new, &path).map_err(failed(&path))?;
    sync(dir).map_err(failed(dir))
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Removes a file, durable before this returns.
pub(super) fn remove(dir: &Path, name: &str) -> Result<(), LedgerError> {
    let path = dir.join(name);
    match fs::remove_file(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        removed => removed.map_err(failed(&path))?,
    }
    sync(dir).map_err(failed(dir))
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

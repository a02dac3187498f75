//! What a witness remembers of one log: a directory that only it writes.
//!
//! `log` (the verifier key of the log), `checkpoint` (the newest note that it cosigned), `range`
//! (the complete subtrees of that tree), `tile/0/...` (the hashes of all leaves), and `alarm/`
//! once there is one.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use signer_log::checkpoint::{Checkpoint, Cosignature};
use signer_log::merkle::{CompactRange, Hash};
use signer_log::note::{Note, NoteError, NoteKey};
use signer_log::tile::{FULL, Tile};
use signer_proto::Digest;
use thiserror::Error;

use super::alarm::Alarm;

/// Why the state cannot be used. Corrupt, or unavailable.
#[derive(Debug, Error)]
pub enum StateError {
    /// A file cannot be read or written.
    #[error("cannot use {}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is not what this witness wrote.
    #[error("{} is not what this witness wrote", .0.display())]
    Corrupt(PathBuf),
    /// The checkpoint that is remembered does not verify.
    #[error("the remembered checkpoint does not verify")]
    Note(#[from] NoteError),
    /// Nobody said which key the log has.
    #[error("the log's key is not known yet: give --log-key, as signer-verify prints it")]
    NoLogKey,
    /// Another log was followed from here.
    #[error("the log followed from here has the key {0}")]
    OtherLog(String),
}

/// What is remembered.
#[derive(Debug, Clone)]
pub(super) struct Remembered {
    pub(super) note: Note,
    pub(super) checkpoint: Checkpoint,
    /// When it was cosigned, in seconds since 1970.
    pub(super) time: u64,
    pub(super) range: CompactRange,
}

/// The directory.
pub struct State {
    dir: PathBuf,
    log: NoteKey,
}

impl State {
    /// Opens the directory, which may be empty; the log's key is given or remembered.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn open(dir: &Path, log: Option<NoteKey>) -> Result<Self, StateError> {
        fs::create_dir_all(dir).map_err(failed(dir))?;
        let path = dir.join("log");
        let kept = match read(&path)? {
            None => None,
            Some(text) => {
                let key = core::str::from_utf8(&text).ok().and_then(|t| t.trim().parse().ok());
                Some(key.ok_or_else(|| StateError::Corrupt(path.clone()))?)
            }
        };
        let log = match (log, kept) {
            (Some(given), Some(kept)) if given != kept => {
                return Err(StateError::OtherLog(kept.to_string()));
            }
            (_, Some(kept)) => kept,
            (Some(given), None) => {
                replace(&path, format!("{given}\n").as_bytes())?;
                given
            }
            (None, None) => return Err(StateError::NoLogKey),
        };
        Ok(Self { dir: dir.to_owned(), log })
    }

    /// Returns the log's key.
    #[must_use]
    pub fn log(&self) -> &NoteKey {
        &self.log
    }

    /// Returns the directory of an alarm that stands.
    #[must_use]
    pub fn alarm(&self) -> Option<PathBuf> {
        let path = self.dir.join("alarm");
        path.exists().then_some(path)
    }

    /// Keeps the proof of an alarm.
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub fn keep_alarm(&self, alarm: &Alarm) -> Result<PathBuf, StateError> {
        let dir = self.dir.join("alarm");
        fs::create_dir_all(&dir).map_err(failed(&dir))?;
        for (name, content) in [
            ("remembered", alarm.remembered.to_string()),
            ("presented", alarm.presented.to_string()),
            ("why", format!("{alarm}\n")),
        ] {
            replace(&dir.join(name), content.as_bytes())?;
        }
        Ok(dir)
    }

    /// Reads what is remembered, which this witness cosigned with this key; none before the first
    /// checkpoint.
    pub(super) fn remembered(&self, witness: &NoteKey) -> Result<Option<Remembered>, StateError> {
        let Some(note) = read(&self.dir.join("checkpoint"))? else { return Ok(None) };
        let note = Note::parse(&note)?;
        let checkpoint = Checkpoint::verify(&note, &self.log)?;
        let time = Cosignature::verify(&note, witness)?.time;
        let path = self.dir.join("range");
        let range = read(&path)?.and_then(|text| range(checkpoint.size, &text));
        let range = range.filter(|range| range.root() == checkpoint.root);
        let range = range.ok_or(StateError::Corrupt(path))?;
        Ok(Some(Remembered { note, checkpoint, time, range }))
    }

    /// Remembers a checkpoint that was cosigned, durable before this returns. The range goes
    /// first: a crash between the two leaves one that does not fit, and [`Self::heal`] mends it.
    pub(super) fn remember(&self, note: &Note, range: &CompactRange) -> Result<(), StateError> {
        let peaks = range.peaks().iter().map(|peak| format!("{}\n", Digest(*peak)));
        replace(&self.dir.join("range"), peaks.collect::<String>().as_bytes())?;
        replace(&self.dir.join("checkpoint"), note.to_string().as_bytes())
    }

    /// Makes the range anew from the tiles, for the checkpoint that is remembered.
    pub(super) fn heal(&self) -> Result<(), StateError> {
        let Some(note) = read(&self.dir.join("checkpoint"))? else { return Ok(()) };
        let note = Note::parse(&note)?;
        let checkpoint = Checkpoint::verify(&note, &self.log)?;
        let mut range = CompactRange::default();
        for index in 0.. {
            let Some(tile) = Tile::at(0, index, checkpoint.size) else { break };
            self.tile(tile)?.iter().for_each(|hash| range.append(*hash));
        }
        if range.root() != checkpoint.root {
            return Err(StateError::Corrupt(self.dir.join("tile")));
        }
        self.remember(&note, &range)
    }

    /// Reads the hashes of a tile of leaves, from any tile that is at least as wide.
    pub(super) fn tile(&self, tile: Tile) -> Result<Vec<Hash>, StateError> {
        for width in tile.width..=FULL {
            let path = self.dir.join(Tile { width, ..tile }.to_string());
            if let Some(octets) = read(&path)? {
                let (hashes, _) = octets.as_chunks();
                let found = hashes.get(..usize::from(tile.width));
                return found.map(<[Hash]>::to_vec).ok_or(StateError::Corrupt(path));
            }
        }
        Err(StateError::Corrupt(self.dir.join(tile.to_string())))
    }

    /// Keeps the hashes of a tile of leaves; narrower ones of the same place go.
    pub(super) fn keep_tile(&self, tile: Tile, hashes: &[Hash]) -> Result<(), StateError> {
        let path = self.dir.join(tile.to_string());
        let parent = path.parent().unwrap_or(&self.dir);
        fs::create_dir_all(parent).map_err(failed(parent))?;
        replace(&path, &hashes.concat())?;
        let partial = self.dir.join(Tile { width: 1, ..tile }.to_string());
        let Some(folder) = partial.parent() else { return Ok(()) };
        for width in 1..tile.width {
            // What is not there needs not go.
            let _ = fs::remove_file(folder.join(width.to_string()));
        }
        Ok(())
    }
}

fn range(size: u64, text: &[u8]) -> Option<CompactRange> {
    let text = core::str::from_utf8(text).ok()?;
    let peaks = text.lines().map(|line| line.parse::<Digest>().ok().map(|digest| digest.0));
    CompactRange::resume(size, peaks.collect::<Option<_>>()?)
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |source| StateError::Io { path, source }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path)(error)),
    }
}

/// Puts a file in its place, durable before this returns.
fn replace(path: &Path, content: &[u8]) -> Result<(), StateError> {
    let new = path.with_extension("new");
    let write = || {
        let mut file = File::create(&new)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
    };
    write().map_err(failed(path))
}

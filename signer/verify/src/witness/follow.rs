//! One look at a log: fetch, hold against what is remembered, cosign, remember.

use signer_log::checkpoint::Checkpoint;
use signer_log::merkle::{CompactRange, Hash};
use signer_log::note::{Note, NoteError};
use signer_log::tile::Tile;
use thiserror::Error;

use super::alarm::Alarm;
use super::key::CosignerKey;
use super::source::{CHECKPOINT, Source, SourceError};
use super::state::{Remembered, State, StateError};

/// Why nothing was cosigned.
#[derive(Debug, Error)]
pub enum WitnessError {
    /// The log cannot be read now. Unavailable.
    #[error("the log cannot be read")]
    Source(#[from] SourceError),
    /// This witness' own files. Corrupt.
    #[error("the state of the witness cannot be used")]
    State(#[from] StateError),
    /// What the log shows is not signed by its key. Malformed.
    #[error("the log's checkpoint does not verify")]
    Note(#[from] NoteError),
    /// The tiles that the log shows do not lead to its own checkpoint. Malformed.
    #[error("the log's tiles do not lead to its checkpoint of {0} leaves")]
    Tiles(u64),
    /// The log is not the one that it was. Corrupt.
    #[error("ALARM: {0}")]
    Alarm(Box<Alarm>),
    /// An alarm stands, and somebody must look. Corrupt.
    #[error("an alarm stands: {0}")]
    AlarmStands(String),
    /// The clock stands before the last cosignature, or the key does not sign.
    #[error("nothing can be cosigned: {0}")]
    Cosigner(&'static str),
}

/// What came of a look.
#[derive(Debug, Clone)]
pub struct Followed {
    /// How many leaves the log has.
    pub size: u64,
    /// How many it had when it was looked at before; none the first time.
    pub before: Option<u64>,
    /// The checkpoint with the log's signature and this witness' cosignature.
    pub note: Note,
}

/// A witness of one log.
pub struct Witness {
    /// The log.
    pub source: Source,
    /// What is remembered of it.
    pub state: State,
    /// The key that cosigns.
    pub key: CosignerKey,
}

impl Witness {
    /// Looks at the log once; `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`WitnessError`]; the proof of an alarm is kept before this returns.
    pub fn follow(&self, now: u64) -> Result<Followed, WitnessError> {
        if let Some(path) = self.state.alarm() {
            return Err(WitnessError::AlarmStands(path.display().to_string()));
        }
        let shown = Note::parse(&self.source.get(CHECKPOINT)?)?;
        let checkpoint = Checkpoint::verify(&shown, self.state.log())?;
        let remembered = self.remembered()?;
        let range = match &remembered {
            Some(before) => match self.consistent(before, &shown, &checkpoint)? {
                Ok(range) => range,
                Err(alarm) => {
                    self.state.keep_alarm(&alarm)?;
                    return Err(WitnessError::Alarm(Box::new(alarm)));
                }
            },
            None => {
                let begin = CompactRange::default();
                self.extend(begin, &checkpoint)?
                    .map_err(|_| WitnessError::Tiles(checkpoint.size))?
            }
        };
        if remembered.as_ref().is_some_and(|before| before.time > now) {
            return Err(WitnessError::Cosigner("the clock stands before the last cosignature"));
        }
        let line = self.key.cosign(now, &shown.text);
        let line = line.ok_or(WitnessError::Cosigner("the key does not sign"))?;
        let of_log = shown.signatures.into_iter().filter(|line| self.state.log().is_of(line));
        let note = Note { text: shown.text, signatures: of_log.chain([line]).collect() };
        // Remembered before anybody gets it: it is a promise.
        self.state.remember(&note, &range)?;
        let before = remembered.map(|before| before.checkpoint.size);
        Ok(Followed { size: checkpoint.size, before, note })
    }

    fn remembered(&self) -> Result<Option<Remembered>, WitnessError> {
        match self.state.remembered(self.key.verifier()) {
            Err(StateError::Corrupt(_)) => {
                self.state.heal()?;
                Ok(self.state.remembered(self.key.verifier())?)
            }
            other => Ok(other?),
        }
    }

    /// Holds a checkpoint against the one that is remembered; gives the tree, or the proof that
    /// it is another one.
    fn consistent(
        &self,
        before: &Remembered,
        shown: &Note,
        checkpoint: &Checkpoint,
    ) -> Result<Result<CompactRange, Alarm>, WitnessError> {
        let old = before.checkpoint.size;
        let alarm = |why: String, index| {
            let (remembered, presented) = (before.note.clone(), shown.clone());
            Ok(Err(Alarm { why, index, remembered, presented }))
        };
        if checkpoint.size < old {
            let why = format!("the log has {} leaves, and had {old}", checkpoint.size);
            return alarm(why, Some(checkpoint.size));
        }
        if checkpoint.size == old {
            if checkpoint.root == before.checkpoint.root {
                return Ok(Ok(before.range.clone()));
            }
            let why = format!("the log shows two trees of {old} leaves");
            return alarm(why, self.first_difference(old, checkpoint)?);
        }
        match self.extend(before.range.clone(), checkpoint)? {
            Ok(range) => Ok(Ok(range)),
            Err(_) => match self.first_difference(old, checkpoint)? {
                Some(index) => {
                    let why = format!("the log of {} leaves is another one", checkpoint.size);
                    alarm(why, Some(index))
                }
                // Tiles that lead nowhere prove nothing, and nothing is cosigned.
                None => Err(WitnessError::Tiles(checkpoint.size)),
            },
        }
    }

    /// Goes on from a tree with the leaves that the log shows, and keeps their hashes if they
    /// lead to the checkpoint.
    fn extend(
        &self,
        mut range: CompactRange,
        checkpoint: &Checkpoint,
    ) -> Result<Result<CompactRange, Unfit>, WitnessError> {
        let mut fetched = Vec::new();
        let begin = range.size();
        for tile in tiles(begin, checkpoint.size) {
            let hashes = self.fetch(tile)?;
            let first = tile.index * u64::from(signer_log::tile::FULL);
            let known = usize::try_from(begin.saturating_sub(first)).unwrap_or(0);
            hashes.iter().skip(known).for_each(|hash| range.append(*hash));
            fetched.push((tile, hashes));
        }
        if range.root() != checkpoint.root {
            return Ok(Err(Unfit));
        }
        for (tile, mut hashes) in fetched {
            let first = tile.index * u64::from(signer_log::tile::FULL);
            if let Some(known) = begin.checked_sub(first).filter(|known| *known > 0)
                && let Some(kept) = Tile::at(0, tile.index, begin)
            {
                // What was remembered stays, whatever the log shows in its place now.
                let kept = self.state.tile(kept)?;
                let known = usize::try_from(known).unwrap_or(0);
                hashes.splice(..known.min(hashes.len()), kept);
            }
            self.state.keep_tile(tile, &hashes)?;
        }
        Ok(Ok(range))
    }

    /// Finds the first leaf that the log shows otherwise than it did, if its tiles lead to its
    /// checkpoint; none if they do not.
    fn first_difference(
        &self,
        old: u64,
        checkpoint: &Checkpoint,
    ) -> Result<Option<u64>, WitnessError> {
        let (mut range, mut found) = (CompactRange::default(), None);
        for tile in tiles(0, checkpoint.size) {
            let hashes = self.fetch(tile)?;
            if found.is_none()
                && let Some(kept) = Tile::at(0, tile.index, old)
            {
                let kept = self.state.tile(kept)?;
                let differs = kept.iter().zip(&hashes).position(|(kept, shown)| kept != shown);
                let first = tile.index * u64::from(signer_log::tile::FULL);
                found = differs.map(|at| first + at as u64);
            }
            hashes.iter().for_each(|hash| range.append(*hash));
        }
        Ok(found.filter(|_| range.root() == checkpoint.root))
    }

    fn fetch(&self, tile: Tile) -> Result<Vec<Hash>, WitnessError> {
        let octets = self.source.get(&tile.to_string())?;
        if octets.len() != tile.octets() {
            return Err(WitnessError::Tiles(tile.index));
        }
        Ok(octets.as_chunks().0.to_vec())
    }
}

/// The leaves do not lead to the checkpoint.
struct Unfit;

/// Returns the tiles of leaves from a size on.
fn tiles(begin: u64, size: u64) -> impl Iterator<Item = Tile> {
    let first = begin / u64::from(signer_log::tile::FULL);
    (first..).map_while(move |index| Tile::at(0, index, size))
}

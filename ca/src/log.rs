//! The signer's journal as a log that anybody may check: checkpoints, tiles, proofs.
//!
//! Everything is read from the signer and handed on as it is: what the log key signed, nobody here
//! can change unseen.

use std::sync::Arc;
use std::time::{Duration, Instant};

use signer_client::CallError;
use signer_log::checkpoint::{Checkpoint, origin};
use signer_log::note::{Algorithm, Note, NoteKey};
use signer_log::tile::Tile;
use signer_proto::{
    Blame, Checkpoints, Digest, NoteBytes, ProofKind, Purpose, ReadCheckpoint, ReadJournal,
    ReadProof, ReadTile, Rule, ShowCheckpoint, TreeProof,
};
use tokio::sync::{Mutex, OnceCell, Semaphore};

use model::RingName;

use crate::Authority;
use crate::rings::Ring;

/// How many of the public's questions the signer is asked at a time: the rest wait here.
const AT_A_TIME: usize = 4;
/// How long a checkpoint is handed on without asking for a newer one.
const FRESH: Duration = Duration::from_secs(1);

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// There is no such log, tile, leaf or tree.
    #[error("there is no such part of the log")]
    NotThere,
    /// The note proves nothing, or is none.
    #[error("the note is not taken: {0}")]
    Note(String),
    /// The signer does not answer, or not now.
    #[error("the signer does not answer: {0}")]
    Unavailable(String),
}

impl From<CallError> for LogError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(refusal) => match (refusal.rule, refusal.rule.blame()) {
                (Rule::PositionUnknown, _) => Self::NotThere,
                (_, Blame::Malformed | Blame::Refused) => Self::Note(refusal.to_string()),
                _ => Self::Unavailable(refusal.to_string()),
            },
            error => Self::Unavailable(error.to_string()),
        }
    }
}

/// What one asks the log for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogProof {
    /// That the leaf is in the tree of that size.
    Inclusion {
        /// Its position.
        index: u64,
        /// Leaves of the tree.
        size: u64,
    },
    /// That the old tree is the beginning of the new.
    Consistency {
        /// Leaves of the old tree.
        old: u64,
        /// Leaves of the new tree.
        new: u64,
    },
}

/// Consecutive leaves as the journal has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntries {
    /// The position of the first.
    pub from: u64,
    /// How many leaves the journal has.
    pub size: u64,
    /// The leaves, encoded (docs/wire/journal.md).
    pub leaves: Vec<Vec<u8>>,
}

/// A tile's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogTile {
    /// Its hashes one after the other.
    pub content: Vec<u8>,
    /// Whether it has all its hashes.
    pub is_full: bool,
}

/// What the log's readers share.
pub(crate) struct LogReads {
    turns: Semaphore,
    /// The log's key, whose name is its origin.
    key: OnceCell<NoteKey>,
    newest: Mutex<Option<(Instant, Arc<Checkpoints>)>>,
}

impl Default for LogReads {
    fn default() -> Self {
        Self { turns: Semaphore::new(AT_A_TIME), key: OnceCell::new(), newest: Mutex::default() }
    }
}

/// Hexadecimal digits of an instance.
const INSTANCE: usize = 32;

impl Authority {
    /// Finds the log of a ring: by the ring's name, by its instance in hex, or the first ring's by
    /// `default`.
    ///
    /// # Errors
    /// [`LogError`].
    pub async fn log(&self, name: &str) -> Result<RingLog, LogError> {
        let rings = &self.0.rings;
        if let Some(ring) = rings.iter().find(|ring| ring.name.as_str() == name) {
            return Ok(RingLog(Arc::clone(ring)));
        }
        if name == RingName::default().as_str() {
            return Ok(RingLog(Arc::clone(self.first_ring())));
        }
        let is_instance = name.len() == INSTANCE && name.bytes().all(|c| c.is_ascii_hexdigit());
        let mut missing = Err(LogError::NotThere);
        for ring in rings.iter().filter(|_| is_instance) {
            let log = RingLog(Arc::clone(ring));
            match log.log_key().await.map(|key| key.name().strip_prefix("chancery/") == Some(name))
            {
                Ok(true) => return Ok(log),
                Ok(false) => {}
                // It may be that one's.
                Err(error) => missing = Err(error),
            }
        }
        missing
    }

    /// Returns the log of a ring, or of the first one.
    ///
    /// # Errors
    /// [`LogError::NotThere`] if there is no such ring.
    pub fn log_of(&self, ring: Option<&RingName>) -> Result<RingLog, LogError> {
        let ring = ring.map_or(Some(self.first_ring()), |name| self.ring(name));
        ring.cloned().map(RingLog).ok_or(LogError::NotThere)
    }
}

/// The journal of one ring as a log.
#[derive(Clone)]
pub struct RingLog(Arc<Ring>);

impl RingLog {
    async fn log_key(&self) -> Result<&NoteKey, LogError> {
        self.0.log.key.get_or_try_init(|| self.describe_log()).await
    }

    async fn describe_log(&self) -> Result<NoteKey, LogError> {
        let description = self.0.signer.describe().await?;
        let log = description.keys.0.iter().find(|key| key.purpose == Purpose::Log);
        let spki = log.and_then(|key| key.spki.as_ref());
        let spki = spki.ok_or_else(|| LogError::Unavailable("it has no log key".to_owned()))?;
        NoteKey::of_spki(&origin(description.instance), Algorithm::Ed25519, spki)
            .map_err(|error| LogError::Unavailable(error.to_string()))
    }

    /// Returns the newest checkpoint as a signed note; one that is a second old may do.
    ///
    /// # Errors
    /// [`LogError`].
    pub async fn checkpoint(&self) -> Result<Vec<u8>, LogError> {
        Ok(self.checkpoints().await?.newest.0.clone())
    }

    /// Returns the newest checkpoint that a witness cosigned.
    ///
    /// # Errors
    /// [`LogError`]; [`LogError::NotThere`] if there is none.
    pub async fn cosigned_checkpoint(&self) -> Result<Vec<u8>, LogError> {
        let cosigned = self.checkpoints().await?.cosigned.clone();
        cosigned.map(|note| note.0).ok_or(LogError::NotThere)
    }

    async fn checkpoints(&self) -> Result<Arc<Checkpoints>, LogError> {
        let mut newest = self.0.log.newest.lock().await;
        if let Some((_, known)) = newest.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return Ok(Arc::clone(known));
        }
        let read = self.0.signer.read_checkpoint(&ReadCheckpoint { least: 0 }).await?;
        let read = Arc::new(read);
        *newest = Some((Instant::now(), Arc::clone(&read)));
        Ok(read)
    }

    /// Shows the signer a note: a witness' cosignature, or a checkpoint that somebody was given.
    /// Returns how many cosignatures it kept.
    ///
    /// Without the log's own signature it is not even shown: anybody may ask this, and what the
    /// signer refuses it journals.
    ///
    /// # Errors
    /// [`LogError`].
    pub async fn show_checkpoint(&self, note: &[u8]) -> Result<u16, LogError> {
        let is_signed = |key| Note::parse(note).and_then(|note| Checkpoint::verify(&note, key));
        is_signed(self.log_key().await?).map_err(|error| LogError::Note(error.to_string()))?;
        let _turn = self.turn().await?;
        let call = ShowCheckpoint { note: NoteBytes(note.to_vec()) };
        let shown = self.0.signer.show_checkpoint(&call).await?;
        *self.0.log.newest.lock().await = None;
        Ok(shown.taken)
    }

    /// Returns the tile with the path, as in `tile/0/x001/067`.
    ///
    /// # Errors
    /// [`LogError`].
    pub async fn tile(&self, path: &str) -> Result<LogTile, LogError> {
        let tile = Tile::parse(path).ok_or(LogError::NotThere)?;
        let _turn = self.turn().await?;
        let Tile { level, index, width } = tile;
        let content = self.0.signer.read_tile(&ReadTile { level, index, width }).await?.0;
        Ok(LogTile { content, is_full: tile.is_full() })
    }

    /// Returns the root of the (newer) tree and the hashes of the proof, lowest first.
    ///
    /// # Errors
    /// [`LogError`].
    pub async fn proof(&self, of: LogProof) -> Result<([u8; 32], Vec<[u8; 32]>), LogError> {
        let (kind, first, size) = match of {
            LogProof::Inclusion { index, size } => (ProofKind::Inclusion, index, size),
            LogProof::Consistency { old, new } => (ProofKind::Consistency, old, new),
        };
        let _turn = self.turn().await?;
        let proof = self.0.signer.read_proof(&ReadProof { kind, first, size }).await?;
        let TreeProof { root, hashes } = proof;
        Ok((root.0, hashes.0.into_iter().map(|Digest(hash)| hash).collect()))
    }

    /// Reads leaves with all that is in them: for auditors.
    ///
    /// # Errors
    /// [`LogError`].
    pub async fn entries(&self, from: u64, limit: u32) -> Result<JournalEntries, LogError> {
        let _turn = self.turn().await?;
        let slice = self.0.signer.read_journal(&ReadJournal { from, limit }).await?;
        let leaves = slice.leaves.0.into_iter().map(|leaf| leaf.0).collect();
        Ok(JournalEntries { from: slice.from, size: slice.size, leaves })
    }

    async fn turn(&self) -> Result<tokio::sync::SemaphorePermit<'_>, LogError> {
        let turn = self.0.log.turns.acquire().await;
        turn.map_err(|_| LogError::Unavailable("the server is ending".to_owned()))
    }
}

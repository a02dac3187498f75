//! One walk over a journal: every leaf is read, folded and checked.

use std::path::{Path, PathBuf};

use signer_log::checkpoint::{Checkpoint, Cosignature};
use signer_log::merkle::{CompactRange, Hash};
use signer_log::note::{Note, NoteError, NoteKey};
use signer_proto::Digest;
use thiserror::Error;
use x509::sha256;

use crate::checks::Pool;
use crate::fault::{Fault, FaultKind};
use crate::fold::Fold;
use crate::published;
use crate::report::{CheckpointSeen, Report};
use crate::segments::{ReadError, Stop, Walked, walk};

/// Leaves between two reports of progress.
const PROGRESS: u64 = 4096;

/// What an auditor has besides the journal.
#[derive(Debug, Default)]
pub struct Evidence {
    /// The digest of genesis, from the ceremony's printout or from ring.toml.
    pub genesis: Option<Digest>,
    /// Checkpoints that were seen elsewhere, with the names that they are reported by.
    pub checkpoints: Vec<(String, Vec<u8>)>,
    /// Witnesses that cosigned every one of the checkpoints.
    pub witnesses: Vec<NoteKey>,
    /// A directory with hash tiles that the log published.
    pub tiles: Option<PathBuf>,
}

/// How to check.
pub struct Audit<'a> {
    /// The directory of the segments.
    pub journal: &'a Path,
    /// What it is held against.
    pub evidence: &'a Evidence,
    /// How many threads check signatures.
    pub threads: usize,
    /// Is told how many leaves were read.
    pub progress: &'a mut dyn FnMut(u64),
}

/// The journal or the evidence cannot be read: there is no verdict.
#[derive(Debug, Error)]
pub enum AuditError {
    /// The segments.
    #[error("the journal cannot be read")]
    Journal(#[from] ReadError),
    /// The tiles.
    #[error("the tiles of {} cannot be read", .0.display())]
    Tiles(PathBuf, #[source] std::io::Error),
}

/// Checks a journal; the report has the first fault, if there is any.
///
/// # Errors
/// [`AuditError`]: no verdict.
pub fn audit(audit: Audit<'_>) -> Result<Report, AuditError> {
    let Audit { journal, evidence, threads, progress } = audit;
    let mut auditor = Auditor::new(evidence, threads);
    let mut failed = None;
    let walked = walk(journal, &mut |position, octets, hash| {
        if position.is_multiple_of(PROGRESS) {
            progress(position);
        }
        let taken = auditor.take(position, octets, hash);
        taken.unwrap_or_else(|error| {
            failed = Some(error);
            Err(Fault::new(position, FaultKind::Act, "not looked at"))
        })
    });
    if let Some(error) = failed {
        return Err(error);
    }
    match walked {
        Ok(walked) => Ok(auditor.finish(walked, None)),
        Err(Stop::Fault(fault)) => Ok(auditor.finish(Walked::default(), Some(fault))),
        Err(Stop::Io(error)) => Err(error.into()),
    }
}

struct Auditor<'e> {
    evidence: &'e Evidence,
    fold: Fold,
    pool: Pool,
    genesis: Option<Digest>,
    seen: Vec<CheckpointSeen>,
    /// Hashes of leaves as they were published, from the first on.
    published: Vec<Hash>,
    /// What is wrong with checkpoints.
    faults: Vec<Fault>,
    leaves: u64,
    times: Option<(i64, i64)>,
}

impl<'e> Auditor<'e> {
    fn new(evidence: &'e Evidence, threads: usize) -> Self {
        Self {
            evidence,
            fold: Fold::default(),
            pool: Pool::start(threads),
            genesis: None,
            seen: Vec::new(),
            published: Vec::new(),
            faults: Vec::new(),
            leaves: 0,
            times: None,
        }
    }

    /// Takes a leaf. The outer error is no verdict, the inner one is.
    fn take(
        &mut self,
        position: u64,
        octets: &[u8],
        hash: Hash,
    ) -> Result<Result<(), Fault>, AuditError> {
        if self.pool.is_decided(position) {
            return Ok(Err(Fault::new(position, FaultKind::Act, "not looked at")));
        }
        if position == 0
            && let Err(fault) = self.expect_genesis(octets)
        {
            return Ok(Err(fault));
        }
        let at = |wrong: crate::fault::Wrong| wrong.at(position);
        match self.fold.take(position, octets, hash).map_err(at) {
            Err(fault) => return Ok(Err(self.replaced(position, hash).unwrap_or(fault))),
            Ok(check) => {
                if position == 0 {
                    self.open_evidence()?;
                }
                if let Some(fault) = self.replaced(position, hash) {
                    return Ok(Err(fault));
                }
                if let Some(check) = check {
                    self.pool.check(position, check);
                }
            }
        }
        self.leaves = position + 1;
        self.note_time(octets);
        self.compare_roots();
        Ok(Ok(()))
    }

    fn expect_genesis(&mut self, octets: &[u8]) -> Result<(), Fault> {
        let found = Digest(sha256(octets));
        self.genesis = Some(found);
        match self.evidence.genesis {
            Some(expected) if expected != found => {
                let why = format!("{found} instead of {expected}");
                Err(Fault::new(0, FaultKind::Genesis, why))
            }
            _ => Ok(()),
        }
    }

    /// A leaf that is not the one that was published, whatever else is wrong with it.
    fn replaced(&self, position: u64, hash: Hash) -> Option<Fault> {
        let slot = usize::try_from(position).ok()?;
        let published = self.published.get(slot).filter(|published| **published != hash)?;
        let why = format!("its hash is {}, published was {}", Digest(hash), Digest(*published));
        Some(Fault::new(position, FaultKind::LeafReplaced, why))
    }

    fn note_time(&mut self, octets: &[u8]) {
        if let Some(time) = signer_log::segment::leaf_time(octets) {
            self.times = Some(self.times.map_or((time, time), |(first, _)| (first, time)));
        }
    }

    /// Reads the checkpoints, which genesis' key signed, and the tiles that they vouch for.
    fn open_evidence(&mut self) -> Result<(), AuditError> {
        let Some(origin) = self.fold.origin.clone() else { return Ok(()) };
        for (name, note) in &self.evidence.checkpoints {
            match open(note, &origin.log_key, &self.evidence.witnesses) {
                Ok(Checkpoint { size, root, .. }) => {
                    let root = Digest(root);
                    self.seen.push(CheckpointSeen { name: name.clone(), size, root });
                }
                Err(error) => {
                    let why = format!("{name}: {error}");
                    self.faults.push(Fault::new(0, FaultKind::Checkpoint, why));
                }
            }
        }
        let newest = self.seen.iter().max_by_key(|seen| seen.size).cloned();
        let (Some(tiles), Some(newest)) = (&self.evidence.tiles, newest) else { return Ok(()) };
        let failed = |error| AuditError::Tiles(tiles.clone(), error);
        let hashes = published::leaf_hashes(tiles, newest.size).map_err(failed)?;
        let mut tree = CompactRange::default();
        hashes.iter().for_each(|hash| tree.append(*hash));
        if hashes.len() as u64 == newest.size && tree.root() == newest.root.0 {
            self.published = hashes;
        } else {
            let why = format!("the tiles are not those of {}", newest.name);
            self.faults.push(Fault::new(0, FaultKind::Checkpoint, why));
        }
        Ok(())
    }

    fn compare_roots(&mut self) {
        for seen in self.seen.iter().filter(|seen| seen.size == self.leaves) {
            let root = self.fold.history.root();
            if seen.root != root {
                let why = format!("{}: {} instead of {root}", seen.name, seen.root);
                self.faults.push(Fault::new(seen.size, FaultKind::RootMismatch, why));
            }
        }
    }

    fn finish(self, walked: Walked, stopped: Option<Fault>) -> Report {
        let mut faults = self.faults;
        if stopped.is_none() {
            // A write that was torn is fine at the end, but not where nothing stands before it: a
            // signer reports nothing before genesis is durable.
            if self.leaves == 0 {
                faults.push(Fault::new(0, FaultKind::Genesis, "there is no leaf"));
            }
            let missing = self.seen.iter().filter(|seen| seen.size > self.leaves);
            faults.extend(missing.map(|seen| {
                let why = format!("{} covers {} leaves", seen.name, seen.size);
                Fault::new(self.leaves, FaultKind::Truncated, why)
            }));
        }
        // The first wins; what a checkpoint says of the leaves before comes before the leaf.
        let found = self.pool.finish();
        // A check that was left out after a fault says nothing of the names behind it.
        if found.is_none() {
            faults.extend(self.fold.names.first_other(&self.fold.renewals));
        }
        faults.extend(found);
        faults.extend(stopped);
        Report {
            genesis: self.genesis,
            instance: self.fold.origin.as_ref().map(|origin| origin.instance),
            log_key: self.fold.origin.map(|origin| origin.log_key),
            leaves: self.leaves,
            segments: walked.segments,
            tail: walked.tail,
            root: self.fold.history.root(),
            times: self.times,
            counts: self.fold.counts,
            checkpoints: self.seen,
            fault: faults.into_iter().min_by_key(|fault| fault.index),
        }
    }
}

/// Reads a checkpoint that the log signed, and every witness.
fn open(note: &[u8], log: &NoteKey, witnesses: &[NoteKey]) -> Result<Checkpoint, NoteError> {
    let note = Note::parse(note)?;
    let checkpoint = Checkpoint::verify(&note, log)?;
    for witness in witnesses {
        Cosignature::verify(&note, witness)?;
    }
    Ok(checkpoint)
}

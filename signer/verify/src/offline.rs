//! The offline verifier: files in, a verdict out. No network.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Args;
use signer_proto::Digest;
use signer_verify::{Audit, Evidence, audit};

use crate::{FAIL, PASS};

/// What to check, and against what.
#[derive(Args)]
pub(crate) struct Offline {
    /// A ring's directory. The genesis that ring.toml names is expected, and the checkpoints that
    /// the ring keeps are held against the journal.
    #[arg(long, value_name = "DIR", conflicts_with = "journal")]
    ring: Option<PathBuf>,
    /// The directory of a journal, or of a copy of one.
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
    /// The digest of genesis, as the ceremony printed it.
    #[arg(long, value_name = "SHA-256")]
    genesis: Option<String>,
    /// A checkpoint that was seen elsewhere; may be given several times.
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// The verifier key of a witness (name+id+key) that cosigned every checkpoint that is given.
    #[arg(long, value_name = "KEY", requires = "checkpoint")]
    witness: Vec<String>,
    /// A directory with hash tiles as the log publishes them or a witness keeps them: names the
    /// very leaf that was replaced. Needs a checkpoint.
    #[arg(long, value_name = "DIR", requires = "checkpoint")]
    tiles: Option<PathBuf>,
    /// One JSON object.
    #[arg(long)]
    json: bool,
    /// Threads that verify signatures; as many as there are cores if absent.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

impl Offline {
    /// Checks a journal and prints the report.
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        let (journal, genesis) = match (&self.ring, &self.journal) {
            (Some(ring), _) => (ring.join("journal"), Some(genesis_of(ring)?)),
            (None, Some(journal)) => (journal.clone(), None),
            (None, None) => bail!("give --ring, --journal or --follow (see --help)"),
        };
        let said = self.genesis.as_deref();
        let said = said.map(str::parse::<Digest>).transpose().context("--genesis")?;
        let witnesses = self.witness.iter().map(|key| key.parse());
        let witnesses = witnesses.collect::<Result<_, _>>().context("--witness")?;
        let evidence = Evidence {
            // The printout outranks a file that lies beside the journal.
            genesis: said.or(genesis),
            checkpoints: self.notes()?,
            witnesses,
            tiles: self.tiles.clone(),
        };
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
        let report = audit(Audit {
            journal: &journal,
            evidence: &evidence,
            threads: self.threads.unwrap_or(cores),
            progress: &mut progress(),
        })?;
        if self.json {
            println!("{}", report.to_json());
        } else {
            println!("{report}");
        }
        Ok(if report.passed() { PASS } else { FAIL })
    }

    /// Reads the checkpoints that are given; without any, those that the ring keeps.
    fn notes(&self) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
        let mut paths = self.checkpoint.clone();
        if let Some(ring) = self.ring.as_ref().filter(|_| paths.is_empty()) {
            let kept = ring.join("checkpoint");
            if kept.try_exists().with_context(|| kept.display().to_string())? {
                paths.push(kept);
            }
        }
        let mut notes = Vec::new();
        for path in paths {
            let note: io::Result<Vec<u8>> = std::fs::read(&path);
            notes.push((path.display().to_string(), note.context(path.display().to_string())?));
        }
        Ok(notes)
    }
}

/// Reads the digest of genesis out of ring.toml.
fn genesis_of(ring: &Path) -> anyhow::Result<Digest> {
    let path = ring.join("ring.toml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let value = text.lines().find_map(|line| line.strip_prefix("genesis = "));
    let value = value.with_context(|| format!("{} names no genesis", path.display()))?;
    value.trim_matches('"').parse().with_context(|| path.display().to_string())
}

/// Says on a terminal's stderr how far the walk is, every two seconds.
fn progress() -> impl FnMut(u64) {
    let mut said = Instant::now();
    let is_watched = io::stderr().is_terminal();
    move |leaves| {
        if is_watched && said.elapsed() >= Duration::from_secs(2) {
            eprintln!("signer-verify: {leaves} leaves");
            said = Instant::now();
        }
    }
}

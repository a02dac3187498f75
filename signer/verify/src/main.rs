//! signer-verify: checks a journal offline, without any secret.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::{ArgGroup, Parser};
use signer_proto::Digest;
use signer_verify::{Audit, Evidence, audit};

/// The journal is in order.
const PASS: u8 = 0;
/// It is not; the report names the first leaf.
const FAIL: u8 = 1;
/// There is no verdict: usage, or files that cannot be read.
const NO_VERDICT: u8 = 2;

/// Checks a signer's journal from the first leaf to the last, without any secret.
#[derive(Parser)]
#[command(name = "signer-verify", version, about)]
#[command(group(ArgGroup::new("source").required(true)))]
struct Arguments {
    /// A ring's directory; its ring.toml says which genesis to expect.
    #[arg(long, value_name = "DIR", group = "source")]
    ring: Option<PathBuf>,
    /// The directory of a journal, or of a copy of one.
    #[arg(long, value_name = "DIR", group = "source")]
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
    /// A directory with hash tiles as the log publishes them: names the very leaf that was
    /// replaced. Needs a checkpoint.
    #[arg(long, value_name = "DIR", requires = "checkpoint")]
    tiles: Option<PathBuf>,
    /// One JSON object.
    #[arg(long)]
    json: bool,
    /// Threads that verify signatures; as many as there are cores if absent.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code.into(),
        Err(error) => {
            eprintln!("signer-verify: {error:#}");
            NO_VERDICT.into()
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let (journal, genesis) = match (&arguments.ring, &arguments.journal) {
        (Some(ring), _) => (ring.join("journal"), Some(genesis_of(ring)?)),
        (None, Some(journal)) => (journal.clone(), None),
        (None, None) => bail!("--ring or --journal"),
    };
    let said = arguments.genesis.as_deref();
    let said = said.map(str::parse::<Digest>).transpose().context("--genesis")?;
    let mut checkpoints = Vec::new();
    for path in &arguments.checkpoint {
        let note = std::fs::read(path).with_context(|| path.display().to_string())?;
        checkpoints.push((path.display().to_string(), note));
    }
    let witnesses = arguments.witness.iter().map(|key| key.parse());
    let witnesses = witnesses.collect::<Result<_, _>>().context("--witness")?;
    // The printout outranks a file that lies beside the journal.
    let genesis = said.or(genesis);
    let evidence = Evidence { genesis, checkpoints, witnesses, tiles: arguments.tiles.clone() };
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let report = audit(Audit {
        journal: &journal,
        evidence: &evidence,
        threads: arguments.threads.unwrap_or(cores),
        progress: &mut progress(),
    })?;
    if arguments.json {
        println!("{}", report.to_json());
    } else {
        println!("{report}");
    }
    Ok(if report.passed() { PASS } else { FAIL })
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
    let is_watched = std::io::stderr().is_terminal();
    move |leaves| {
        if is_watched && said.elapsed() >= Duration::from_secs(2) {
            eprintln!("signer-verify: {leaves} leaves");
            said = Instant::now();
        }
    }
}

//! `serve`: opens a ring and serves its sockets until told to end.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use hardening::Report;
use keystore::UnlockKind;
use keystore_file::FileVault;
use signer::listen::Limits;
use signer::{Environment, Signer, Start};

use crate::{VERSION, end, secret};

/// What to serve.
#[derive(Args)]
pub(crate) struct Serve {
    /// The ring.
    #[arg(long, value_name = "DIR")]
    ring: PathBuf,
    /// The directory for the sockets.
    #[arg(long, value_name = "DIR")]
    run: PathBuf,
    /// The file that unlocks the ring. Without it the ring stays locked until somebody unlocks it
    /// over admin.sock.
    #[arg(long, value_name = "FILE")]
    unlock_credential: Option<PathBuf>,
    /// How many threads sign at a time. Without it: one a core, two at least.
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Ends when stdin is closed: whoever started the signer is gone then.
    #[arg(long)]
    parent_pipe: bool,
}

impl Serve {
    /// Serves; prints `ready` when the sockets accept.
    pub(crate) fn run(self, report: &Report) -> anyhow::Result<()> {
        if !report.is_complete() {
            eprint!("signer-file: not fully locked down:\n{report}");
        }
        let reasons = end::reasons(self.parent_pipe)?;
        let signer = self.open(report)?;
        let listening = signer
            .serve(&self.run, self.limits())
            .with_context(|| format!("no sockets in {}", self.run.display()))?;
        println!("ready");
        std::io::stdout().flush().context("stdout")?;
        // An error would mean that both listening threads are gone: end then, too.
        let reason = reasons.recv().unwrap_or(end::Reason::ParentGone);
        eprintln!("signer-file: ending: {reason:?}");
        listening.shutdown();
        signer.shutdown();
        Ok(())
    }

    fn open(&self, report: &Report) -> anyhow::Result<Signer> {
        let start = Start { version: VERSION.to_owned(), report: report.to_string() };
        let vault = Arc::new(FileVault::at(&self.ring));
        let signer = Signer::open(&self.ring, vault, Environment::system(), &start)
            .with_context(|| format!("the ring {} is not opened", self.ring.display()))?;
        match &self.unlock_credential {
            Some(path) => {
                let kind = signer.unlock_kind().context("the ring stays locked")?;
                let factor = match kind {
                    UnlockKind::Credential => secret::credential(path)?,
                    UnlockKind::Passphrase => secret::passphrase(path)?,
                    UnlockKind::Shares { threshold, count } => anyhow::bail!(
                        "{threshold} of {count} shares open the ring, and no file: start it \
                         without --unlock-credential, then give the shares over admin.sock"
                    ),
                };
                signer.unlock(factor).context("the ring stays locked")?;
            }
            None => eprintln!("signer-file: locked until somebody unlocks it over admin.sock"),
        }
        Ok(signer)
    }

    fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        if let Some(workers) = self.workers {
            limits.workers = workers.max(1);
        }
        limits
    }
}

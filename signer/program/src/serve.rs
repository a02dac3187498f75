//! `serve`: opens a ring and serves its sockets until told to end.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use hardening::{Reach, Report, SelfCheck};
use keystore::{UnlockKind, Vault as _};
use keystore_file::FileVault;
use signer::listen::{Bound, Limits};
use signer::{Environment, HeldRing, Signer, Start};
use zeroize::Zeroizing;

use crate::vault::JointVault;
use crate::{Family, end, secret};

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
    /// A checkpoint of this ring's log that was kept elsewhere, with a witness or a backup. An older
    /// or another journal than the one that made it is not unlocked, then or later. May be given
    /// several times.
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// The configuration of the driver, where keys are not files of the ring.
    #[arg(long, value_name = "FILE")]
    driver_config: Option<PathBuf>,
    /// How many threads sign at a time. Without it: one a core, two at least.
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Keeps the ring locked while an item of the self-check fails. ring.toml's `strict = true`
    /// does the same.
    #[arg(long)]
    strict: bool,
    /// Ends when stdin is closed: whoever started the signer is gone then.
    #[arg(long)]
    parent_pipe: bool,
}

impl Serve {
    /// Serves; prints `ready` when the sockets are answered.
    ///
    /// The order is the sandbox: what needs a path outside, a capability or a socket comes first,
    /// before any thread and before the journal is read; then all of that is given up.
    pub(crate) fn run<F: Family>(self, mut report: Report) -> anyhow::Result<()> {
        let ring = HeldRing::take(&self.ring).with_context(|| self.not_opened())?;
        self.check_family::<F>(&ring)?;
        let family = F::prepare(self.driver_config.as_deref())?;
        let sockets = ring
            .bind(&self.run, self.limits(&family))
            .with_context(|| format!("no sockets in {}", self.run.display()))?;
        let factor = self.factor(&ring)?;
        let checkpoints = self.checkpoints()?;
        keystore_file::start_random().context("no random octets")?;
        let check = SelfCheck::open().context("/proc/self/status")?;
        let more = family.places();
        let mut places = vec![(self.ring.as_path(), Reach::Own), (&self.run, Reach::Remove)];
        places.extend(more.iter().map(|(path, reach)| (path.as_path(), *reach)));
        hardening::confine_to(F::ROLE, &places, &family.ports())
            .into_iter()
            .for_each(|item| report.put(item));
        let reasons = end::reasons(self.parent_pipe)?;
        let signer = self.open(family, ring, &check, report)?;
        for (position, _) in signer.open_intents() {
            eprintln!(
                "{}: leaf {position} intends a signature that is not in the journal",
                F::PROGRAM
            );
        }
        for (path, note) in checkpoints {
            let shown = signer.show_checkpoint(&note);
            shown.with_context(|| format!("the checkpoint {}", path.display()))?;
        }
        self.unlock::<F>(&signer, factor)?;
        serve::<F>(signer, sockets, &reasons)
    }

    fn not_opened(&self) -> String {
        format!("the ring {} is not opened", self.ring.display())
    }

    /// Replays the journal, seals the process, and writes down how well.
    fn open<F: Family>(
        &self,
        family: F,
        ring: HeldRing,
        check: &SelfCheck,
        mut report: Report,
    ) -> anyhow::Result<Signer> {
        let strict = self.strict || ring.config().strict;
        let vault = JointVault::of(FileVault::at(&self.ring), family.driver()?);
        let ring = ring.replay(vault, Environment::system()).with_context(|| self.not_opened())?;
        report.put(hardening::seal(F::ROLE));
        check.items().into_iter().for_each(|item| report.put(item));
        if !report.is_complete() {
            let told = format!("{}: not fully locked down:\n{report}", F::PROGRAM);
            // In one piece; that nobody reads it must not stop the signer.
            let _ = std::io::stderr().write_all(told.as_bytes());
            if strict {
                ring.forbid_unlock(format!("strict mode: {}", report.failures()));
            }
        }
        let start = Start { version: F::VERSION.to_owned(), report: report.to_string() };
        ring.start(&start).with_context(|| self.not_opened())
    }

    /// Reads the checkpoints that were kept elsewhere, while paths outside of the ring still open.
    fn checkpoints(&self) -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
        let read = |path: &PathBuf| {
            let note = std::fs::read(path).with_context(|| format!("{}", path.display()))?;
            Ok((path.clone(), note))
        };
        self.checkpoint.iter().map(read).collect()
    }

    /// Reads what unlocks the ring, while paths outside of it still open.
    fn factor(&self, ring: &HeldRing) -> anyhow::Result<Option<Zeroizing<Vec<u8>>>> {
        let Some(path) = &self.unlock_credential else {
            return Ok(None);
        };
        let genesis = ring.config().genesis_digest()?;
        let kind = FileVault::at(&self.ring).kind(genesis).context("the ring stays locked")?;
        Ok(Some(match kind {
            UnlockKind::Credential => secret::credential(path)?,
            UnlockKind::Passphrase => secret::passphrase(path)?,
            UnlockKind::Shares { threshold, count } => anyhow::bail!(
                "{threshold} of {count} shares open the ring, and no file: start it without \
                 --unlock-credential, then give the shares over admin.sock"
            ),
        }))
    }

    /// Refuses a ring of another family, before anything of it is changed.
    fn check_family<F: Family>(&self, ring: &HeldRing) -> anyhow::Result<()> {
        let family = ring.config().driver;
        anyhow::ensure!(
            family == F::DRIVER,
            "the keys of {} are reached by signer-{family}, and this is {}",
            self.ring.display(),
            F::PROGRAM
        );
        Ok(())
    }

    fn unlock<F: Family>(
        &self,
        signer: &Signer,
        factor: Option<Zeroizing<Vec<u8>>>,
    ) -> anyhow::Result<()> {
        match factor {
            Some(factor) => signer.unlock(factor).context("the ring stays locked"),
            None => {
                eprintln!("{}: locked until somebody unlocks it over admin.sock", F::PROGRAM);
                Ok(())
            }
        }
    }

    fn limits<F: Family>(&self, family: &F) -> Limits {
        let mut limits = Limits::default();
        if let Some(workers) = family.workers() {
            limits.workers = limits.workers.max(workers);
        }
        if let Some(workers) = self.workers {
            limits.workers = workers.max(1);
        }
        limits
    }
}

fn serve<F: Family>(
    signer: Signer,
    sockets: Bound,
    reasons: &std::sync::mpsc::Receiver<end::Reason>,
) -> anyhow::Result<()> {
    let listening = signer.serve_on(sockets).context("the sockets are not served")?;
    println!("ready");
    std::io::stdout().flush().context("stdout")?;
    // An error would mean that both listening threads are gone: end then, too.
    let reason = reasons.recv().unwrap_or(end::Reason::ParentGone);
    eprintln!("{}: ending: {reason:?}", F::PROGRAM);
    listening.shutdown();
    signer.shutdown();
    Ok(())
}

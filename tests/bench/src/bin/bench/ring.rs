//! A ring of its own: the real signer-file process, founded by the real ceremony.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use ca::PublicUrls;
use ca::ceremony::{BootstrapPlan, bootstrap};
use signer_client::{ClientOptions, SignerClient, Sockets};
use signer_proto::{
    Digest, Evidence, EvidenceList, IdempotencyKey, KeyLabel, KeySpec, MintSerials, PolicyText,
    ReadPolicy, SetPolicy, SignCertificate, Warrant,
};
use x509::{Certificate, Csr, PublicKey, Serial, TbsCertificateDer};

use crate::draft::Issuer;
use crate::load::{self, Spent};
use crate::machine::now;
use crate::process::{self, Process};
use crate::raw::Pair;

/// The most serials that one call mints.
const MINT: u32 = 1024;

/// A signer whose keys are elsewhere.
pub struct Over<'a> {
    /// The program.
    pub signer: &'a str,
    /// Its driver's configuration.
    pub config: &'a Path,
    /// How many calls it makes at a time; none: as many as it likes.
    pub workers: Option<usize>,
}

/// A running signer with root, issuing CA and responder.
pub struct Ring {
    process: Process,
    client: SignerClient,
    issuer: Issuer,
    issuing: KeyLabel,
    responder: KeyLabel,
    policy: Digest,
    next: AtomicU64,
    directory: tempfile::TempDir,
}

impl Ring {
    /// Makes one below a directory; its journal is there.
    pub async fn start(base: &Path) -> anyhow::Result<Self> {
        Self::start_over(base, None, KeySpec::P256).await
    }

    /// Makes one whose keys are elsewhere, if a signer is named with its configuration; the issuing CA
    /// has a key of this kind.
    pub async fn start_over(
        base: &Path,
        over: Option<Over<'_>>,
        issuing: KeySpec,
    ) -> anyhow::Result<Self> {
        let directory = process::directory(base)?;
        let process = serve(directory.path(), over.as_ref())?;
        let options =
            ClientOptions { default_deadline: Duration::from_secs(30), ..ClientOptions::default() };
        let client = SignerClient::connect(Sockets::of_everyone(&run(directory.path())), options);
        let urls = PublicUrls::new("http://pki.bench.example")?;
        let mut plan = BootstrapPlan::new("Bench", Vec::new(), urls);
        plan.issuing.spec = issuing;
        let founded = bootstrap(&client.clone().into(), &plan, now()?)
            .await
            .context("found the hierarchy")?;
        let certificate = Certificate::parse(founded.issuing.as_bytes())?;
        let issuing = KeyLabel::new(plan.issuing.name.as_str())?;
        let mut ring = Self {
            process,
            issuer: Issuer {
                name: certificate.tbs().subject.clone(),
                key: certificate.tbs().public_key.clone(),
            },
            responder: KeyLabel::new(&format!("{issuing}.ocsp"))?,
            issuing,
            policy: Digest([0; 32]),
            next: AtomicU64::new(1),
            client,
            directory,
        };
        ring.lift_budget().await?;
        Ok(ring)
    }

    /// More is signed here than the default budget admits in an hour.
    async fn lift_budget(&mut self) -> anyhow::Result<()> {
        let key = self.issuing.clone();
        let policy = self.client.read_policy(&ReadPolicy { key: key.clone() }).await?;
        let mut text = String::new();
        for line in policy.text.0.lines() {
            let lifted = ["per_hour =", "per_day ="].iter().find(|name| line.starts_with(**name));
            match lifted {
                Some(name) => text.push_str(&format!("{name} 1000000000\n")),
                None => text.push_str(&format!("{line}\n")),
            }
        }
        ensure!(text != policy.text.0, "the policy has no budget to lift");
        let call = SetPolicy {
            key,
            previous: Some(policy.reference.digest),
            text: PolicyText(text),
            warrant: Warrant::none(),
        };
        self.policy = self.client.set_policy(&call).await?.digest;
        Ok(())
    }

    /// Returns the signer's process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Returns the client that every task shares.
    pub fn client(&self) -> &SignerClient {
        &self.client
    }

    /// Returns the issuing CA.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Returns the label of the issuing CA's key.
    pub fn issuing(&self) -> &KeyLabel {
        &self.issuing
    }

    /// Returns the label of its responder's key.
    pub fn responder(&self) -> &KeyLabel {
        &self.responder
    }

    /// Returns the path of issue.sock.
    pub fn issue_socket(&self) -> PathBuf {
        run(self.directory.path()).join("issue.sock")
    }

    /// Mints so many serials.
    pub async fn mint(&self, count: usize) -> anyhow::Result<Vec<Serial>> {
        let mut serials = Vec::with_capacity(count);
        while serials.len() < count {
            let missing = u32::try_from(count - serials.len()).unwrap_or(MINT);
            let call = MintSerials { key: self.issuing.clone(), count: missing.min(MINT) };
            serials.extend(self.client.mint_serials(&call).await?.0);
        }
        Ok(serials)
    }

    /// Asks for the certificate over drafted bytes.
    pub fn order(&self, tbs: TbsCertificateDer, evidence: Option<&Csr>) -> SignCertificate {
        let number = u128::from(self.next.fetch_add(1, Ordering::Relaxed));
        let evidence = evidence.map(|csr| Evidence::Request(csr.der().clone()));
        SignCertificate {
            key: self.issuing.clone(),
            policy: self.policy,
            profile: Digest([0x33; 32]),
            tbs,
            evidence: EvidenceList(evidence.into_iter().collect()),
            idempotency: IdempotencyKey(number.to_be_bytes()),
        }
    }

    /// Drafts so many orders with a fresh serial each.
    pub async fn orders(
        &self,
        count: usize,
        subject: &PublicKey,
        names: usize,
        evidence: Option<&Csr>,
    ) -> anyhow::Result<Vec<SignCertificate>> {
        let now = now()?;
        let serials = self.mint(count).await?;
        let drafted = serials.into_iter().map(|serial| {
            let tbs = self.issuer.leaf(serial, subject, names, now)?;
            Ok(self.order(tbs, evidence))
        });
        drafted.collect()
    }
}

impl Ring {
    /// Has so many certificates signed, so many at a time; counts the CPU of the processes, and says
    /// how long each certificate took.
    pub async fn sign_many(
        self: &Arc<Self>,
        acts: usize,
        at_a_time: usize,
        processes: &[u32],
    ) -> anyhow::Result<(Spent, Vec<Duration>)> {
        let subject = Pair::generate()?;
        let drafted = self.orders(acts, subject.public(), 1, None).await?;
        let times = Arc::new(Mutex::new(Vec::with_capacity(acts)));
        let (asked, noted) = (Arc::clone(self), Arc::clone(&times));
        let spent = load::run(drafted, at_a_time, processes, move |orders, index| {
            let (ring, noted) = (Arc::clone(&asked), Arc::clone(&noted));
            async move {
                let began = Instant::now();
                ring.client().sign_certificate(&orders[index]).await?;
                noted.lock().expect("no panic").push(began.elapsed());
                Ok(())
            }
        });
        let spent = spent.await?;
        let times = core::mem::take(&mut *times.lock().expect("no panic"));
        Ok((spent, times))
    }
}

fn run(directory: &Path) -> PathBuf {
    directory.join("run")
}

/// Makes a ring and starts its signer.
fn serve(directory: &Path, over: Option<&Over<'_>>) -> anyhow::Result<Process> {
    let name = over.map_or("signer-file", |over| over.signer);
    let program = process::beside(name)?;
    let (ring, credential) = (directory.join("ring"), directory.join("unlock.key"));
    let mut octets = [0; 32];
    aws_lc_rs::rand::fill(&mut octets)?;
    write_private(&credential, &octets)?;
    let init = Command::new(&program)
        .args(["init", "--dangerous-no-operators", "--ring"])
        .arg(&ring)
        .arg("--unlock-credential")
        .arg(&credential)
        .output()?;
    if !init.status.success() {
        bail!("{name} init: {}", String::from_utf8_lossy(&init.stderr).trim());
    }
    let mut serve = Command::new(&program);
    serve.args(["serve", "--ring"]).arg(&ring).arg("--run").arg(run(directory));
    if let Some(over) = over {
        serve.arg("--driver-config").arg(over.config);
        serve.args(over.workers.map(|workers| format!("--workers={workers}")));
    }
    serve.arg("--unlock-credential").arg(&credential).arg("--parent-pipe");
    Process::start(&mut serve, "ready", &directory.join("log"))
}

fn write_private(path: &Path, octets: &[u8]) -> anyhow::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
    Ok(file.write_all(octets)?)
}

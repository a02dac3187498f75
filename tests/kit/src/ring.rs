//! The real signer core in this process: a ring in a temporary directory, over real sockets.

mod ask;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use keystore::NewFactor;
use keystore_file::FileVault;
use signer::journal::{Disk, RealDisk};
use signer::listen::Dispatch;
use signer::{DriverFamily, Environment, NewRing, Signer};
use signer_proto::{
    KeyLabel, KeySpec, OperatorKeys, Plaintext, Purpose, Refusal, SignedCertificate, Socket, Unlock,
};
use tempfile::TempDir;
use x509::{Certificate, TbsCertificateDer};
use zeroize::Zeroizing;

pub use ask::TbsBytes;

use crate::running::Running;
use crate::{
    Account, Counts, ISSUING, ISSUING_NAME, KitClock, OTHER, OTHER_NAME, Plan, RESPONDER, ROOT,
    ROOT_NAME, RawPeer, outside, verdict,
};

/// What unlocks the rings of the tests: told from everything else by any test that looks for it.
pub const CREDENTIAL: &[u8; 40] = b"canary-of-the-unlock-credential-36c1f09a";

/// Makes a label.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn label(text: &str) -> KeyLabel {
    KeyLabel::new(text).expect("a label")
}

/// Puts a signature to the bytes that it is over.
///
/// # Panics
/// If they are no certificate together.
#[must_use]
pub fn assemble(tbs: &TbsCertificateDer, signed: &SignedCertificate) -> Certificate {
    let parsed = x509::TbsCertificate::parse(tbs.as_bytes()).expect("a strict TBS");
    let der = Certificate::assemble(tbs, parsed.signature, &signed.signature);
    Certificate::parse(der.as_bytes()).expect("a certificate")
}

/// A ring with a root, two issuing CAs and a responder.
pub struct Ring {
    /// Its clock.
    pub clock: Arc<KitClock>,
    /// What its driver was asked.
    pub counts: Arc<Counts>,
    plan: Plan,
    /// Whether the signer is a process of its own.
    outside: bool,
    dir: TempDir,
    running: Option<Running>,
    next: AtomicU64,
    certificates: Vec<(&'static str, Certificate)>,
}

impl Ring {
    /// Makes a ring, unlocks it and founds its hierarchy.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(Plan::default())
    }

    /// Makes a ring whose signer is in this process in any case, for tests that turn its clock,
    /// bend its driver or ask the core itself.
    #[must_use]
    pub fn inside() -> Self {
        Self::start_with(Plan::default().inside())
    }

    /// Makes a ring whose signer is the real program under a uid of its own; none, with a line
    /// that says so, where this process is not root's.
    ///
    /// # Panics
    /// If it cannot, and `CHANCERY_NO_SKIP=1` forbids skipping.
    #[must_use]
    pub fn outside() -> Option<Self> {
        outside::is_possible().then(|| Self::start_with(Plan { outside: true, ..Plan::default() }))
    }

    /// Makes a ring by a plan.
    #[must_use]
    pub fn start_with(plan: Plan) -> Self {
        let mut ring = Self::locked(plan);
        ring.unlock().expect("the credential unlocks");
        ring.found();
        ring
    }

    /// Makes a ring and leaves it locked and without a hierarchy.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn locked(plan: Plan) -> Self {
        let outside = plan.outside || plan.fits_outside() && outside::is_wanted();
        let mut ring = Self {
            clock: Arc::new(KitClock::new(!outside)),
            counts: Arc::new(Counts::new(!outside)),
            plan,
            outside,
            dir: tempfile::tempdir().expect("a temporary directory"),
            running: None,
            next: AtomicU64::new(1),
            certificates: Vec::new(),
        };
        std::fs::create_dir(ring.run_dir()).expect("a directory for the sockets");
        if outside {
            outside::create(ring.dir());
        } else {
            ring.create();
        }
        ring.try_open().expect("the ring opens");
        ring
    }

    fn create(&self) {
        let ring = self;
        let mut uids = vec![uid()];
        uids.extend(&ring.plan.uids);
        let new = NewRing {
            driver: DriverFamily::File,
            server_uids: uids.clone(),
            va_uids: uids.clone(),
            admin_uids: uids,
            server_gid: None,
            admin_gid: None,
            operators: ring.plan.operators.as_ref().map_or(OperatorKeys(vec![]), |o| o.founders()),
            threshold: ring.plan.threshold,
            made_by: "kit".to_owned(),
        };
        let factor = NewFactor::Credential(Zeroizing::new(CREDENTIAL.to_vec()));
        let founder = |dir: &Path| -> Box<dyn keystore::Founder> { Box::new(FileVault::at(dir)) };
        let environment = Environment { disk: Arc::new(RealDisk), ..ring.environment() };
        signer::create(&ring.ring_dir(), &new, &factor, founder, &environment).expect("a ring");
        ring.plant_journal();
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    fn environment(&self) -> Environment {
        let disk: Arc<dyn Disk> = match &self.plan.disk {
            Some(disk) => Arc::new(disk.clone()),
            None => Arc::new(RealDisk),
        };
        Environment {
            clock: Arc::clone(&self.clock) as Arc<dyn signer::Clock>,
            disk,
            ..Environment::system()
        }
    }

    /// Puts the new journal on the simulated disk: a ring is made in another directory and
    /// renamed, which the simulated disk does not see.
    fn plant_journal(&self) {
        let Some(disk) = &self.plan.disk else { return };
        let journal = self.ring_dir().join("journal");
        for entry in std::fs::read_dir(journal).expect("the journal is there") {
            let path = entry.expect("an entry").path();
            let content = std::fs::read(&path).expect("a segment is read");
            disk.plant(&path, content);
        }
    }

    /// Opens the ring, which is not open, and serves its sockets. It stays locked.
    ///
    /// # Errors
    /// What the signer says.
    ///
    /// # Panics
    /// If the sockets cannot be served.
    pub fn try_open(&mut self) -> Result<(), String> {
        let opened = if self.outside {
            Running::outside(self.dir())
        } else {
            let serve = self.plan.serve.then_some(self.plan.limits);
            Running::inside(self.dir(), &self.counts, self.environment(), serve)
        };
        self.running = Some(opened.inspect_err(|_| verdict::not_opened())?);
        Ok(())
    }

    /// Unlocks the ring.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn unlock(&self) -> Result<(), Refusal> {
        let credential = Zeroizing::new(CREDENTIAL.to_vec());
        let unlocked = if self.outside {
            self.call(&Unlock { passphrase: Plaintext(credential) }).map(drop)
        } else {
            self.signer().unlock(credential)
        };
        unlocked.inspect_err(|refusal| verdict::refused(refusal.rule))
    }

    /// From the next opening on, serves the sockets or does not.
    pub fn serve_next(&mut self, serve: bool) {
        self.plan.serve = serve;
    }

    /// Makes a copy of a ring that is stopped, with the same clock. It is not open.
    ///
    /// # Panics
    /// If it cannot, or the signer is a process of its own.
    #[must_use]
    pub fn twin(&self) -> Self {
        assert!(!self.outside && self.running.is_none(), "stop it, and start with Ring::inside");
        let twin = Self {
            clock: Arc::clone(&self.clock),
            counts: Arc::new(Counts::new(true)),
            plan: self.plan.clone(),
            outside: false,
            dir: tempfile::tempdir().expect("a temporary directory"),
            running: None,
            next: AtomicU64::new(1 << 32),
            certificates: self.certificates.clone(),
        };
        std::fs::create_dir(twin.run_dir()).expect("a directory for the sockets");
        let mut copy = std::process::Command::new("cp");
        let copied = copy.arg("-a").args([self.ring_dir(), twin.ring_dir()]).status();
        assert!(copied.expect("cp runs").success());
        twin
    }

    /// Ends the signer in order.
    pub fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.end();
        }
    }

    /// Ends the signer, starts it again on the same ring, and unlocks it.
    ///
    /// # Panics
    /// If it does not open.
    pub fn restart(&mut self) {
        self.stop();
        self.try_open().expect("the ring opens again");
        self.unlock().expect("the credential unlocks");
    }

    /// Returns the running core.
    ///
    /// # Panics
    /// If it was ended.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        match &self.running {
            Some(Running::Inside { signer, .. }) => signer,
            Some(Running::Outside(_)) => panic!("another process: start with Ring::inside"),
            None => panic!("the signer runs"),
        }
    }

    /// Returns the signer's process id, where it is a process of its own.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        match &self.running {
            Some(Running::Outside(process)) => Some(process.id()),
            _ => None,
        }
    }

    /// Returns what requests are handed to, without a socket.
    #[must_use]
    pub fn dispatch(&self) -> Arc<dyn Dispatch> {
        self.signer().dispatch()
    }

    /// Returns the directory around ring and sockets.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Returns the ring's directory.
    #[must_use]
    pub fn ring_dir(&self) -> PathBuf {
        self.dir.path().join("ring")
    }

    /// Returns the directory of the sockets.
    #[must_use]
    pub fn run_dir(&self) -> PathBuf {
        self.dir.path().join("run")
    }

    /// Returns the path of a socket.
    #[must_use]
    pub fn socket(&self, socket: Socket) -> PathBuf {
        self.run_dir().join(format!("{socket}.sock"))
    }

    /// Returns the uid that the signer sees on a socket.
    #[must_use]
    pub fn uid_on(&self, socket: Socket) -> u32 {
        if self.outside { Account::on(socket).uid } else { uid() }
    }

    /// Connects to a socket, as the user to whom it belongs.
    ///
    /// # Panics
    /// If nobody listens.
    #[must_use]
    pub fn peer(&self, socket: Socket) -> RawPeer {
        let path = self.socket(socket);
        let connected = if self.outside {
            Account::on(socket).act(|| RawPeer::connect(&path))
        } else {
            RawPeer::connect(&path)
        };
        connected.expect("the signer listens")
    }
}

/// The foundation of the hierarchy, without sockets too.
impl Ring {
    fn found(&mut self) {
        let plan = self.plan.clone();
        let root = self.generate(ROOT, Purpose::CaCertAndCrl, KeySpec::P384);
        let issuing = self.generate(ISSUING, Purpose::CertAndCrl, KeySpec::P256);
        let other = self.generate(OTHER, Purpose::CertAndCrl, KeySpec::P256);
        self.generate(RESPONDER, Purpose::Ocsp, KeySpec::P256);
        self.set_policy(ROOT, &plan.root);
        for (key, subject, public) in [
            (ROOT, ROOT_NAME, &root),
            (ISSUING, ISSUING_NAME, &issuing),
            (OTHER, OTHER_NAME, &other),
        ] {
            let draft = self.authority(subject, public);
            let mut order = self.authority_order(&draft);
            order.warrant = self.enough(order.clone());
            let signed = self.call(&order).expect("a CA certificate");
            let certificate = assemble(&draft.tbs(), &signed);
            certificate.verify_by(&root).expect("it verifies");
            self.certificates.push((key, certificate));
        }
        self.set_policy(ISSUING, &plan.issuing);
        self.set_policy(OTHER, &plan.other);
        self.set_policy(RESPONDER, &plan.responder);
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Returns this process's uid.
#[must_use]
pub fn uid() -> u32 {
    rustix::process::getuid().as_raw()
}

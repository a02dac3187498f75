//! The real signer core in this process: a ring in a temporary directory, over real sockets.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keystore::NewFactor;
use keystore_file::FileVault;
use signer::journal::{Disk, RealDisk};
use signer::listen::Dispatch;
use signer::{DriverFamily, Environment, NewRing, Signer};
use signer_proto::{
    Call, Describe, Digest, EvidenceList, GenerateKey, IdempotencyKey, KeyDescription, KeyLabel,
    KeySpec, MintSerials, OperatorKeys, Plaintext, PolicyText, Purpose, ReadJournal, Refusal, Rule,
    SetPolicy, SignAuthority, SignCertificate, SignedCertificate, Socket, Unlock, Warrant,
};
use tempfile::TempDir;
use x509::{Certificate, PublicKey, Serial, TbsCertificateDer};
use zeroize::Zeroizing;

use crate::running::Running;
use crate::{
    Account, Counts, Draft, ISSUING, ISSUING_NAME, KitClock, Ledger, OTHER, OTHER_NAME, Plan,
    RESPONDER, ROOT, ROOT_NAME, RawPeer, draft, name, outside, verdict,
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

    /// Asks on a new connection to a socket that speaks the call.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn call<C: Call>(&self, call: &C) -> Result<C::Answer, Refusal> {
        let socket = Socket::ALL.iter().find(|socket| C::KIND.permitted_on(**socket));
        let mut peer = self.peer(*socket.expect("a socket speaks it"));
        peer.call(call).map_err(crate::Failure::refusal)
    }

    /// Returns a key.
    ///
    /// # Panics
    /// If it is not there.
    #[must_use]
    pub fn describe(&self, key: &str) -> KeyDescription {
        let described = self.call(&Describe).expect("a description");
        let mut keys = described.keys.0.into_iter();
        keys.find(|found| found.label.as_str() == key).expect("the key is there")
    }

    /// Returns a public key.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn public(&self, key: &str) -> PublicKey {
        let spki = self.describe(key).spki.expect("a public key");
        PublicKey::parse(spki.as_bytes()).expect("a strict SPKI")
    }

    /// Returns the digest of the policy in force.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn policy(&self, key: &str) -> Digest {
        self.describe(key).policy.expect("a policy").digest
    }

    /// Mints a serial.
    ///
    /// # Panics
    /// If it is refused.
    #[must_use]
    pub fn mint(&self, key: &str) -> Serial {
        let call = MintSerials { key: label(key), count: 1 };
        self.call(&call).expect("a serial").0[0]
    }

    /// Returns an idempotency key that was not used before.
    #[must_use]
    pub fn idempotency(&self) -> IdempotencyKey {
        let next = self.next.fetch_add(1, Ordering::SeqCst);
        IdempotencyKey((0xc4a9_c0de_u128 << 64 | u128::from(next)).to_be_bytes())
    }

    /// Drafts an honest leaf of [`ISSUING`] with a fresh serial.
    #[must_use]
    pub fn leaf(&self) -> Draft {
        self.leaf_of(ISSUING, ISSUING_NAME)
    }

    /// Drafts an honest leaf of any issuing key.
    #[must_use]
    pub fn leaf_of(&self, key: &str, issuer: &str) -> Draft {
        let issuer = (&name(issuer), &self.public(key));
        draft::server(self.mint(key), issuer, self.clock.now())
    }

    /// Drafts an honest responder's certificate.
    #[must_use]
    pub fn responder(&self) -> Draft {
        let mut draft = self.leaf();
        draft.become_responder(&self.public(RESPONDER));
        draft
    }

    /// Drafts an honest CA certificate under the root; the root's own for its own name and key.
    #[must_use]
    pub fn authority(&self, subject: &str, key: &PublicKey) -> Draft {
        let root = (&name(ROOT_NAME), &self.public(ROOT));
        let serial = self.mint(ROOT);
        draft::authority(serial, root, self.clock.now(), (&name(subject), key))
    }

    /// Drafts a CA certificate by any key under the root's name.
    #[must_use]
    pub fn authority_by(&self, key: &str, subject: &str, public: &PublicKey) -> Draft {
        let issuer = (&name(ROOT_NAME), &self.public(key));
        draft::authority(self.mint(key), issuer, self.clock.now(), (&name(subject), public))
    }

    /// Asks [`ISSUING`] for a certificate.
    #[must_use]
    pub fn order(&self, draft: &Draft) -> SignCertificate {
        self.order_der(draft.tbs())
    }

    /// Asks [`ISSUING`] for the signature over any bytes.
    #[must_use]
    pub fn order_der(&self, tbs: impl Into<TbsBytes>) -> SignCertificate {
        SignCertificate {
            key: label(ISSUING),
            policy: self.policy(ISSUING),
            profile: Digest([0x33; 32]),
            tbs: tbs.into().0,
            evidence: EvidenceList(Vec::new()),
            idempotency: self.idempotency(),
        }
    }

    /// Asks the root for a CA certificate.
    #[must_use]
    pub fn authority_order(&self, draft: &Draft) -> SignAuthority {
        SignAuthority {
            key: label(ROOT),
            policy: self.policy(ROOT),
            tbs: draft.tbs(),
            idempotency: self.idempotency(),
            warrant: Warrant::none(),
        }
    }

    /// Issues an honest leaf and verifies it.
    ///
    /// # Panics
    /// If it is refused or does not verify.
    #[must_use]
    pub fn issue(&self) -> Certificate {
        let tbs = self.leaf().tbs();
        let signed = self.call(&self.order_der(tbs.clone())).expect("an honest leaf is issued");
        let certificate = assemble(&tbs, &signed);
        certificate.verify_by(&self.public(ISSUING)).expect("it verifies");
        certificate
    }

    /// Returns the certificate of a CA of this ring.
    ///
    /// # Panics
    /// If it has none.
    #[must_use]
    pub fn certificate(&self, key: &str) -> &Certificate {
        let found = self.certificates.iter().find(|(found, _)| *found == key);
        &found.expect("the CA has a certificate").1
    }

    /// Reads the journal from a position to its end.
    ///
    /// # Panics
    /// If it is refused.
    #[must_use]
    pub fn ledger_from(&self, from: u64) -> Ledger {
        let mut peer = self.peer(Socket::Status);
        let mut octets: Vec<Vec<u8>> = Vec::new();
        loop {
            let read = ReadJournal { from: from + octets.len() as u64, limit: 4096 };
            let slice = peer.call(&read).expect("the journal is read");
            octets.extend(slice.leaves.0.into_iter().map(|leaf| leaf.0));
            if from + octets.len() as u64 >= slice.size {
                let ledger = Ledger::new(from, octets);
                if self.outside {
                    ledger.signatures().for_each(|signature| self.counts.learn(signature));
                }
                return ledger;
            }
        }
    }

    /// Waits until so many refusals by a rule are counted in the journal.
    ///
    /// # Panics
    /// If they do not come.
    pub fn await_refused(&self, rule: Rule, count: u64) {
        let begun = std::time::Instant::now();
        while self.ledger().refused_by(rule) < count {
            assert!(begun.elapsed().as_secs() < 5, "{count} refusals by {rule} are not counted");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// Reads the whole journal.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.ledger_from(0)
    }

    /// Generates a key.
    ///
    /// # Panics
    /// If it is refused.
    pub fn generate(&self, key: &str, purpose: Purpose, spec: KeySpec) -> PublicKey {
        let mut call = GenerateKey { label: label(key), purpose, spec, warrant: Warrant::none() };
        call.warrant = self.enough(call.clone());
        let key = self.call(&call).expect("a key");
        PublicKey::parse(key.spki.expect("a public key").as_bytes()).expect("a strict SPKI")
    }

    /// Puts a policy in force after the one that is.
    ///
    /// # Panics
    /// If it is refused.
    pub fn set_policy(&self, key: &str, text: &str) {
        let mut call = SetPolicy {
            key: label(key),
            previous: self.describe(key).policy.map(|policy| policy.digest),
            text: PolicyText(text.to_owned()),
            warrant: Warrant::none(),
        };
        call.warrant = self.enough(call.clone());
        self.call(&call).expect("the policy comes into force");
    }
}

/// Bytes to be signed, honest or not.
pub struct TbsBytes(TbsCertificateDer);

impl From<TbsCertificateDer> for TbsBytes {
    fn from(tbs: TbsCertificateDer) -> Self {
        Self(tbs)
    }
}

impl From<Vec<u8>> for TbsBytes {
    fn from(octets: Vec<u8>) -> Self {
        Self(TbsCertificateDer::from_vec(octets))
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

//! A ring with a root, an issuing CA and a responder, and short words for asking it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use keystore::{
    KeyDriver, NewFactor, Opened, Opener, Share, ShareOffer, UnlockError, UnlockFactor, UnlockKind,
    Vault,
};
use keystore_file::FileVault;
use signer::journal::{Disk, RealDisk};
use signer::listen::{Body, Dispatch, Peer, Request};
use signer::{DriverFamily, Environment, NewRing, OpenError, Signer, Start};
use signer_proto::{
    Call, Digest, Event, GenerateKey, IdempotencyKey, KeyDescription, KeyLabel, KeySpec, Leaf,
    MintSerials, OperatorKeys, PolicyText, Purpose, ReadJournal, Refusal, SetPolicy, SignAuthority,
    SignCertificate, SignedCertificate, Socket, Warrant, Wire,
};
use tempfile::TempDir;
use x509::{Certificate, PublicKey, Serial, Signature, TbsCertificate, UnixTime};
use zeroize::Zeroizing;

use super::drafts::{self, Issuer};
use super::hand_clock::HandClock;

pub const UID: u32 = 4711;
pub const CREDENTIAL: [u8; 32] = [7; 32];

/// Wraps the driver of a vault.
pub type Wrap = fn(Arc<dyn KeyDriver>) -> Arc<dyn KeyDriver>;

struct WrappedVault(FileVault, Wrap);

impl Vault for WrappedVault {
    fn kind(&self, genesis: Digest) -> Result<UnlockKind, UnlockError> {
        self.0.kind(genesis)
    }

    fn settle(&self, genesis: Digest) -> Result<Opener, UnlockError> {
        self.0.settle(genesis)
    }

    fn admit_share(&self, offer: &ShareOffer, genesis: Digest) -> Result<Share, UnlockError> {
        self.0.admit_share(offer, genesis)
    }

    fn unlock(
        &self,
        factor: &UnlockFactor,
        genesis: Digest,
        house: &[keystore::KeyIdentity],
    ) -> Result<Opened, UnlockError> {
        let opened = self.0.unlock(factor, genesis, house)?;
        Ok(Opened { driver: (self.1)(opened.driver), house: opened.house })
    }
}

pub struct Workshop {
    pub clock: Arc<HandClock>,
    /// Keeps the journal from the next start on.
    pub disk: Arc<dyn Disk>,
    dir: TempDir,
    wrap: Wrap,
    signer: Option<Signer>,
    next_idempotency: std::cell::Cell<u64>,
    pub root: Option<Certificate>,
    pub issuing: Option<Certificate>,
}

impl Workshop {
    /// Makes a ring and unlocks it.
    pub fn new() -> Self {
        let mut workshop = Self::locked(|driver| driver);
        workshop.unlock();
        workshop
    }

    /// Makes a ring and leaves it locked.
    pub fn locked(wrap: Wrap) -> Self {
        Self::locked_by(wrap, NewFactor::Credential(Zeroizing::new(CREDENTIAL.to_vec())))
    }

    /// Makes a ring that this factor opens and leaves it locked.
    pub fn locked_by(wrap: Wrap, factor: NewFactor) -> Self {
        let mut workshop = Self {
            clock: Arc::new(HandClock::new()),
            disk: Arc::new(RealDisk),
            dir: tempfile::tempdir().unwrap(),
            wrap,
            signer: None,
            next_idempotency: std::cell::Cell::new(1),
            root: None,
            issuing: None,
        };
        let new = NewRing {
            driver: DriverFamily::File,
            server_uids: vec![UID],
            va_uids: vec![],
            admin_uids: vec![UID],
            server_gid: None,
            admin_gid: None,
            operators: OperatorKeys(vec![]),
            threshold: 0,
            made_by: "test".to_owned(),
        };
        signer::create(
            &workshop.ring(),
            &new,
            &factor,
            |dir| Box::new(FileVault::at(dir)),
            &workshop.environment(),
        )
        .unwrap();
        workshop.open();
        workshop
    }

    /// Makes a copy of a ring that is stopped, with a clock of the same time.
    pub fn twin(&self) -> Self {
        let twin = Self {
            clock: Arc::new(HandClock::new()),
            disk: Arc::new(RealDisk),
            dir: tempfile::tempdir().unwrap(),
            wrap: self.wrap,
            signer: None,
            next_idempotency: std::cell::Cell::new(1 << 32),
            root: self.root.clone(),
            issuing: self.issuing.clone(),
        };
        let copied = std::process::Command::new("cp")
            .arg("-a")
            .args([self.ring(), twin.ring()])
            .status()
            .unwrap();
        assert!(copied.success());
        twin
    }

    pub fn ring(&self) -> PathBuf {
        self.dir.path().join("ring")
    }

    pub fn signer(&self) -> &Signer {
        self.signer.as_ref().unwrap()
    }

    fn environment(&self) -> Environment {
        Environment {
            clock: Arc::clone(&self.clock) as Arc<dyn signer::Clock>,
            disk: Arc::clone(&self.disk),
            ..Environment::system()
        }
    }

    fn open(&mut self) {
        self.try_open().unwrap();
    }

    /// Opens the ring and leaves it locked.
    pub fn try_open(&mut self) -> Result<(), OpenError> {
        let vault = Arc::new(WrappedVault(FileVault::at(self.ring()), self.wrap));
        let start = Start { version: "test".to_owned(), report: String::new() };
        self.signer = Some(Signer::open(&self.ring(), vault, self.environment(), &start)?);
        Ok(())
    }

    fn unlock(&mut self) {
        self.try_unlock().unwrap();
    }

    /// Unlocks the ring as its start does.
    pub fn try_unlock(&self) -> Result<(), Refusal> {
        let credential = Zeroizing::new(CREDENTIAL.to_vec());
        self.signer().unlock(credential)
    }

    /// Ends the signer, if there is one.
    pub fn stop(&mut self) {
        if let Some(signer) = self.signer.take() {
            signer.shutdown();
        }
    }

    /// Ends the signer and starts it again on the same ring.
    pub fn restart_locked(&mut self) {
        self.stop();
        self.open();
    }

    /// Ends the signer, starts it again on the same ring, and unlocks it.
    pub fn restart(&mut self) {
        self.restart_locked();
        self.unlock();
    }

    /// Makes root, issuing CA and responder: keys, policies, CA certificates.
    pub fn with_hierarchy() -> Self {
        Self::new().found_hierarchy()
    }

    pub fn found_hierarchy(mut self) -> Self {
        let root = self.generate("root", Purpose::CaCertAndCrl, KeySpec::P384);
        let issuing = self.generate("issuing", Purpose::CertAndCrl, KeySpec::P256);
        self.generate("ocsp", Purpose::Ocsp, KeySpec::P256);
        self.set_policy("root", drafts::root_policy());
        let root_tbs = drafts::root(self.mint("root"), &public(&root));
        let signed = self.sign_authority(&root_tbs).unwrap();
        self.root = Some(certificate(&root_tbs, &signed));
        let issuing_tbs = drafts::issuing(self.mint("root"), &public(&root), &public(&issuing));
        let signed = self.sign_authority(&issuing_tbs).unwrap();
        self.issuing = Some(certificate(&issuing_tbs, &signed));
        self.set_policy("issuing", drafts::issuing_policy());
        self.set_policy("ocsp", drafts::responder_policy());
        self
    }

    pub fn generate(&self, label_text: &str, purpose: Purpose, spec: KeySpec) -> KeyDescription {
        self.call(GenerateKey { label: label(label_text), purpose, spec, warrant: Warrant::none() })
            .unwrap()
    }

    pub fn set_policy(&self, key: &str, text: String) {
        let previous = self.describe(key).policy.map(|policy| policy.digest);
        self.call(SetPolicy {
            key: label(key),
            previous,
            text: PolicyText(text),
            warrant: Warrant::none(),
        })
        .unwrap();
    }

    pub fn describe(&self, key: &str) -> KeyDescription {
        let description = self.call(signer_proto::Describe).unwrap();
        let found = description.keys.0.into_iter().find(|k| k.label.as_str() == key);
        found.unwrap()
    }

    pub fn public(&self, key: &str) -> PublicKey {
        public(&self.describe(key))
    }

    pub fn policy(&self, key: &str) -> Digest {
        self.describe(key).policy.unwrap().digest
    }

    pub fn mint(&self, key: &str) -> Serial {
        let serials = self.call(MintSerials { key: label(key), count: 1 });
        serials.unwrap().0[0]
    }

    pub fn idempotency(&self) -> IdempotencyKey {
        let next = self.next_idempotency.get();
        self.next_idempotency.set(next + 1);
        let mut key = [0x11; 16];
        key[8..].copy_from_slice(&next.to_be_bytes());
        IdempotencyKey(key)
    }

    pub fn sign_authority(&self, tbs: &TbsCertificate) -> Result<SignedCertificate, Refusal> {
        self.call(SignAuthority {
            key: label("root"),
            policy: self.policy("root"),
            tbs: tbs.encode().unwrap(),
            idempotency: self.idempotency(),
            warrant: Warrant::none(),
        })
    }

    /// Asks for a leaf certificate.
    pub fn order(&self, tbs: &TbsCertificate) -> SignCertificate {
        SignCertificate {
            key: label("issuing"),
            policy: self.policy("issuing"),
            profile: Digest([0x33; 32]),
            tbs: tbs.encode().unwrap(),
            evidence: signer_proto::EvidenceList(vec![]),
            idempotency: self.idempotency(),
        }
    }

    /// Drafts a leaf certificate with a fresh serial.
    pub fn leaf(&self, dns: &str) -> TbsCertificate {
        drafts::leaf(self.mint("issuing"), &self.issuer(), dns)
    }

    pub fn issuer(&self) -> Issuer {
        Issuer { key: self.public("issuing"), now: self.now() }
    }

    pub fn issue(&self, dns: &str) -> Certificate {
        let tbs = self.leaf(dns);
        let signed = self.call(self.order(&tbs)).unwrap();
        certificate(&tbs, &signed)
    }

    pub fn now(&self) -> UnixTime {
        UnixTime(signer::Clock::wall_ms(self.clock.as_ref()) / 1000)
    }

    /// Asks on a socket that speaks the call.
    pub fn call<C: Call>(&self, call: C) -> Result<C::Answer, Refusal> {
        let answer = self.ask(&call).recv_timeout(Duration::from_secs(20));
        answer.expect("an answer in time").map(decode::<C>)
    }

    /// Asks and does not wait.
    pub fn ask<C: Call>(&self, call: &C) -> Receiver<Result<Vec<u8>, Refusal>> {
        let socket = Socket::ALL.iter().find(|s| C::KIND.permitted_on(**s));
        self.ask_on(*socket.unwrap(), call)
    }

    pub fn ask_on<C: Call>(&self, socket: Socket, call: &C) -> Receiver<Result<Vec<u8>, Refusal>> {
        ask(self.signer().dispatch().as_ref(), socket, call)
    }

    /// Reads the whole journal.
    pub fn leaves(&self) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        loop {
            let from = leaves.len() as u64;
            let slice = self.call(ReadJournal { from, limit: 4096 }).unwrap();
            leaves.extend(slice.leaves.0.iter().map(|l| Leaf::from_wire(&l.0).unwrap()));
            if slice.size == leaves.len() as u64 {
                return leaves;
            }
        }
    }

    pub fn events(&self) -> Vec<&'static str> {
        self.leaves().iter().map(|leaf| leaf.event.name()).collect()
    }

    /// Counts the leaves of one type.
    pub fn count(&self, is: fn(&Event) -> bool) -> usize {
        self.leaves().iter().filter(|leaf| is(&leaf.event)).count()
    }
}

pub fn ask<C: Call>(
    dispatch: &dyn Dispatch,
    socket: Socket,
    call: &C,
) -> Receiver<Result<Vec<u8>, Refusal>> {
    ask_within(dispatch, socket, call, Duration::from_secs(20))
}

pub fn ask_within<C: Call>(
    dispatch: &dyn Dispatch,
    socket: Socket,
    call: &C,
    time: Duration,
) -> Receiver<Result<Vec<u8>, Refusal>> {
    let (reply, answer) = mpsc::channel();
    let received = Instant::now();
    let request = Request {
        peer: Peer { uid: UID, gid: UID, pid: 1, socket },
        kind: C::KIND,
        body: Body::new(C::KIND, call.to_wire()),
        received,
        deadline: received + time,
    };
    dispatch.dispatch(
        request,
        Box::new(move |outcome| {
            let _ = reply.send(outcome);
        }),
    );
    answer
}

pub fn decode<C: Call>(answer: Vec<u8>) -> C::Answer {
    C::Answer::from_wire(&answer).expect("a canonical answer")
}

pub fn label(text: &str) -> KeyLabel {
    KeyLabel::new(text).unwrap()
}

pub fn public(key: &KeyDescription) -> PublicKey {
    PublicKey::parse(key.spki.as_ref().unwrap().as_bytes()).unwrap()
}

pub fn certificate(tbs: &TbsCertificate, signed: &SignedCertificate) -> Certificate {
    assemble(tbs, &signed.signature)
}

pub fn assemble(tbs: &TbsCertificate, signature: &Signature) -> Certificate {
    let der = Certificate::assemble(&tbs.encode().unwrap(), tbs.signature, signature);
    Certificate::parse(der.as_bytes()).unwrap()
}

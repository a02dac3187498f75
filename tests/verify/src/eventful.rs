//! The journal of a ring that went through a lot: a driver that wants intents, handshakes, evidence
//! of every kind, rotations of the unlock key, another ring that it follows, a lost end, a promotion.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keystore::{NewFactor, Opener, Rotation, Rotator, UnlockError, UnlockFactor};
use keystore_file::FileVault;
use kit::{CREDENTIAL, DAY, ISSUING, ISSUING_NAME, Operators, Ring, SubjectKey, label, name};
use signer::{Environment, HeldRing, OldFactor, RotateError, Start, rotate_unlock};
use signer_log::checkpoint::Checkpoint;
use signer_log::note::Note;
use signer_proto::{
    AcceptGap, BuildCrl, CertIdHash, Courier, CrlFloor, CrlFloors, Describe, Digest, Evidence,
    EvidenceList, Follow, Health, Identifier, KeySpec, LeafBytes, Leaves, NoteBytes, OcspItem,
    OcspItems, OcspNonce, OcspSubject, OcspSubjects, OfficerSignature, Positions, Promote,
    ProofHashes, ProofKind, Purpose, ReadCheckpoint, ReadJournal, ReadProof, Reason,
    RecordValidation, Renewal, Rule, ShowCheckpoint, SignHandshake, SignOcsp, SignedCertificate,
    Transcript, ValidationMethod, Warrant,
};
use x509::{SignatureScheme, TbsCertificate};
use zeroize::Zeroizing;

use crate::gallery::{self, Gallery};
use crate::read_leaves;

/// Makes a journal of at least `size` leaves.
///
/// # Panics
/// If the core refuses what is honest.
#[must_use]
pub fn eventful(size: usize) -> Gallery {
    let mut plan = gallery::plan();
    if let Some(operators) = &plan.operators {
        let officer = operators.line("alice");
        plan.issuing += &format!("\n[officers]\nkeys = [{:?}]\n", officer.0);
    }
    let mut ring = Ring::start_with(plan);
    let mut serials = Vec::new();
    for round in 0.. {
        match round {
            1 => handshakes(&ring),
            2 => evidence(&ring),
            3 => rotations(&mut ring),
            // From here on every single signature has its intent.
            4 => ring.counts.intend(),
            5 => follow(&ring),
            6 => lose_the_end(&mut ring),
            7 => ring = promoted(ring),
            8 => handshakes(&ring),
            _ => {}
        }
        serials.extend(gallery::leaves(&ring, round));
        gallery::revocations(&ring, &serials);
        gallery::status(&ring, &serials);
        ring.clock.pass(2);
        if round > 8 && ring.ledger().leaves.len() >= size {
            break;
        }
    }
    ring.stop();
    let leaves = read_leaves(&ring.ring_dir().join("journal"));
    Gallery { ring, leaves }
}

/// The server's key signs handshakes; its next policy has them journaled before.
fn handshakes(ring: &Ring) {
    let policy = |names: &str| {
        format!(
            "version = 1\npurpose = \"tls\"\nsignature = \"ecdsa-p256-sha256\"\n\
             server_names = [{names}]\n"
        )
    };
    let key = format!("tls-{}", ring.ledger().leaves.len());
    ring.generate(&key, Purpose::Tls, KeySpec::P256);
    ring.set_policy(&key, &policy("\"any\""));
    for hash in 0..3 {
        let call = SignHandshake {
            key: label(&key),
            scheme: SignatureScheme::EcdsaP256Sha256,
            transcript: Transcript(vec![hash; 32]),
        };
        ring.call(&call).expect("a handshake");
    }
    ring.set_policy(&key, &policy("\"www.corp.example\""));
}

/// Certificates for which an old key, a validation or an officer speaks, and then all of them.
fn evidence(ring: &Ring) {
    let (old, new) = (SubjectKey::new(), SubjectKey::new());
    let host = "evidence.corp.example";
    let issue = |key: &SubjectKey, evidence: &dyn Fn(&TbsCertificate) -> Vec<Evidence>| {
        let mut draft = ring.leaf();
        draft.host(host);
        draft.rekey(key.public());
        let mut order = ring.order(&draft);
        let tbs = TbsCertificate::parse(draft.tbs().as_bytes()).expect("a strict TBS");
        order.evidence = EvidenceList(evidence(&tbs));
        let signed: SignedCertificate = ring.call(&order).expect("a certificate with evidence");
        signed.position
    };
    let renewed = issue(&old, &|_| Vec::new());
    let csr = new.request(&name("O=Corp"), Vec::new());
    let (scheme, signature) = old.sign(&Renewal::message(&csr));
    let renewal = Evidence::Renewal(Renewal { renewed, csr, scheme, signature });
    let identifier = Identifier::dns(host).expect("a name");
    let (method, account) = (ValidationMethod::Dns01, Digest([6; 32]));
    let record = ring.call(&RecordValidation { identifier, method, account });
    let validation = Evidence::Validation(Positions(vec![record.expect("a record").position]));
    let officer = |tbs: &TbsCertificate| {
        let summary = signer_policy::certificate_summary(tbs).expect("a summary");
        let signed = |operators: &Operators| {
            operators.sign_for("alice", &summary, signer_policy::OFFICER_NAMESPACE).0
        };
        let signature = gallery::has_operators(ring).then(|| signed(ring.operators()));
        signature.map(|signature| Evidence::Officer(OfficerSignature(signature)))
    };
    issue(&new, &|_| vec![renewal.clone()]);
    issue(&new, &|_| vec![validation.clone()]);
    issue(&new, &|tbs| officer(tbs).into_iter().collect());
    issue(&new, &|tbs| {
        [renewal.clone(), validation.clone()].into_iter().chain(officer(tbs)).collect()
    });
}

/// Fails after the intention: what became of it is written down at the next start.
struct Failing(FileVault);

impl Rotator for Failing {
    fn prepare(
        &self,
        old: &UnlockFactor,
        new: &NewFactor,
        genesis: Digest,
    ) -> Result<Box<dyn Rotation>, UnlockError> {
        self.0.prepare(old, new, genesis).map(|whole| Box::new(Broken(whole)) as Box<dyn Rotation>)
    }
}

struct Broken(Box<dyn Rotation>);

impl Rotation for Broken {
    fn opener(&self) -> Opener {
        self.0.opener()
    }

    fn publish(self: Box<Self>) -> Result<(), UnlockError> {
        Err(UnlockError::FactorUnusable("the disk is gone"))
    }
}

/// There and back, one that is abandoned, and an unlock file that somebody puts back.
fn rotations(ring: &mut Ring) {
    let other = [0x5a; 40];
    ring.stop();
    let at = ring.ring_dir();
    let vault = FileVault::at(&at);
    let rotate = |rotator: &dyn Rotator, old: &[u8], new: &[u8]| {
        let held = HeldRing::take(&at).expect("nobody has the ring");
        let environment =
            Environment { clock: Arc::clone(&ring.clock) as _, ..Environment::system() };
        let start = Start { version: "kit".to_owned(), report: String::new() };
        let old = OldFactor::Single(Zeroizing::new(old.to_vec()));
        let new = NewFactor::Credential(Zeroizing::new(new.to_vec()));
        rotate_unlock(held, (Arc::new(vault.clone()), rotator), environment, &start, (old, &new))
    };
    rotate(&vault, CREDENTIAL, &other).expect("another credential");
    rotate(&vault, &other, CREDENTIAL).expect("the old one");
    let unlock = fs::read(at.join("unlock")).expect("the unlock file");
    let abandoned = rotate(&Failing(vault.clone()), CREDENTIAL, &other);
    assert!(matches!(abandoned, Err(RotateError::Settle(_))), "{abandoned:?}");
    rotate(&vault, CREDENTIAL, &other).expect("another credential");
    fs::write(at.join("unlock"), unlock).expect("it is put back");
    ring.try_open().expect("the ring opens");
    ring.unlock().expect("the old credential unlocks");
}

/// Another ring is followed: its journal comes in two parts, and a key here answers for its CA.
fn follow(ring: &Ring) {
    let other = Ring::inside();
    let instance = other.call(&Describe).expect("a description").instance;
    let genesis = LeafBytes(other.ledger().leaves.remove(0).1);
    let mut follow = Follow { genesis, warrant: Warrant::none() };
    follow.warrant = ring.enough(follow.clone());
    ring.call(&follow).expect("it is followed");
    ring.generate("away", Purpose::Ocsp, KeySpec::P256);
    let issuer = STANDARD.encode(name(ISSUING_NAME).der().as_bytes());
    let policy = format!(
        "version = 1\npurpose = \"ocsp\"\nsignature = \"ecdsa-p256-sha256\"\n\
         issuer_key = \"{ISSUING}\"\nissuer_ring = \"{instance}\"\nmax_behind = \"1h\"\n\
         issuer = \"{issuer}\"\nmax_next_update = \"8d\"\n"
    );
    ring.set_policy("away", &policy);
    let mut at = 1;
    for _ in 0..2 {
        let certificate = other.issue();
        at = ring.call(&courier(&other, at)).expect("its leaves are taken").size;
        let serial = certificate.tbs().serial;
        let subject = OcspSubject { hash: CertIdHash::Sha256, serial };
        let item = OcspItem { subjects: OcspSubjects(vec![subject]), nonce: OcspNonce(Vec::new()) };
        let call = SignOcsp {
            responder: label("away"),
            issuer: label(ISSUING),
            next_update: ring.clock.now().plus_seconds(DAY),
            items: OcspItems(vec![item]),
        };
        ring.call(&call).expect("a response for a CA of the other ring");
    }
}

fn newest(ring: &Ring) -> (Vec<u8>, Checkpoint) {
    let least = ring.call(&Health).expect("health").position;
    let note = ring.call(&ReadCheckpoint { least }).expect("a checkpoint").newest.0;
    let text = Note::parse(&note).expect("a note").text;
    (note, Checkpoint::parse(&text).expect("a checkpoint"))
}

fn courier(from: &Ring, at: u64) -> Courier {
    let (checkpoint, tree) = newest(from);
    let slice = from.call(&ReadJournal { from: at, limit: 4096 }).expect("leaves");
    let taken = usize::try_from(tree.size - at).expect("few");
    let leaves: Vec<LeafBytes> = slice.leaves.0.into_iter().take(taken).collect();
    let here = at + leaves.len() as u64;
    let ask = ReadProof { kind: ProofKind::Consistency, first: here, size: tree.size };
    let proof = match here == tree.size {
        true => Vec::new(),
        false => from.call(&ask).expect("a proof").hashes.0,
    };
    Courier {
        instance: from.call(&Describe).expect("a description").instance,
        from: at,
        leaves: Leaves(leaves),
        checkpoint: NoteBytes(checkpoint),
        proof: ProofHashes(proof),
    }
}

fn fresh_prefix(ring: &Ring) -> u8 {
    ring.call(&Describe).expect("a description").serial_prefix % 0x7f + 1
}

/// The end of the journal is lost and operators accept it.
fn lose_the_end(ring: &mut Ring) {
    ring.stop();
    let older = ring.twin();
    ring.try_open().expect("the ring opens");
    ring.unlock().expect("it unlocks");
    let _ = ring.issue();
    let (note, lost) = newest(ring);
    ring.stop();
    fs::remove_dir_all(ring.ring_dir()).expect("it is lost");
    copy(&older.ring_dir(), &ring.ring_dir());
    ring.try_open().expect("the older one opens");
    ring.unlock().expect("it unlocks");
    let shown = ring.call(&ShowCheckpoint { note: NoteBytes(note) });
    assert_eq!(shown.expect_err("it is older").rule, Rule::StateRolledBack);
    let mut accept = AcceptGap {
        seen_size: lost.size,
        seen_root: Digest(lost.root),
        serial_prefix: fresh_prefix(ring),
        crl_floors: CrlFloors(vec![CrlFloor { key: label(ISSUING), number: 90 }]),
        warrant: Warrant::none(),
    };
    accept.warrant = ring.enough(accept.clone());
    ring.call(&accept).expect("the gap is accepted");
    let next_update = ring.clock.now().plus_seconds(5 * DAY);
    let crl = ring.call(&BuildCrl { key: label(ISSUING), shard: 0, next_update });
    assert_eq!(crl.expect("a CRL").number, 91);
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.expect("cp runs").success());
}

/// A standby of the ring takes its place.
fn promoted(mut active: Ring) -> Ring {
    active.stop();
    let mut standby = active.twin();
    fs::write(standby.ring_dir().join("standby"), b"").expect("it stands by");
    standby.try_open().expect("it opens");
    let mut promote = Promote {
        serial_prefix: fresh_prefix(&standby),
        fence: Reason("the disk of the old one is in this drawer".to_owned()),
        warrant: Warrant::none(),
    };
    promote.warrant = standby.enough(promote.clone());
    standby.call(&promote).expect("it is promoted");
    standby.unlock().expect("it unlocks");
    standby.counts.intend();
    standby
}

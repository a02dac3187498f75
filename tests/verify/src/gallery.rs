//! A journal with every type of leaf that the core writes, through the real core.

use kit::{
    DAY, ISSUING, ISSUING_NAME, OLD, OTHER, OTHER_NAME, OldCa, Operators, Plan, RESPONDER, ROOT,
    Ring, SubjectKey, assemble, label, name,
};
use signer_proto::{
    Action, AnchorAudit, AuditAnchored, BuildCrl, CeremonyTranscript, CertIdHash, Digest, Evidence,
    EvidenceList, Hold, Identifier, ImportInventory, KeyState, OcspItem, OcspItems, OcspNonce,
    OcspSubject, OcspSubjects, OldCertificate, OldRevocation, Plaintext, ReadOperators, Reason,
    RecordCeremony, RecordValidation, Release, Revoke, SetFreeze, SetKeyState, SetOperators,
    SignCaRequest, SignOcsp, Threshold, Thresholds, Unlock, ValidationMethod, Warrant,
};
use x509::{CertificationRequestInfo, CrlReason, Extensions, PublicKey, Serial};

use crate::read_leaves;

/// A ring that wrote its journal.
pub struct Gallery {
    /// It goes on.
    pub ring: Ring,
    /// Its leaves up to now.
    pub leaves: Vec<Vec<u8>>,
}

/// A ring of two operators, with real keys of `ssh-keygen`; where it is missing, of none.
pub(crate) fn plan() -> Plan {
    let mut plan = Plan::default().inside().issuing_but("hold = false", "hold = true");
    plan.operators = Operators::found(&[("alice", "ed25519"), ("bob", "ecdsa-256")]);
    plan.threshold = if plan.operators.is_some() { 2 } else { 0 };
    plan
}

/// Tells whether the ring's operators are there to sign.
pub(crate) fn has_operators(ring: &Ring) -> bool {
    !ring.call(&ReadOperators).expect("the operators").operators.0.is_empty()
}

/// Makes a journal of at least `size` leaves.
///
/// # Panics
/// If the core refuses what is honest.
#[must_use]
pub fn gallery(size: usize) -> Gallery {
    let plan = plan();
    let text = plan.issuing.clone();
    let mut ring = Ring::start_with(plan);
    found(&ring);
    let mut serials = Vec::new();
    for round in 0.. {
        serials.extend(leaves(&ring, round));
        revocations(&ring, &serials);
        status(&ring, &serials);
        refusals(&ring);
        // The time of a CRL and of a change is in whole seconds: some of them differ.
        ring.clock.pass(2);
        if round == 1 {
            narrow(&ring, &text);
            fail_to_unlock(&mut ring);
        }
        if round == 2 {
            authority(&ring);
            adoption(&ring);
        }
        if round == 3 {
            // A policy never comes again: this is another text of the same meaning.
            ring.set_policy(ISSUING, &format!("{text}# once more\n"));
        }
        // A pause in which the oldest certificates end: they leave the CRL.
        if round == 5 {
            ring.clock.pass(31 * DAY);
        }
        if round > 6 && ring.ledger().leaves.len() >= size {
            break;
        }
    }
    ring.stop();
    let leaves = read_leaves(&ring.ring_dir().join("journal"));
    Gallery { ring, leaves }
}

/// What happens once: a responder's certificate and requests of CA keys.
fn found(ring: &Ring) {
    let responder = ring.responder();
    let order = ring.order(&responder);
    let signed = ring.call(&order).expect("the responder's certificate");
    let _ = assemble(&responder.tbs(), &signed);
    for (key, subject) in [(ISSUING, ISSUING_NAME), (ROOT, "CN=Corp Root CA,O=Corp")] {
        let mut call = ca_request(key, subject, &ring.public(key));
        call.warrant = ring.enough(call.clone());
        ring.call(&call).expect("the request of a CA key");
    }
}

fn ca_request(key: &str, subject: &str, public: &PublicKey) -> SignCaRequest {
    let info = CertificationRequestInfo {
        subject: name(subject),
        public_key: public.clone(),
        extensions: Extensions::new(Vec::new()).expect("no extension twice"),
    };
    let info = info.encode().expect("a request encodes");
    SignCaRequest { key: label(key), info, warrant: Warrant::none() }
}

/// Certificates of both issuing CAs, some with a CSR.
pub(crate) fn leaves(ring: &Ring, round: usize) -> Vec<Serial> {
    let mut serials = Vec::new();
    for nth in 0..10 {
        let mut draft = ring.leaf();
        let mut order = ring.order(&draft);
        if nth % 3 == 0 {
            let key = SubjectKey::new();
            draft.rekey(key.public());
            let csr = key.request(&name("CN=www.corp.example"), Vec::new());
            order = ring.order(&draft);
            order.evidence = EvidenceList(vec![Evidence::Request(csr)]);
        }
        if nth == 4 {
            draft.host(&format!("host-{round}.corp.example"));
            draft.not_after = draft.not_before.plus_seconds(300 * DAY);
            order = ring.order(&draft);
        }
        ring.call(&order).expect("a leaf");
        serials.push(draft.serial);
    }
    let other = ring.leaf_of(OTHER, OTHER_NAME);
    let order = signer_proto::SignCertificate {
        key: label(OTHER),
        policy: ring.policy(OTHER),
        ..ring.order(&other)
    };
    ring.call(&order).expect("a leaf of the other CA");
    serials
}

/// One certificate is revoked, one goes on hold and off, one on hold and is revoked.
pub(crate) fn revocations(ring: &Ring, serials: &[Serial]) {
    let [.., a, b, c, d] = serials else { return };
    let key = || label(ISSUING);
    let revoke = |serial: &Serial, reason, invalidity| {
        let call = Revoke { key: key(), serial: *serial, reason, invalidity };
        ring.call(&call).expect("a revocation");
    };
    let now = ring.clock.now();
    revoke(a, CrlReason::KeyCompromise, Some(now.plus_seconds(-3600)));
    // Refused where the policy was narrowed.
    if ring.call(&Hold { key: key(), serial: *b }).is_ok() {
        ring.call(&Release { key: key(), serial: *b }).expect("a release");
        ring.call(&Hold { key: key(), serial: *c }).expect("a hold");
        revoke(c, CrlReason::Superseded, None);
    }
    revoke(d, CrlReason::Unspecified, None);
}

/// CRLs of all CAs, and a batch of OCSP responses.
pub(crate) fn status(ring: &Ring, serials: &[Serial]) {
    let next_update = ring.clock.now().plus_seconds(5 * DAY);
    for key in [ISSUING, OTHER, ROOT] {
        ring.call(&BuildCrl { key: label(key), shard: 0, next_update }).expect("a CRL");
    }
    let item = |serial: &Serial| OcspItem {
        subjects: OcspSubjects(vec![OcspSubject { hash: CertIdHash::Sha1, serial: *serial }]),
        nonce: OcspNonce(Vec::new()),
    };
    let call = SignOcsp {
        responder: label(RESPONDER),
        issuer: label(ISSUING),
        next_update,
        items: OcspItems(serials.iter().rev().take(8).map(item).collect()),
    };
    ring.call(&call).expect("OCSP responses");
}

/// A name outside the policy, and a serial that was used.
fn refusals(ring: &Ring) {
    let mut draft = ring.leaf();
    draft.host("www.evil.example");
    let refused = ring.call(&ring.order(&draft)).expect_err("a name outside the policy");
    ring.await_refused(refused.rule, 1);
    let mut draft = ring.leaf();
    draft.serial = Serial::from_unsigned(&[0x21; 19]).expect("a serial");
    ring.call(&ring.order(&draft)).expect_err("a serial that was not minted");
}

/// Acts of operators: a new one, thresholds, a freeze, a key that is set aside, a ceremony.
fn authority(ring: &Ring) {
    let mut aside = SetKeyState {
        key: label(OTHER),
        from: KeyState::Active,
        to: KeyState::Suspended,
        warrant: Warrant::none(),
    };
    aside.warrant = ring.enough(aside.clone());
    ring.call(&aside).expect("the key is set aside");
    (aside.from, aside.to, aside.warrant) = (aside.to, aside.from, Warrant::none());
    aside.warrant = ring.enough(aside.clone());
    ring.call(&aside).expect("the key is back");
    for frozen in [true, false] {
        let reason = Reason("a drill \u{2014} nothing else".to_owned());
        let mut freeze = SetFreeze { frozen, reason, warrant: Warrant::none() };
        freeze.warrant = ring.enough(freeze.clone());
        ring.call(&freeze).expect("issuance stops or goes on");
    }
    for method in [ValidationMethod::Http01, ValidationMethod::Dns01] {
        let identifier = Identifier::dns("www.corp.example").expect("a name");
        let account = Digest([6; 32]);
        ring.call(&RecordValidation { identifier, method, account }).expect("it is recorded");
    }
    let none = Digest([0; 32]);
    let first = AuditAnchored { through: 7, previous: none, digest: Digest([7; 32]) };
    let next = AuditAnchored { through: 9, previous: first.digest, digest: Digest([9; 32]) };
    for anchor in [first, next] {
        ring.call(&AnchorAudit { anchor: Some(anchor) }).expect("the audit log is anchored");
    }
    let transcript = CeremonyTranscript("we met\nand left\n".to_owned());
    let mut ceremony =
        RecordCeremony { plan: Digest([8; 32]), transcript, warrant: Warrant::none() };
    ceremony.warrant = ring.enough(ceremony.clone());
    ring.call(&ceremony).expect("the ceremony is recorded");
    let before = ring.call(&ReadOperators).expect("the operators");
    if !before.operators.0.is_empty() {
        operators(ring, before.digest);
    }
}

/// A CA that was elsewhere is taken over, with what it issued there; it goes on here.
fn adoption(ring: &Ring) {
    let Some(ca) = OldCa::make() else { return };
    let revoked = OldRevocation {
        at: ring.clock.now().plus_seconds(-9 * DAY),
        reason: CrlReason::Superseded,
        invalidity: None,
    };
    let old = (1..=5u8).map(|n| OldCertificate {
        serial: Serial::from_unsigned(&[n]).expect("a serial"),
        not_after: ring.clock.now().plus_seconds(i64::from(n) * 20 * DAY),
        revoked: (n % 2 == 0).then_some(revoked),
    });
    let (mut call, chunks) = ca.adopt(&old.collect::<Vec<_>>(), 40);
    call.warrant = ring.enough(call.clone());
    ring.call(&call).expect("the key is adopted");
    for chunk in chunks {
        ring.call(&ImportInventory { key: label(OLD), chunk }).expect("a part of the inventory");
    }
    ring.set_policy(OLD, &ca.policy(true));
    let next_update = ring.clock.now().plus_seconds(5 * DAY);
    ring.call(&BuildCrl { key: label(OLD), shard: 0, next_update }).expect("its next CRL");
    let draft = ring.leaf_of(OLD, "CN=Old CA,O=Old");
    let (key, policy) = (label(OLD), ring.policy(OLD));
    let order = signer_proto::SignCertificate { key, policy, ..ring.order(&draft) };
    ring.call(&order).expect("a new certificate of the old CA");
    let serial = Serial::from_unsigned(&[1]).expect("a serial");
    let reason = CrlReason::KeyCompromise;
    ring.call(&Revoke { key: label(OLD), serial, reason, invalidity: None }).expect("an old one");
    ring.call(&BuildCrl { key: label(OLD), shard: 0, next_update }).expect("its next CRL");
}

/// A third operator comes, who signs, too; widening needs all three from then on.
fn operators(ring: &Ring, previous: Digest) {
    let all = ring.operators();
    let kind = if all.make("carol", "ed25519-sk", "carol").is_some() { "carol" } else { "dave" };
    if kind == "dave" {
        all.make("dave", "ecdsa-384", "dave").expect("ssh-keygen is there");
    }
    let exceptions = vec![Threshold { action: Action::Operators, operators: 3 }];
    let mut set = SetOperators {
        previous,
        operators: all.lines(&["alice", "bob", kind]),
        thresholds: Thresholds { default: 2, exceptions },
        warrant: Warrant::none(),
    };
    set.warrant = ring.warrant(set.clone(), &["alice", "bob", kind]);
    ring.call(&set).expect("the operators come into force");
}

/// Another policy, which takes the hold away and demands proof of possession of nobody.
fn narrow(ring: &Ring, text: &str) {
    ring.set_policy(ISSUING, &text.replace("hold = true", "hold = false"));
}

/// A start with a wrong credential before the right one.
fn fail_to_unlock(ring: &mut Ring) {
    ring.stop();
    ring.try_open().expect("the ring opens");
    let _ = ring.call(&Unlock {
        passphrase: Plaintext(b"a guess at the credential that is long enough".to_vec().into()),
    });
    ring.unlock().expect("the credential unlocks");
}

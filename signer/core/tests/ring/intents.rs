//! Intents before signatures of a driver that demands them, and anchors of the audit log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use keystore::{Approved, DriverError, KeyDriver, KeyIdentity};
use signer_proto::{
    AnchorAudit, AuditAnchor, AuditAnchored, BuildCrl, Digest, Event, Refusal, Rule, SignIntended,
};
use x509::{Signature, SignatureScheme, SpkiDer, sha256};

use super::drafts::DAY;
use super::workshop::{Workshop, label};

/// Whether the far driver fails, and how often it was asked: one test at a time uses it.
static FAILS: AtomicBool = AtomicBool::new(false);
static ASKED: AtomicUsize = AtomicUsize::new(0);

/// Stands for a driver whose keys are elsewhere.
struct Far(Arc<dyn KeyDriver>);

impl KeyDriver for Far {
    fn public_key(&self, key: &KeyIdentity) -> Result<SpkiDer, DriverError> {
        self.0.public_key(key)
    }

    fn sign(
        &self,
        key: &KeyIdentity,
        scheme: SignatureScheme,
        message: Approved<'_>,
    ) -> Result<Signature, DriverError> {
        ASKED.fetch_add(1, Ordering::SeqCst);
        if FAILS.load(Ordering::SeqCst) {
            return Err(DriverError::Unavailable("the cable".to_owned()));
        }
        self.0.sign(key, scheme, message)
    }

    fn generate(&self, key: &KeyIdentity) -> Result<SpkiDer, DriverError> {
        self.0.generate(key)
    }

    fn wants_intent(&self) -> bool {
        true
    }

    fn health(&self) -> Result<(), DriverError> {
        self.0.health()
    }
}

#[test]
fn every_single_signature_of_a_far_driver_was_intended_before() {
    let workshop = Workshop::locked(|driver| Arc::new(Far(driver)));
    workshop.try_unlock().unwrap();
    let mut workshop = workshop.found_hierarchy();
    workshop.issue("a.corp.example");
    let next_update = workshop.now().plus_seconds(DAY);
    workshop.call(BuildCrl { key: label("issuing"), shard: 0, next_update }).unwrap();
    assert_eq!(workshop.signer().open_intents(), []);
    let mut open: Vec<SignIntended> = Vec::new();
    let mut done = 0;
    for leaf in workshop.leaves() {
        let (key, digest) = match leaf.event {
            Event::SignIntended(intended) => {
                open.push(intended);
                continue;
            }
            Event::CertificateSigned(signed) => (signed.key, sha256(signed.tbs.as_bytes())),
            Event::AuthoritySigned(signed) => (signed.key, sha256(signed.tbs.as_bytes())),
            Event::CrlSigned(signed) => (signed.key, signed.tbs_digest.0),
            _ => continue,
        };
        let place = open.iter().position(|i| (i.key, i.tbs_digest) == (key, Digest(digest)));
        open.remove(place.expect("its intent stands before"));
        done += 1;
    }
    assert_eq!((open, done), (Vec::new(), 4));

    // The driver fails after the intent: nothing is released, and a start still knows of it.
    let tbs = workshop.leaf("b.corp.example");
    let order = workshop.order(&tbs);
    FAILS.store(true, Ordering::SeqCst);
    let asked = ASKED.load(Ordering::SeqCst);
    assert_eq!(workshop.call(order.clone()).unwrap_err().rule, Rule::DriverUnavailable);
    assert_eq!(ASKED.load(Ordering::SeqCst), asked + 1);
    assert_eq!(workshop.count(|event| matches!(event, Event::CertificateSigned(_))), 1);
    FAILS.store(false, Ordering::SeqCst);
    workshop.restart();
    let open = workshop.signer().open_intents();
    let digest = Digest(sha256(tbs.encode().unwrap().as_bytes()));
    assert_eq!(open.iter().map(|(_, i)| i.tbs_digest).collect::<Vec<_>>(), [digest]);
    // The same request again succeeds, and then nothing is open.
    workshop.call(order).unwrap();
    assert_eq!(workshop.signer().open_intents(), []);
}

#[test]
fn a_near_driver_writes_no_intents() {
    let workshop = Workshop::with_hierarchy();
    workshop.issue("a.corp.example");
    assert_eq!(workshop.count(|event| matches!(event, Event::SignIntended(_))), 0);
}

fn anchor(
    workshop: &Workshop,
    through: u64,
    previous: u8,
    digest: u8,
) -> Result<Option<AuditAnchor>, Refusal> {
    let digest = Digest([digest; 32]);
    let anchor = AuditAnchored { through, previous: Digest([previous; 32]), digest };
    workshop.call(AnchorAudit { anchor: Some(anchor) }).map(|newest| newest.anchor)
}

#[test]
fn anchors_go_on_from_each_other_and_outlive_a_restart() {
    let mut workshop = Workshop::locked(|driver| driver);
    assert_eq!(workshop.call(AnchorAudit { anchor: None }).unwrap().anchor, None);
    anchor(&workshop, 10, 0, 1).unwrap();
    let second = anchor(&workshop, 20, 1, 2).unwrap().unwrap();
    assert_eq!(anchor(&workshop, 20, 1, 2).unwrap(), Some(second), "a retry writes nothing");
    for (what, through, previous) in [
        ("an earlier event", 15, 2),
        ("the same event", 20, 2),
        ("another past", 30, 1),
        ("no past", 30, 0),
    ] {
        let refused = anchor(&workshop, through, previous, 9).unwrap_err();
        assert_eq!(refused.rule, Rule::ProofRefused, "{what}");
    }
    workshop.restart_locked();
    assert_eq!(workshop.call(AnchorAudit { anchor: None }).unwrap().anchor, Some(second));
    anchor(&workshop, 21, 2, 3).unwrap();
    assert_eq!(workshop.count(|event| matches!(event, Event::AuditAnchored(_))), 3);
}

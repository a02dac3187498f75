//! What CRLs and OCSP responses say, and what they refuse to say.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use keystore::{Approved, DriverError, KeyDriver, KeyIdentity};
use signer_proto::{
    BuildCrl, BuiltCrl, CertIdHash, Event, OcspItem, OcspItems, OcspNonce, OcspOutcome,
    OcspSubject, OcspSubjects, Purpose, Refusal, Release, Revoke, Rule, SignOcsp, SignedOcsp,
    Socket,
};
use x509::{
    CertId, CertStatus, Crl, CrlReason, ResponseData, Serial, Signature, SignatureScheme, SpkiDer,
    UnixTime, sha256,
};

use super::drafts::{self, DAY};
use super::workshop::{Workshop, ask_within, label};

fn build(workshop: &Workshop, days: i64) -> Result<BuiltCrl, Refusal> {
    workshop.call(BuildCrl {
        key: label("issuing"),
        shard: 0,
        next_update: workshop.now().plus_seconds(days * DAY),
    })
}

fn serials(built: &BuiltCrl) -> Vec<Serial> {
    let der = Crl::assemble(&built.tbs, SignatureScheme::EcdsaP256Sha256, &built.signature);
    let crl = Crl::parse(der.as_bytes()).unwrap();
    assert_eq!(crl.number(), built.number);
    crl.entries().iter().map(|entry| entry.serial).collect()
}

fn revoke(workshop: &Workshop, serial: Serial) {
    let revoked = workshop.call(Revoke {
        key: label("issuing"),
        serial,
        reason: CrlReason::Unspecified,
        invalidity: None,
    });
    assert!(revoked.is_ok());
}

fn subject(serial: Serial) -> OcspSubject {
    let hash = CertIdHash::Sha256;
    OcspSubject { hash, serial }
}

fn item(serials: &[Serial], nonce: &[u8]) -> OcspItem {
    OcspItem {
        subjects: OcspSubjects(serials.iter().copied().map(subject).collect()),
        nonce: OcspNonce(nonce.to_vec()),
    }
}

fn batch(workshop: &Workshop, items: Vec<OcspItem>) -> SignOcsp {
    SignOcsp {
        responder: label("ocsp"),
        issuer: label("issuing"),
        next_update: workshop.now().plus_seconds(DAY),
        items: OcspItems(items),
    }
}

fn data(signed: &SignedOcsp, at: usize) -> ResponseData {
    match &signed.outcomes.0[at] {
        OcspOutcome::Signed { response_data, .. } => {
            ResponseData::parse(response_data.as_bytes()).unwrap()
        }
        OcspOutcome::NeverIssued => panic!("never issued"),
    }
}

#[test]
fn the_crl_number_grows_by_one_through_restarts() {
    let mut workshop = Workshop::with_hierarchy();
    assert_eq!(build(&workshop, 1).unwrap().number, 1);
    assert_eq!(build(&workshop, 1).unwrap().number, 2);
    workshop.restart();
    let third = build(&workshop, 1).unwrap();
    assert_eq!(third.number, 3);
    let leaves = workshop.leaves();
    let Event::CrlSigned(leaf) = &leaves[third.position as usize].event else {
        panic!("{:?}", leaves[third.position as usize]);
    };
    assert_eq!(leaf.tbs_digest.0, sha256(third.tbs.as_bytes()));
    assert_eq!((leaf.number, leaf.this_update), (3, third.this_update));
}

#[test]
fn refuses_next_updates_and_shards_outside_the_policy() {
    let workshop = Workshop::with_hierarchy();
    for days in [0, -1, 11] {
        let refused = build(&workshop, days).unwrap_err();
        assert_eq!(refused.rule, Rule::NextUpdateRefused, "{days}");
    }
    let shard = workshop.call(BuildCrl {
        key: label("issuing"),
        shard: 1,
        next_update: workshop.now().plus_seconds(DAY),
    });
    assert_eq!(shard.unwrap_err().rule, Rule::ShardUnknown);
    // A refused CRL takes no number and blocks none.
    assert_eq!(build(&workshop, 1).unwrap().number, 1);
}

#[test]
fn an_expired_entry_leaves_after_one_crl_beyond_its_validity() {
    let workshop = Workshop::with_hierarchy();
    let serial = workshop.issue("a.corp.example").tbs().serial;
    revoke(&workshop, serial);
    assert_eq!(serials(&build(&workshop, 1).unwrap()), [serial]);
    workshop.clock.pass(91 * DAY);
    assert_eq!(serials(&build(&workshop, 1).unwrap()), [serial], "the one beyond");
    assert_eq!(serials(&build(&workshop, 1).unwrap()), []);
    // Revoked after it expired: it still has to be on one.
    let late = workshop.issue("b.corp.example").tbs().serial;
    workshop.clock.pass(91 * DAY);
    build(&workshop, 1).unwrap();
    revoke(&workshop, late);
    assert_eq!(serials(&build(&workshop, 1).unwrap()), [late]);
    assert_eq!(serials(&build(&workshop, 1).unwrap()), []);
}

#[test]
fn held_is_on_the_crl_and_released_is_not() {
    let workshop = Workshop::with_hierarchy();
    workshop.set_policy("issuing", drafts::issuing_policy_with(100, true));
    let serial = workshop.issue("a.corp.example").tbs().serial;
    let key = label("issuing");
    let hold = signer_proto::Hold { key: key.clone(), serial };
    workshop.call(hold).unwrap();
    assert_eq!(serials(&build(&workshop, 1).unwrap()), [serial]);
    let status = |workshop: &Workshop| {
        let signed = workshop.call(batch(workshop, vec![item(&[serial], b"")])).unwrap();
        data(&signed, 0).responses[0].status
    };
    assert!(matches!(
        status(&workshop),
        CertStatus::Revoked { reason: Some(CrlReason::CertificateHold), .. }
    ));
    workshop.call(Release { key, serial }).unwrap();
    assert_eq!(serials(&build(&workshop, 1).unwrap()), []);
    assert_eq!(status(&workshop), CertStatus::Good);
}

#[test]
fn a_batch_is_one_leaf_with_a_root_over_its_responses() {
    let workshop = Workshop::with_hierarchy();
    let issued: Vec<Serial> =
        (0..70).map(|n| workshop.issue(&format!("n{n}.corp.example")).tbs().serial).collect();
    revoke(&workshop, issued[3]);
    let never = workshop.mint("issuing");
    let mut items: Vec<_> = issued.iter().map(|serial| item(&[*serial], b"")).collect();
    items.push(item(&[issued[3], issued[4]], b"nonce"));
    items.push(item(&[issued[5], never], b""));
    let signed = workshop.call(batch(&workshop, items)).unwrap();
    let responder = workshop.public("ocsp");
    for (at, outcome) in signed.outcomes.0.iter().take(71).enumerate() {
        let OcspOutcome::Signed { response_data, signature } = outcome else {
            panic!("{at} is not signed");
        };
        let scheme = SignatureScheme::EcdsaP256Sha256;
        assert_eq!(responder.verify(scheme, response_data.as_bytes(), signature), Ok(()));
        let data = data(&signed, at);
        assert_eq!(data.produced_at, workshop.now());
        if at < 70 {
            let id = CertId::for_certificate(
                x509::CertIdHash::Sha256,
                &drafts::issuing_name(),
                &workshop.public("issuing"),
                issued[at],
            );
            assert_eq!(data.responses[0].cert_id, id);
            assert_eq!(data.responses[0].status == CertStatus::Good, at != 3, "{at}");
            assert_eq!(data.nonce, None);
        } else {
            assert_eq!(data.responses.len(), 2);
            assert_eq!(data.nonce.as_deref(), Some(&b"nonce"[..]));
        }
    }
    assert_eq!(signed.outcomes.0[71], OcspOutcome::NeverIssued);
    let leaves = workshop.leaves();
    let Event::OcspSigned(leaf) = &leaves[signed.position as usize].event else {
        panic!("{:?}", leaves[signed.position as usize]);
    };
    assert_eq!((leaf.count, leaf.revocations), (71, 1));
}

#[test]
fn a_batch_without_a_signature_writes_nothing() {
    let workshop = Workshop::with_hierarchy();
    let never = workshop.mint("issuing");
    let before = workshop.leaves().len();
    let signed = workshop.call(batch(&workshop, vec![item(&[never], b"x")])).unwrap();
    assert_eq!(signed.outcomes.0, [OcspOutcome::NeverIssued]);
    assert_eq!(workshop.leaves().len(), before);
}

#[test]
fn never_issued_is_revoked_at_1970_where_the_policy_says_so() {
    let workshop = Workshop::with_hierarchy();
    workshop.set_policy("ocsp", drafts::responder_policy_with("revoked"));
    let never = workshop.mint("issuing");
    let signed = workshop.call(batch(&workshop, vec![item(&[never], b"")])).unwrap();
    let data = data(&signed, 0);
    assert!(data.extended_revoke);
    assert_eq!(
        data.responses[0].status,
        CertStatus::Revoked { at: UnixTime(0), reason: Some(CrlReason::CertificateHold) }
    );
}

#[test]
fn refuses_responders_of_others_and_empty_items() {
    let workshop = Workshop::with_hierarchy();
    workshop.generate("other", signer_proto::Purpose::CertAndCrl, signer_proto::KeySpec::P256);
    let serial = workshop.issue("a.corp.example").tbs().serial;
    let honest = || batch(&workshop, vec![item(&[serial], b"")]);
    let with = |bend: fn(&mut SignOcsp)| {
        let mut call = honest();
        bend(&mut call);
        workshop.call(call).map(|_| ()).unwrap_err().rule
    };
    assert_eq!(with(|c| c.issuer = label("other")), Rule::ResponderNotForIssuer);
    assert_eq!(with(|c| c.issuer = label("root")), Rule::PurposeMismatch);
    assert_eq!(with(|c| c.issuer = label("gone")), Rule::KeyUnknown);
    assert_eq!(with(|c| c.responder = label("issuing")), Rule::PurposeMismatch);
    assert_eq!(with(|c| c.responder = label("log")), Rule::PurposeMismatch);
    assert_eq!(with(|c| c.items.0.clear()), Rule::FieldMalformed);
    assert_eq!(with(|c| c.items.0[0].subjects.0.clear()), Rule::FieldMalformed);
    assert_eq!(with(|c| c.next_update = UnixTime(0)), Rule::NextUpdateRefused);
    assert_eq!(
        with(|c| c.next_update = c.next_update.plus_seconds(8 * DAY)),
        Rule::NextUpdateRefused
    );
    assert!(workshop.call(honest()).is_ok());
}

/// A driver that takes its time, as one for large RSA keys does.
struct Slow(Arc<dyn KeyDriver>);

impl KeyDriver for Slow {
    fn public_key(&self, key: &KeyIdentity) -> Result<SpkiDer, DriverError> {
        self.0.public_key(key)
    }
    fn sign(
        &self,
        key: &KeyIdentity,
        scheme: SignatureScheme,
        message: Approved<'_>,
    ) -> Result<Signature, DriverError> {
        if key.purpose == Purpose::Ocsp {
            thread::sleep(Duration::from_millis(20));
        }
        self.0.sign(key, scheme, message)
    }
    fn generate(&self, key: &KeyIdentity) -> Result<SpkiDer, DriverError> {
        self.0.generate(key)
    }
    fn health(&self) -> Result<(), DriverError> {
        self.0.health()
    }
}

/// Nobody waits for it any more, and others wait for its lane.
#[test]
fn a_batch_ends_when_its_deadline_passes() {
    let workshop = Workshop::locked(|driver| Arc::new(Slow(driver)));
    workshop.try_unlock().unwrap();
    let workshop = workshop.found_hierarchy();
    let serial = workshop.issue("a.corp.example").tbs().serial;
    let items = vec![item(&[serial], b""); 1000];
    let start = Instant::now();
    let refused = ask_within(
        workshop.signer().dispatch().as_ref(),
        Socket::Status,
        &batch(&workshop, items),
        Duration::from_millis(200),
    );
    let refused = refused.recv().unwrap();
    let refused = refused.map(|answer| answer.len());
    assert_eq!(refused.map_err(|r| r.rule), Err(Rule::DeadlineExceeded));
    assert!(start.elapsed() < Duration::from_secs(2));
    assert_eq!(workshop.count(|e| matches!(e, Event::OcspSigned(_))), 0);
}

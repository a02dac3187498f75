//! CRLs and OCSP responses that would say what is not so.

use kit::{DAY, ISSUING, OTHER, RESPONDER, ROOT, Ring, label};
use signer_proto::{
    BuildCrl, BuiltCrl, CertIdHash, OcspItem, OcspItems, OcspNonce, OcspOutcome, OcspSubject,
    OcspSubjects, ReadJournal, Revoke, Rule, SignOcsp, Socket,
};
use x509::{CertStatus, Crl, CrlReason, ResponseData, Serial, SignatureScheme};

fn crl(ring: &Ring) -> BuildCrl {
    BuildCrl { key: label(ISSUING), shard: 0, next_update: ring.clock.now().plus_seconds(DAY) }
}

fn batch(ring: &Ring, serials: &[Serial]) -> SignOcsp {
    let item = |serial: &Serial| OcspItem {
        subjects: OcspSubjects(vec![OcspSubject { hash: CertIdHash::Sha256, serial: *serial }]),
        nonce: OcspNonce(Vec::new()),
    };
    SignOcsp {
        responder: label(RESPONDER),
        issuer: label(ISSUING),
        next_update: ring.clock.now().plus_seconds(DAY),
        items: OcspItems(serials.iter().map(item).collect()),
    }
}

fn revoke(ring: &Ring, serial: Serial) {
    let call =
        Revoke { key: label(ISSUING), serial, reason: CrlReason::KeyCompromise, invalidity: None };
    ring.call(&call).unwrap();
}

fn parsed(built: &BuiltCrl) -> Crl {
    let scheme = SignatureScheme::EcdsaP256Sha256;
    Crl::parse(Crl::assemble(&built.tbs, scheme, &built.signature).as_bytes()).unwrap()
}

#[test]
fn refuses_a_crl_whose_next_update_is_too_far() {
    let ring = Ring::start();
    let mut call = crl(&ring);
    call.next_update = ring.clock.now().plus_seconds(10 * DAY + 60);
    ring.attack(Socket::Status, &call).assert_refused(Rule::NextUpdateRefused);
}

#[test]
fn refuses_a_crl_whose_next_update_is_past() {
    let ring = Ring::start();
    let mut assault = ring.assault();
    for seconds in [0, -1, -DAY] {
        let mut call = crl(&ring);
        call.next_update = ring.clock.now().plus_seconds(seconds);
        assault.refused_call(Rule::NextUpdateRefused, &call);
    }
    assault.assert_held();
}

#[test]
fn refuses_a_shard_that_is_not_there() {
    let ring = Ring::start();
    let mut assault = ring.assault();
    for shard in [1, 2, u16::MAX] {
        let mut call = crl(&ring);
        call.shard = shard;
        assault.refused_call(Rule::ShardUnknown, &call);
    }
    assault.assert_held();
}

#[test]
fn a_crl_without_a_revoked_serial_cannot_be_had() {
    let ring = Ring::start();
    let serials: Vec<Serial> = (0..3).map(|_| ring.issue().tbs().serial).collect();
    for (n, serial) in serials.iter().enumerate() {
        revoke(&ring, *serial);
        let listed = parsed(&ring.call(&crl(&ring)).unwrap());
        let mut expected = serials[..=n].to_vec();
        expected.sort();
        let mut found: Vec<Serial> = listed.entries().iter().map(|entry| entry.serial).collect();
        found.sort();
        assert_eq!(found, expected);
    }
}

#[test]
fn numbers_and_times_of_crls_only_grow_also_over_a_restart() {
    let mut ring = Ring::inside();
    let mut last = ring.call(&crl(&ring)).unwrap();
    for n in 0..6 {
        if n == 3 {
            ring.restart();
        }
        // Back by less than what is refused: the time is lifted to that of the leaf before.
        ring.clock.set_wall_by(if n % 2 == 0 { -2 } else { 2 });
        let next = ring.call(&crl(&ring)).unwrap();
        assert!(next.number > last.number && next.this_update >= last.this_update);
        last = next;
    }
}

#[test]
fn many_crls_at_once_never_share_a_number() {
    let ring = Ring::start();
    let numbers = std::thread::scope(|scope| {
        let ask = |_| scope.spawn(|| ring.call(&crl(&ring)));
        let asked: Vec<_> = (0..8).map(ask).collect();
        let mut numbers = Vec::new();
        for answer in asked {
            match answer.join().unwrap() {
                Ok(built) => numbers.push(built.number),
                Err(refusal) => assert_eq!(refusal.rule, Rule::Overloaded),
            }
        }
        numbers
    });
    let mut once = numbers.clone();
    once.sort_unstable();
    once.dedup();
    assert!(!numbers.is_empty());
    assert_eq!(once.len(), numbers.len());
}

#[test]
fn the_crl_of_one_issuer_never_has_the_serials_of_another() {
    let ring = Ring::start();
    revoke(&ring, ring.issue().tbs().serial);
    for key in [OTHER, ROOT] {
        let mut call = crl(&ring);
        call.key = label(key);
        let built = ring.call(&call).unwrap();
        assert_eq!(built.revocations, 0);
    }
}

#[test]
fn refuses_responses_whose_next_update_is_too_far_or_past() {
    let ring = Ring::start();
    let serial = ring.issue().tbs().serial;
    let mut assault = ring.assault();
    for seconds in [8 * DAY + 60, 0, -DAY] {
        let mut call = batch(&ring, &[serial]);
        call.next_update = ring.clock.now().plus_seconds(seconds);
        assault.refused_call(Rule::NextUpdateRefused, &call);
    }
    assault.assert_held();
}

#[test]
fn refuses_responses_about_nothing() {
    let ring = Ring::start();
    let serial = ring.issue().tbs().serial;
    let mut assault = ring.assault();
    assault.refused_call(Rule::FieldMalformed, &batch(&ring, &[]));
    let mut hollow = batch(&ring, &[serial]);
    hollow.items.0.push(OcspItem { subjects: OcspSubjects(Vec::new()), nonce: OcspNonce(vec![1]) });
    assault.refused_call(Rule::FieldMalformed, &hollow);
    assault.assert_held();
}

#[test]
fn good_for_a_serial_that_was_never_issued_cannot_be_had() {
    let ring = Ring::start();
    let minted = ring.mint(ISSUING);
    let invented = Serial::from_unsigned(&[0x11; 19]).unwrap();
    let of_another = ring.certificate(ISSUING).tbs().serial;
    let before = (ring.counts.signs(), ring.ledger().leaves.len());
    let signed = ring.call(&batch(&ring, &[minted, invented, of_another])).unwrap();
    assert!(signed.outcomes.0.iter().all(|outcome| *outcome == OcspOutcome::NeverIssued));
    assert_eq!((ring.counts.signs(), ring.ledger().leaves.len()), before);
    let _ = ring.issue();
}

#[test]
fn good_for_a_revoked_serial_cannot_be_had() {
    let ring = Ring::start();
    let (good, bad) = (ring.issue().tbs().serial, ring.issue().tbs().serial);
    revoke(&ring, bad);
    let signed = ring.call(&batch(&ring, &[good, bad])).unwrap();
    let revoked: Vec<bool> = (signed.outcomes.0.iter())
        .map(|outcome| {
            let OcspOutcome::Signed { response_data, signature } = outcome else {
                panic!("both were issued");
            };
            let scheme = SignatureScheme::EcdsaP256Sha256;
            let key = ring.public(RESPONDER);
            key.verify(scheme, response_data.as_bytes(), signature).unwrap();
            let data = ResponseData::parse(response_data.as_bytes()).unwrap();
            matches!(data.responses[0].status, CertStatus::Revoked { .. })
        })
        .collect();
    assert_eq!(revoked, [false, true]);
}

#[test]
fn refuses_a_position_of_the_journal_that_is_not_there_yet() {
    let ring = Ring::start();
    let size = ring.ledger().leaves.len() as u64;
    let mut assault = ring.assault();
    for from in [size + 100, u64::MAX] {
        assault.refused_call(Rule::PositionUnknown, &ReadJournal { from, limit: 1 });
    }
    for limit in [0, 4097, u32::MAX] {
        assault.refused_call(Rule::FieldMalformed, &ReadJournal { from: 0, limit });
    }
    assault.assert_held();
}

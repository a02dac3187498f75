//! Revoked never changes, and only what is held is released.

use kit::{ISSUING, OTHER, Plan, ROOT, Ring, label};
use signer_proto::{
    BuildCrl, Hold, Release, RevocationDelta, RevocationStatus, Revoke, Rule, Socket,
};
use x509::{Certificate, Crl, CrlReason, Serial, SignatureScheme};

fn revoke(key: &str, serial: Serial, reason: CrlReason) -> Revoke {
    Revoke { key: label(key), serial, reason, invalidity: None }
}

fn hold(serial: Serial) -> Hold {
    Hold { key: label(ISSUING), serial }
}

fn release(serial: Serial) -> Release {
    Release { key: label(ISSUING), serial }
}

fn holding() -> Ring {
    Ring::start_with(Plan::default().issuing_but("hold = false", "hold = true"))
}

fn revoked(ring: &Ring) -> Certificate {
    let certificate = ring.issue();
    let call = revoke(ISSUING, certificate.tbs().serial, CrlReason::KeyCompromise);
    ring.call(&call).unwrap();
    certificate
}

/// Returns the serials of the CRL as it is built now.
fn listed(ring: &Ring) -> Vec<Serial> {
    let call = BuildCrl {
        key: label(ISSUING),
        shard: 0,
        next_update: ring.clock.now().plus_seconds(3600),
    };
    let built = ring.call(&call).unwrap();
    let der = Crl::assemble(&built.tbs, SignatureScheme::EcdsaP256Sha256, &built.signature);
    let crl = Crl::parse(der.as_bytes()).unwrap();
    crl.verify_by(&ring.public(ISSUING)).unwrap();
    crl.entries().iter().map(|entry| entry.serial).collect()
}

#[test]
fn refuses_to_release_what_is_revoked() {
    let ring = holding();
    let serial = revoked(&ring).tbs().serial;
    ring.attack(Socket::Status, &release(serial)).assert_refused(Rule::AlreadyRevoked);
    assert_eq!(listed(&ring), [serial]);
}

#[test]
fn refuses_to_hold_what_is_revoked() {
    let ring = holding();
    let serial = revoked(&ring).tbs().serial;
    ring.attack(Socket::Status, &hold(serial)).assert_refused(Rule::AlreadyRevoked);
    assert_eq!(listed(&ring), [serial]);
}

#[test]
fn refuses_to_release_what_was_held_and_then_revoked() {
    let mut ring = holding();
    let serial = ring.issue().tbs().serial;
    ring.call(&hold(serial)).unwrap();
    ring.call(&revoke(ISSUING, serial, CrlReason::KeyCompromise)).unwrap();
    ring.restart();
    ring.attack(Socket::Status, &release(serial)).assert_refused(Rule::AlreadyRevoked);
    assert_eq!(listed(&ring), [serial]);
}

#[test]
fn refuses_to_release_what_is_not_held() {
    let ring = holding();
    let serial = ring.issue().tbs().serial;
    ring.attack(Socket::Status, &release(serial)).assert_refused(Rule::NotHeld);
}

#[test]
fn refuses_to_hold_where_the_policy_does_not() {
    let ring = Ring::start();
    let serial = ring.issue().tbs().serial;
    ring.attack(Socket::Status, &hold(serial)).assert_refused(Rule::HoldNotAllowed);
}

#[test]
fn refuses_to_revoke_what_was_never_issued() {
    let ring = Ring::start();
    let minted = ring.mint(ISSUING);
    let invented = Serial::from_unsigned(&[0x11; 19]).unwrap();
    let mut assault = ring.assault();
    for serial in [minted, invented] {
        assault.refused_call(Rule::NeverIssued, &revoke(ISSUING, serial, CrlReason::Superseded));
    }
    assault.assert_held();
}

#[test]
fn refuses_to_revoke_the_certificate_of_another_issuer() {
    let ring = Ring::start();
    let serial = ring.issue().tbs().serial;
    let mut assault = ring.assault();
    for key in [OTHER, ROOT] {
        assault.refused_call(Rule::NeverIssued, &revoke(key, serial, CrlReason::Superseded));
    }
    assault.assert_held();
}

#[test]
fn refuses_hold_and_release_dressed_as_revocations() {
    let ring = holding();
    let serial = revoked(&ring).tbs().serial;
    let mut assault = ring.assault();
    for reason in [CrlReason::CertificateHold, CrlReason::RemoveFromCrl] {
        assault.refused_call(Rule::ReasonRefused, &revoke(ISSUING, serial, reason));
    }
    assault.assert_held();
    assert_eq!(listed(&ring), [serial]);
}

#[test]
fn refuses_an_invalidity_that_is_to_come() {
    let ring = Ring::start();
    let mut call = revoke(ISSUING, ring.issue().tbs().serial, CrlReason::KeyCompromise);
    call.invalidity = Some(ring.clock.now().plus_seconds(3600));
    ring.attack(Socket::Status, &call).assert_refused(Rule::FieldMalformed);
}

#[test]
fn a_second_revocation_changes_neither_reason_nor_time() {
    let ring = Ring::inside();
    let serial = ring.issue().tbs().serial;
    let first = ring.call(&revoke(ISSUING, serial, CrlReason::KeyCompromise)).unwrap();
    ring.clock.pass(3600);
    let second = ring.call(&revoke(ISSUING, serial, CrlReason::Superseded)).unwrap();
    assert_eq!(second, first);
    assert_eq!(ring.ledger().count("RevocationChanged"), 1);
}

#[test]
fn the_set_that_is_read_only_grows() {
    let ring = holding();
    let serial = ring.issue().tbs().serial;
    ring.call(&hold(serial)).unwrap();
    ring.call(&release(serial)).unwrap();
    ring.call(&revoke(ISSUING, serial, CrlReason::AffiliationChanged)).unwrap();
    let delta = RevocationDelta { key: label(ISSUING), from: 0, limit: 10 };
    let slice = ring.call(&delta).unwrap();
    let statuses: Vec<_> = slice.changes.0.iter().map(|change| change.status).collect();
    use RevocationStatus::{Held, Released, Revoked};
    assert_eq!(statuses, [Held, Released, Revoked]);
    assert_eq!(slice.size, 3);
}

#[test]
fn refuses_a_delta_of_none_or_too_many() {
    let ring = Ring::start();
    let mut assault = ring.assault();
    for limit in [0, 65_537, u32::MAX] {
        let delta = RevocationDelta { key: label(ISSUING), from: 0, limit };
        assault.refused_call(Rule::FieldMalformed, &delta);
    }
    assault.assert_held();
}

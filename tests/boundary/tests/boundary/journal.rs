//! A journal that cannot be written: nothing is released that is not durable.

use std::fs;
use std::time::{Duration, Instant};

use kit::{Failure, ISSUING, Plan, Ring, label};
use signer::journal::testing::{Fault, SimulatedDisk};
use signer_proto::{
    BuildCrl, CertIdHash, Flags, Header, Kind, OcspItem, OcspItems, OcspNonce, OcspSubject,
    OcspSubjects, Refusal, Revoke, Rule, SignOcsp, SignerState, Socket, Wire,
};
use x509::CrlReason;

fn on(disk: &SimulatedDisk) -> Ring {
    Ring::start_with(Plan { disk: Some(disk.clone()), ..Plan::default() })
}

/// A fault at the first operation of the next group, and at those after it.
fn nothing_is_released(fault: Fault) {
    for operations in 0..3 {
        let disk = SimulatedDisk::new(operations + 1);
        let mut ring = on(&disk);
        let released = ring.issue();
        let order = ring.order(&ring.leaf());
        let size = ring.ledger().leaves.len();
        disk.fail_after(operations, fault);
        match ring.call(&order) {
            // The group of this one was durable before the fault came.
            Ok(_) => assert!(operations > 0),
            Err(refusal) => {
                assert_eq!(refusal.rule, Rule::JournalUnavailable);
                assert!(!ring.counts.leaks_into(&refusal.to_wire()));
                nothing_more(&ring, order.clone());
            }
        }
        ring.stop();
        match fault {
            Fault::PowerCut => disk.power_on(),
            _ => disk.restart(),
        }
        ring.try_open().unwrap();
        ring.unlock().unwrap();
        // What was released is there; the order is signed once, whatever became of it.
        let serials = ring.ledger().serials();
        assert!(serials.contains(&released.tbs().serial));
        assert!(ring.ledger().leaves.len() >= size);
        let answer = ring.call(&order).unwrap();
        let again = ring.call(&order).unwrap();
        assert_eq!(answer.signature, again.signature);
        let mut serials = ring.ledger().serials();
        let all = serials.len();
        serials.sort();
        serials.dedup();
        assert_eq!(serials.len(), all);
        let _ = ring.issue();
    }
}

/// After a failed write nothing is signed or changed any more, and health says so.
fn nothing_more(ring: &Ring, mut order: signer_proto::SignCertificate) {
    let signs = ring.counts.signs();
    order.idempotency = ring.idempotency();
    let next_update = ring.clock.now().plus_seconds(3600);
    let key = label(ISSUING);
    let serial = x509::Serial::from_unsigned(&[1]).unwrap();
    let refused = |refusal: Refusal| assert_eq!(refusal.rule, Rule::JournalUnavailable);
    refused(ring.call(&order).unwrap_err());
    let crl = BuildCrl { key: key.clone(), shard: 0, next_update };
    refused(ring.call(&crl).unwrap_err());
    let revoke =
        Revoke { key: key.clone(), serial, reason: CrlReason::KeyCompromise, invalidity: None };
    refused(ring.call(&revoke).unwrap_err());
    let subject = OcspSubject { hash: CertIdHash::Sha1, serial };
    let ocsp = SignOcsp {
        responder: label(kit::RESPONDER),
        issuer: key,
        next_update,
        items: OcspItems(vec![OcspItem {
            subjects: OcspSubjects(vec![subject]),
            nonce: OcspNonce(Vec::new()),
        }]),
    };
    refused(ring.call(&ocsp).unwrap_err());
    assert_eq!(ring.counts.signs(), signs, "signed though nothing can be written");
    assert_eq!(ring.signer().health().state, SignerState::JournalFailed);
}

#[test]
fn releases_nothing_when_the_disk_is_full() {
    nothing_is_released(Fault::NoSpace);
}

#[test]
fn releases_nothing_after_an_input_output_error() {
    nothing_is_released(Fault::Io);
}

#[test]
fn releases_nothing_when_the_power_goes() {
    nothing_is_released(Fault::PowerCut);
}

#[test]
fn releases_nothing_when_the_process_is_killed() {
    nothing_is_released(Fault::Kill);
}

#[test]
fn releases_nothing_before_a_slow_disk_has_it() {
    let disk = SimulatedDisk::new(1);
    let ring = on(&disk);
    let order = ring.order(&ring.leaf());
    let slow = Duration::from_millis(400);
    disk.slow_sync(slow);
    let begun = Instant::now();
    ring.call(&order).unwrap();
    assert!(begun.elapsed() >= slow, "{:?}", begun.elapsed());
}

#[test]
fn refuses_what_is_not_durable_in_time_and_releases_it_to_a_retry_only() {
    let disk = SimulatedDisk::new(1);
    let ring = on(&disk);
    let order = ring.order(&ring.leaf());
    disk.slow_sync(Duration::from_millis(600));
    let body = order.to_wire();
    let header = Header {
        kind: Kind::SignCertificate,
        flags: Flags::REQUEST,
        length: u32::try_from(body.len()).unwrap(),
        sequence: 7,
        deadline_ms: 100,
    };
    let mut peer = ring.peer(Socket::Issue);
    peer.write(&[&header.encode()[..], &body].concat()).unwrap();
    let kit::Answered::Refused(refusal) = peer.read_answer(Kind::SignCertificate, 7) else {
        panic!("the deadline passed before it was durable");
    };
    assert_eq!(refusal.rule, Rule::DeadlineExceeded);
    assert!(!ring.counts.leaks_into(&refusal.to_wire()));
    disk.slow_sync(Duration::ZERO);
    let signs = ring.counts.signs();
    let signed = peer.call(&order).map_err(Failure::refusal).unwrap();
    assert!(signed.replayed);
    assert_eq!(ring.counts.signs(), signs, "signed once");
    assert_eq!(ring.ledger().certificates().count(), 1);
}

#[test]
fn releases_nothing_after_the_journals_file_was_removed() {
    let ring = Ring::inside();
    let order = ring.order(&ring.leaf());
    let journal = ring.ring_dir().join("journal");
    for entry in fs::read_dir(&journal).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let refusal = ring.call(&order).unwrap_err();
    assert_eq!(refusal.rule, Rule::JournalUnavailable);
    assert!(!ring.counts.leaks_into(&refusal.to_wire()));
    nothing_more(&ring, order);
}

#[test]
fn releases_nothing_after_the_journals_file_was_replaced() {
    let ring = Ring::start();
    let order = ring.order(&ring.leaf());
    let journal = ring.ring_dir().join("journal");
    let segment = fs::read_dir(&journal).unwrap().next().unwrap().unwrap().path();
    let copy = journal.join("copy");
    fs::copy(&segment, &copy).unwrap();
    fs::rename(&copy, &segment).unwrap();
    assert_eq!(ring.call(&order).unwrap_err().rule, Rule::JournalUnavailable);
}

/// Bends the journal of a ring that was ended.
fn refuses_to_open(bend: impl Fn(&mut Vec<u8>)) {
    let mut ring = Ring::start();
    let _ = ring.issue();
    ring.stop();
    let journal = ring.ring_dir().join("journal");
    let segment = fs::read_dir(&journal).unwrap().next().unwrap().unwrap().path();
    let mut octets = fs::read(&segment).unwrap();
    bend(&mut octets);
    fs::write(&segment, octets).unwrap();
    assert!(ring.try_open().is_err(), "a bent journal opens");
}

#[test]
fn refuses_to_open_a_journal_with_a_bent_leaf() {
    refuses_to_open(|octets| {
        let middle = octets.len() / 2;
        octets[middle] ^= 1;
    });
}

#[test]
fn refuses_to_open_a_journal_of_another_ring() {
    let mut other = Ring::start();
    other.stop();
    let journal = other.ring_dir().join("journal");
    let segment = fs::read_dir(&journal).unwrap().next().unwrap().unwrap().path();
    let octets = fs::read(segment).unwrap();
    refuses_to_open(|ours| ours.clone_from(&octets));
}

#[test]
fn refuses_to_open_without_a_journal() {
    let mut ring = Ring::start();
    ring.stop();
    let journal = ring.ring_dir().join("journal");
    fs::remove_dir_all(&journal).unwrap();
    fs::create_dir(&journal).unwrap();
    assert!(ring.try_open().is_err(), "a ring without its journal opens");
}

#[test]
fn refuses_a_second_signer_on_the_same_ring() {
    let mut ring = Ring::start();
    assert!(ring.try_open().is_err(), "two signers on one ring");
    let _ = ring.issue();
}

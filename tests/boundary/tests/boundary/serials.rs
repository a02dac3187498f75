//! Serials that are not the signer's, or not free.

use kit::{Failure, ISSUING, OTHER, Ring, assemble, label};
use signer_proto::{MintSerials, Rule, Socket};
use x509::Serial;

fn plus_one(serial: &Serial) -> Serial {
    let mut octets = serial.as_bytes().to_vec();
    for octet in octets.iter_mut().rev() {
        *octet = octet.wrapping_add(1);
        if *octet != 0 {
            break;
        }
    }
    Serial::from_unsigned(&octets).unwrap()
}

refuses_leaf! {
    refuses_the_serial_after_a_minted_one => SerialNotMinted,
        |ring, draft| draft.serial = plus_one(&draft.serial);
    refuses_a_serial_minted_for_another_key => SerialNotMinted,
        |ring, draft| draft.serial = ring.mint(OTHER);
    refuses_a_serial_minted_by_another_ring => SerialNotMinted,
        |ring, draft| draft.serial = Ring::start().mint(ISSUING);
    refuses_a_serial_of_one_octet => SerialNotMinted,
        |ring, draft| draft.serial = Serial::from_unsigned(&[1]).unwrap();
    refuses_the_serial_of_the_cas_own_certificate => SerialNotMinted,
        |ring, draft| draft.serial = ring.certificate(ISSUING).tbs().serial;
}

#[test]
fn refuses_a_minted_serial_with_any_octet_bent() {
    let ring = Ring::start();
    let honest = ring.leaf();
    let mut assault = ring.assault();
    for at in 0..honest.serial.as_bytes().len() {
        let mut octets = honest.serial.as_bytes().to_vec();
        octets[at] ^= 0x01;
        let mut draft = honest.clone();
        draft.serial = Serial::from_unsigned(&octets).unwrap();
        assault.refused_call(Rule::SerialNotMinted, &ring.order(&draft));
    }
    assault.assert_held();
}

#[test]
fn refuses_second_tbs_for_same_serial() {
    let ring = Ring::start();
    let first = ring.leaf();
    ring.call(&ring.order(&first)).unwrap();
    let mut second = first.clone();
    second.host("mail.corp.example");
    ring.attack(Socket::Issue, &ring.order(&second)).assert_refused(Rule::SerialUsed);
}

#[test]
fn refuses_second_tbs_for_same_serial_after_a_restart() {
    let mut ring = Ring::start();
    let first = ring.leaf();
    ring.call(&ring.order(&first)).unwrap();
    ring.restart();
    let mut second = first.clone();
    second.host("mail.corp.example");
    ring.attack(Socket::Issue, &ring.order(&second)).assert_refused(Rule::SerialUsed);
}

#[test]
fn refuses_all_but_one_of_many_at_once_for_the_same_serial() {
    let ring = Ring::start();
    let first = ring.leaf();
    let orders: Vec<_> = (0..16)
        .map(|n| {
            let mut draft = first.clone();
            draft.host(&format!("host-{n}.corp.example"));
            ring.order(&draft)
        })
        .collect();
    let signed = std::thread::scope(|scope| {
        let ring = &ring;
        let ask = |order| scope.spawn(move || ring.call(order).map_err(|refusal| refusal.rule));
        let asked: Vec<_> = orders.iter().map(ask).collect();
        let answers = asked.into_iter().map(|answer| answer.join().unwrap());
        let refused_or_signed = |answer: &Result<_, Rule>| match answer {
            Ok(_) => true,
            Err(rule) => {
                assert_eq!(*rule, Rule::SerialUsed);
                false
            }
        };
        answers.filter(refused_or_signed).count()
    });
    assert_eq!(signed, 1);
    assert_eq!(ring.ledger().certificates().count(), 1);
}

#[test]
fn refuses_another_body_under_the_same_idempotency_key() {
    let ring = Ring::start();
    let first = ring.order(&ring.leaf());
    ring.call(&first).unwrap();
    let mut second = ring.order(&ring.leaf());
    second.idempotency = first.idempotency;
    ring.attack(Socket::Issue, &second).assert_refused(Rule::IdempotencyConflict);
}

#[test]
fn refuses_an_issuing_cas_idempotency_key_at_another() {
    let ring = Ring::start();
    let first = ring.order(&ring.leaf());
    ring.call(&first).unwrap();
    let mut second = ring.order(&ring.leaf_of(OTHER, kit::OTHER_NAME));
    second.key = label(OTHER);
    second.policy = ring.policy(OTHER);
    second.idempotency = first.idempotency;
    ring.attack(Socket::Issue, &second).assert_refused(Rule::IdempotencyConflict);
}

#[test]
fn refuses_the_idempotency_key_of_a_ca_certificate_for_a_leaf() {
    let ring = Ring::start();
    let draft = ring.authority("CN=Sub,O=Corp", kit::SubjectKey::new().public());
    let first = ring.authority_order(&draft);
    ring.call(&first).unwrap();
    let mut second = ring.order(&ring.leaf());
    second.idempotency = first.idempotency;
    ring.attack(Socket::Issue, &second).assert_refused(Rule::IdempotencyConflict);
}

#[test]
fn a_retry_is_answered_from_the_journal_and_signs_nothing() {
    let mut ring = Ring::inside();
    let draft = ring.leaf();
    let order = ring.order(&draft);
    let first = ring.call(&order).unwrap();
    let before = (ring.counts.signs(), ring.ledger().certificates().count());
    for restart in [false, true] {
        if restart {
            ring.restart();
        }
        let again = ring.call(&order).unwrap();
        assert!(again.replayed);
        assert_eq!((again.position, &again.signature), (first.position, &first.signature));
        assert_eq!(assemble(&draft.tbs(), &again), assemble(&draft.tbs(), &first));
    }
    assert_eq!((ring.counts.signs(), ring.ledger().certificates().count()), before);
}

#[test]
fn the_same_request_many_times_at_once_signs_once() {
    let ring = Ring::inside();
    let order = ring.order(&ring.leaf());
    let before = ring.counts.signs();
    let positions: Vec<_> = std::thread::scope(|scope| {
        let ask = |_| scope.spawn(|| ring.call(&order).unwrap().position);
        let asked: Vec<_> = (0..16).map(ask).collect();
        asked.into_iter().map(|answer| answer.join().unwrap()).collect()
    });
    assert!(positions.iter().all(|position| *position == positions[0]));
    assert_eq!(ring.counts.signs(), before + 1);
    assert_eq!(ring.ledger().certificates().count(), 1);
}

#[test]
fn refuses_to_mint_none_or_too_many() {
    let ring = Ring::start();
    let mut assault = ring.assault();
    for count in [0, 1025, u32::MAX] {
        let call = MintSerials { key: label(ISSUING), count };
        assault.refused_call(Rule::FieldMalformed, &call);
    }
    assault.assert_held();
}

#[test]
fn serials_are_never_minted_twice_and_never_in_a_row() {
    let ring = Ring::start();
    let call = MintSerials { key: label(ISSUING), count: 1024 };
    let mut peer = ring.peer(Socket::Issue);
    let mut all: Vec<Serial> =
        (0..4).flat_map(|_| peer.call(&call).map_err(Failure::refusal).unwrap().0).collect();
    all.sort();
    assert_eq!(all.len(), 4096);
    for pair in all.windows(2) {
        assert_ne!(pair[0], pair[1]);
        assert_ne!(plus_one(&pair[0]), pair[1]);
    }
}

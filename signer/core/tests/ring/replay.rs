//! The same request again, and requests that only look like it.

use signer_proto::{Digest, Event, IdempotencyKey, Rule, SignedCertificate, Wire};

use super::drafts;
use super::workshop::{Workshop, label};

fn signatures(workshop: &Workshop) -> usize {
    workshop.count(|event| matches!(event, Event::CertificateSigned(_)))
}

#[test]
fn a_retry_gets_the_stored_signature() {
    let workshop = Workshop::with_hierarchy();
    let order = workshop.order(&workshop.leaf("a.corp.example"));
    let first = workshop.call(order.clone()).unwrap();
    let again = workshop.call(order).unwrap();
    assert!(!first.replayed);
    assert_eq!(again, SignedCertificate { replayed: true, ..first });
    assert_eq!(signatures(&workshop), 1);
}

#[test]
fn a_retry_stays_one_after_a_restart_and_under_another_policy() {
    let mut workshop = Workshop::with_hierarchy();
    let order = workshop.order(&workshop.leaf("a.corp.example"));
    let first = workshop.call(order.clone()).unwrap();
    workshop.restart();
    workshop.set_policy("issuing", drafts::issuing_policy_with(7, true));
    let again = workshop.call(order).unwrap();
    assert_eq!(again, SignedCertificate { replayed: true, ..first });
    assert_eq!(signatures(&workshop), 1);
}

#[test]
fn the_same_tbs_under_another_idempotency_key_is_the_same_certificate() {
    let workshop = Workshop::with_hierarchy();
    let mut order = workshop.order(&workshop.leaf("a.corp.example"));
    let first = workshop.call(order.clone()).unwrap();
    order.idempotency = workshop.idempotency();
    let again = workshop.call(order).unwrap();
    assert_eq!(again, SignedCertificate { replayed: true, ..first });
}

#[test]
fn refuses_second_tbs_for_same_serial() {
    let workshop = Workshop::with_hierarchy();
    let tbs = workshop.leaf("a.corp.example");
    workshop.call(workshop.order(&tbs)).unwrap();
    let other = drafts::leaf(tbs.serial, &workshop.issuer(), "b.corp.example");
    let refused = workshop.call(workshop.order(&other)).unwrap_err();
    assert_eq!(refused.rule, Rule::SerialUsed);
    assert_eq!(signatures(&workshop), 1);
}

#[test]
fn refuses_the_same_idempotency_key_with_another_body() {
    let workshop = Workshop::with_hierarchy();
    let order = workshop.order(&workshop.leaf("a.corp.example"));
    workshop.call(order.clone()).unwrap();
    let mut other = workshop.order(&workshop.leaf("b.corp.example"));
    other.idempotency = order.idempotency;
    let refused = workshop.call(other).unwrap_err();
    assert_eq!(refused.rule, Rule::IdempotencyConflict);
    let mut profile = order;
    profile.profile = Digest([0x44; 32]);
    let refused = workshop.call(profile).unwrap_err();
    assert_eq!(refused.rule, Rule::IdempotencyConflict);
    assert_eq!(signatures(&workshop), 1);
}

#[test]
fn concurrent_duplicates_are_signed_once_and_all_answered() {
    let workshop = Workshop::with_hierarchy();
    for round in 0..20u8 {
        let tbs = workshop.leaf("a.corp.example");
        let mut order = workshop.order(&tbs);
        order.idempotency = IdempotencyKey([100 + round; 16]);
        let other = drafts::leaf(tbs.serial, &workshop.issuer(), "b.corp.example");
        let mut rival = workshop.order(&other);
        rival.idempotency = IdempotencyKey([200 + round; 16]);
        let dispatch = workshop.signer().dispatch();
        let answers: Vec<_> = std::thread::scope(|scope| {
            let ask = |call| {
                let dispatch = &dispatch;
                scope.spawn(move || {
                    let answer =
                        super::workshop::ask(dispatch.as_ref(), signer_proto::Socket::Issue, call);
                    answer.recv().unwrap()
                })
            };
            let threads = [&order, &order, &rival, &order, &rival, &order].map(ask);
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let mut fresh = 0;
        for (at, answer) in answers.iter().enumerate() {
            match answer {
                Ok(bytes) => {
                    let signed = SignedCertificate::from_wire(bytes).unwrap();
                    fresh += usize::from(!signed.replayed);
                }
                Err(refusal) => assert_eq!(refusal.rule, Rule::SerialUsed, "{at}"),
            }
        }
        let won: Vec<_> = answers.iter().map(Result::is_ok).collect();
        assert!(
            won == [true, true, false, true, false, true]
                || won == [false, false, true, false, true, false],
            "{won:?}"
        );
        assert_eq!(fresh, 1);
    }
    assert_eq!(signatures(&workshop), 20);
}

#[test]
fn refuses_serials_that_were_not_minted_here_for_this_key() {
    let workshop = Workshop::with_hierarchy();
    let mut bent = workshop.mint("issuing").as_bytes().to_vec();
    bent[5] ^= 1;
    let own = x509::Serial::from_unsigned(&[0x21; 19]).unwrap();
    let foreign = Workshop::with_hierarchy().mint("issuing");
    let bent = x509::Serial::from_unsigned(&bent).unwrap();
    for serial in [own, bent, foreign, workshop.mint("root")] {
        let tbs = drafts::leaf(serial, &workshop.issuer(), "a.corp.example");
        let refused = workshop.call(workshop.order(&tbs)).unwrap_err();
        assert_eq!(refused.rule, Rule::SerialNotMinted, "{serial}");
    }
    assert_eq!(signatures(&workshop), 0);
}

#[test]
fn refuses_another_policy_than_the_one_in_force() {
    let workshop = Workshop::with_hierarchy();
    let mut order = workshop.order(&workshop.leaf("a.corp.example"));
    workshop.set_policy("issuing", drafts::issuing_policy_with(7, false));
    let refused = workshop.call(order.clone()).unwrap_err();
    assert_eq!(refused.rule, Rule::PolicyDigestUnknown);
    order.policy = workshop.policy("issuing");
    workshop.call(order).unwrap();
    assert_eq!(workshop.describe("issuing").label, label("issuing"));
}

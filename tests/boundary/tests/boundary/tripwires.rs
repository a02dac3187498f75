//! Tripwires: a ring that is asked for too much, or too often for what it refuses, stops issuing
//! by itself. CRLs, OCSP and revocation go on.

use kit::{DAY, ISSUING, OTHER, OTHER_NAME, Plan, Ring, label};
use signer_proto::{BuildCrl, Event, IssuanceFrozen, Revoke, Rule, SignCertificate};
use x509::{CrlReason, oids};

fn ring_with(tripwires: &str) -> Ring {
    let section = format!("[tripwires]\n{tripwires}\n\n[crl]");
    Ring::start_with(Plan::default().inside().issuing_but("[crl]", &section))
}

fn freezes(ring: &Ring) -> Vec<IssuanceFrozen> {
    let leaves = ring.ledger().leaves;
    let freeze = |leaf: &signer_proto::Leaf| match &leaf.event {
        Event::IssuanceFrozen(freeze) => Some(freeze.clone()),
        _ => None,
    };
    leaves.iter().filter_map(|(leaf, _)| freeze(leaf)).collect()
}

fn await_freeze(ring: &Ring) -> IssuanceFrozen {
    let begun = std::time::Instant::now();
    loop {
        if let Some(freeze) = freezes(ring).pop() {
            return freeze;
        }
        assert!(begun.elapsed().as_secs() < 5, "no leaf says that issuance is frozen");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

fn order_of_other(ring: &Ring) -> SignCertificate {
    let order = ring.order(&ring.leaf_of(OTHER, OTHER_NAME));
    SignCertificate { key: label(OTHER), policy: ring.policy(OTHER), ..order }
}

/// Nothing is issued by any key, also after a restart; whatever tells of revocation goes on.
fn assert_frozen(ring: &mut Ring, serial: x509::Serial) {
    let freeze = await_freeze(ring);
    assert!(freeze.frozen && freeze.warrant.is_none(), "{freeze:?}");
    assert!(freeze.reason.0.starts_with("tripwire: "), "{freeze:?}");
    ring.restart();
    let signs = ring.counts.signs();
    for order in [ring.order(&ring.leaf()), order_of_other(ring)] {
        let refusal = ring.call(&order).unwrap_err();
        assert_eq!(refusal.rule, Rule::IssuanceFrozen, "{refusal}");
    }
    assert_eq!(ring.counts.signs(), signs);
    let reason = CrlReason::Superseded;
    ring.call(&Revoke { key: label(ISSUING), serial, reason, invalidity: None }).unwrap();
    let next_update = ring.clock.now().plus_seconds(DAY);
    ring.call(&BuildCrl { key: label(ISSUING), shard: 0, next_update }).unwrap();
    assert_eq!(freezes(ring).len(), 1);
}

#[test]
fn too_many_certificates_in_a_minute_freeze_issuance() {
    let mut ring = ring_with("certificates_per_minute = 3");
    let serials: Vec<_> = (0..3).map(|_| ring.issue().tbs().serial).collect();
    let order = ring.order(&ring.leaf());
    let signs = ring.counts.signs();
    assert_eq!(ring.call(&order).unwrap_err().rule, Rule::IssuanceFrozen);
    assert_eq!(ring.counts.signs(), signs);
    // The minute is over, and issuance stays frozen: only operators let it go on.
    ring.clock.pass(120);
    assert_frozen(&mut ring, serials[0]);
}

#[test]
fn too_many_refusals_in_a_minute_freeze_issuance() {
    let mut ring = ring_with("refusals_per_minute = 5");
    let serial = ring.issue().tbs().serial;
    for _ in 0..6 {
        let mut bent = ring.leaf();
        bent.extended(&[oids::EKU_CODE_SIGNING]);
        let refusal = ring.call(&ring.order(&bent)).unwrap_err();
        assert!(matches!(refusal.rule, Rule::ExtendedKeyUsageRefused | Rule::IssuanceFrozen));
    }
    assert_frozen(&mut ring, serial);
}

#[test]
fn what_is_within_the_tripwires_freezes_nothing() {
    let ring = ring_with("certificates_per_minute = 3\nrefusals_per_minute = 5");
    for _ in 0..3 {
        for _ in 0..2 {
            let _ = ring.issue();
            let mut bent = ring.leaf();
            bent.extended(&[oids::EKU_CODE_SIGNING]);
            let refusal = ring.call(&ring.order(&bent)).unwrap_err();
            assert_eq!(refusal.rule, Rule::ExtendedKeyUsageRefused);
        }
        ring.clock.pass(62);
    }
    std::thread::sleep(std::time::Duration::from_millis(400));
    let _ = ring.issue();
    assert_eq!(freezes(&ring), []);
}

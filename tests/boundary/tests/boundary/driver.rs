//! A driver that answers with what it should not: every signature is verified before it leaves.

use kit::{ISSUING, Misdeed, OTHER, Ring, label};
use signer_proto::{BuildCrl, CertIdHash, Rule, Wire};
use signer_proto::{OcspItem, OcspItems, OcspNonce, OcspSubject, OcspSubjects, SignOcsp};

/// Lets the driver do wrong for one certificate, one CRL and one response.
fn releases_nothing(misdeed: Misdeed, rule: Rule) {
    let mut ring = Ring::inside();
    let serial = ring.issue().tbs().serial;
    let order = ring.order(&ring.leaf());
    let next_update = ring.clock.now().plus_seconds(3600);
    let crl = BuildCrl { key: label(OTHER), shard: 0, next_update };
    let subject = OcspSubject { hash: CertIdHash::Sha1, serial };
    let ocsp = SignOcsp {
        responder: label(kit::RESPONDER),
        issuer: label(ISSUING),
        next_update,
        items: OcspItems(vec![OcspItem {
            subjects: OcspSubjects(vec![subject]),
            nonce: OcspNonce(Vec::new()),
        }]),
    };
    let from = ring.ledger().leaves.len() as u64;
    ring.counts.misbehave(Some(misdeed));
    for refusal in [
        ring.call(&order).map(|_| ()).unwrap_err(),
        ring.call(&crl).map(|_| ()).unwrap_err(),
        ring.call(&ocsp).map(|_| ()).unwrap_err(),
    ] {
        assert_eq!(refusal.rule, rule, "{}", refusal.detail);
        assert!(!ring.counts.leaks_into(&refusal.to_wire()));
    }
    ring.counts.misbehave(None);
    let ledger = ring.ledger_from(from);
    assert_eq!(ledger.acts(), [""; 0]);
    ring.await_refused(rule, 1);
    for (_, leaf) in &ledger.leaves {
        assert!(!ring.counts.leaks_into(leaf), "a faulty signature is in the journal");
    }
    if rule == Rule::SignatureFaulty {
        // The key is set aside until a restart.
        let signs = ring.counts.signs();
        assert_eq!(ring.call(&order).unwrap_err().rule, rule);
        assert_eq!(ring.counts.signs(), signs);
        ring.restart();
    }
    ring.call(&order).unwrap();
    ring.call(&crl).unwrap();
    ring.call(&ocsp).unwrap();
}

#[test]
fn releases_no_signature_with_a_bit_flipped() {
    releases_nothing(Misdeed::FlippedBit, Rule::SignatureFaulty);
}

#[test]
fn releases_no_signature_of_yesterday() {
    releases_nothing(Misdeed::Yesterdays, Rule::SignatureFaulty);
}

#[test]
fn releases_no_signature_of_no_octets() {
    releases_nothing(Misdeed::Nothing, Rule::SignatureFaulty);
}

#[test]
fn refuses_for_now_while_the_driver_does_not_answer() {
    releases_nothing(Misdeed::Unavailable, Rule::DriverUnavailable);
}

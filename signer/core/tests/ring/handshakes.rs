//! A `tls` key signs the server's part of TLS handshakes, and the journal has all of them.

use std::time::{Duration, Instant};

use signer_log::merkle;
use signer_proto::{
    EphemeralKey, Event, HandshakesSigned, HelloRandom, KeySpec, NamedGroup, Purpose, Rule,
    SignHandshake, SignKeyExchange, Transcript,
};
use x509::SignatureScheme;

use super::workshop::{Workshop, label};

/// RFC 8446 §4.4.3.
pub fn content(hash: &[u8]) -> Vec<u8> {
    [&[0x20; 64], b"TLS 1.3, server CertificateVerify".as_slice(), &[0], hash].concat()
}

fn policy(scheme: SignatureScheme) -> String {
    format!("version = 1\npurpose = \"tls\"\nsignature = \"{scheme}\"\nserver_names = [\"any\"]\n")
}

fn with_key(spec: KeySpec, scheme: SignatureScheme) -> Workshop {
    let workshop = Workshop::new();
    workshop.generate("tls", Purpose::Tls, spec);
    workshop.set_policy("tls", policy(scheme));
    workshop
}

fn asking(scheme: SignatureScheme, hash: &[u8]) -> SignHandshake {
    SignHandshake { key: label("tls"), scheme, transcript: Transcript(hash.to_vec()) }
}

fn leaves(workshop: &Workshop) -> Vec<HandshakesSigned> {
    let leaves = workshop.leaves().into_iter().filter_map(|leaf| match leaf.event {
        Event::HandshakesSigned(signed) => Some(signed),
        _ => None,
    });
    leaves.collect()
}

fn await_leaves(workshop: &Workshop, count: usize) -> Vec<HandshakesSigned> {
    let begun = Instant::now();
    loop {
        let found = leaves(workshop);
        if found.len() >= count {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{found:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

const P256: SignatureScheme = SignatureScheme::EcdsaP256Sha256;

#[test]
fn every_algorithm_signs_the_content_of_the_rfc() {
    for (spec, scheme) in [
        (KeySpec::P256, P256),
        (KeySpec::P384, SignatureScheme::EcdsaP384Sha384),
        (KeySpec::P521, SignatureScheme::EcdsaP521Sha512),
        (KeySpec::Ed25519, SignatureScheme::Ed25519),
    ] {
        let workshop = with_key(spec, scheme);
        for hash in [[7; 32].as_slice(), &[8; 48]] {
            let signed = workshop.call(asking(scheme, hash)).unwrap();
            let verified = workshop.public("tls").verify(scheme, &content(hash), &signed.signature);
            assert_eq!(verified, Ok(()), "{scheme}");
        }
    }
}

#[test]
fn key_exchanges_of_tls_12_are_counted_with_the_handshakes() {
    let workshop = with_key(KeySpec::P256, P256);
    let exchange = SignKeyExchange {
        key: label("tls"),
        scheme: P256,
        client_random: HelloRandom([1; 32]),
        server_random: HelloRandom([2; 32]),
        group: NamedGroup::X25519,
        ephemeral: EphemeralKey(vec![3; 32]),
    };
    let refused = workshop.call(exchange.clone()).unwrap_err();
    assert_eq!(refused.rule, Rule::HandshakeRefused);
    workshop.set_policy("tls", format!("{}tls12 = true\n", policy(P256)));
    workshop.call(exchange).unwrap();
    workshop.call(asking(P256, &[7; 32])).unwrap();
    let first = [&[1; 32][..], &[2; 32], &[3, 0, 29, 32], &[3; 32]].concat();
    workshop.clock.pass(1);
    let root = merkle::root([first, content(&[7; 32])]);
    let leaf = HandshakesSigned { key: workshop.describe("tls").id, count: 2, root };
    assert_eq!(await_leaves(&workshop, 1), [leaf]);
}

#[test]
fn handshakes_have_one_leaf_a_second_and_do_not_wait_for_it() {
    let workshop = with_key(KeySpec::P256, P256);
    let hashes: Vec<[u8; 32]> = (0..20).map(|n| [n; 32]).collect();
    for hash in &hashes {
        workshop.call(asking(P256, hash)).unwrap();
    }
    assert_eq!(leaves(&workshop), []);
    workshop.clock.pass(1);
    let root = merkle::root(hashes.iter().map(|hash| content(hash)));
    let key = workshop.describe("tls").id;
    assert_eq!(await_leaves(&workshop, 1), [HandshakesSigned { key, count: 20, root }]);
}

#[test]
fn an_ordinary_end_loses_none() {
    let mut workshop = with_key(KeySpec::P256, P256);
    workshop.call(asking(P256, &[1; 32])).unwrap();
    workshop.restart();
    let found = leaves(&workshop);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].count, found[0].root), (1, merkle::root([content(&[1; 32])])));
    workshop.call(asking(P256, &[2; 32])).unwrap();
}

#[test]
fn what_was_signed_under_a_policy_is_journaled_before_the_next_one() {
    let workshop = with_key(KeySpec::P256, P256);
    workshop.call(asking(P256, &[1; 32])).unwrap();
    workshop.set_policy("tls", policy(P256).replace("\"any\"", "\"localhost\""));
    let events = workshop.events();
    assert_eq!(events[events.len() - 2..], ["HandshakesSigned", "PolicySet"]);
}

#[test]
fn refuses_handshakes_by_other_keys_and_other_work_by_a_tls_key() {
    let workshop = Workshop::with_hierarchy();
    workshop.generate("tls", Purpose::Tls, KeySpec::P256);
    let asked = |key: &str| {
        let call = SignHandshake { key: label(key), ..asking(P256, &[7; 32]) };
        workshop.call(call).unwrap_err().rule
    };
    assert_eq!(asked("tls"), Rule::KeyNotActive);
    workshop.set_policy("tls", policy(P256));
    for key in ["root", "issuing", "ocsp", "log", "serial", "seal"] {
        assert_eq!(asked(key), Rule::PurposeMismatch, "{key}");
    }
    assert_eq!(asked("nobodys"), Rule::KeyUnknown);
    let mut order = workshop.order(&workshop.leaf("a.corp.example"));
    order.key = label("tls");
    assert_eq!(workshop.call(order).unwrap_err().rule, Rule::PurposeMismatch);
    assert_eq!(leaves(&workshop), []);
}

#[test]
fn refuses_what_is_no_hash_of_a_transcript_or_another_algorithm() {
    let workshop = with_key(KeySpec::P256, P256);
    for length in [0, 31, 33, 47, 49, 64] {
        let refusal = workshop.call(asking(P256, &vec![7; length])).unwrap_err();
        assert_eq!(refusal.rule, Rule::HandshakeRefused, "{length}");
    }
    let over_long = workshop.call(asking(P256, &[7; 65])).unwrap_err();
    assert_eq!(over_long.rule, Rule::BodyMalformed);
    let other = workshop.call(asking(SignatureScheme::Ed25519, &[7; 32])).unwrap_err();
    assert_eq!(other.rule, Rule::HandshakeRefused);
    workshop.clock.pass(2);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(leaves(&workshop), []);
}

#[test]
fn a_locked_ring_signs_no_handshake() {
    let mut workshop = with_key(KeySpec::P256, P256);
    workshop.restart_locked();
    let refusal = workshop.call(asking(P256, &[7; 32])).unwrap_err();
    assert_eq!(refusal.rule, Rule::Locked);
}

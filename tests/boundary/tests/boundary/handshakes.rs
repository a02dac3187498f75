//! The server's TLS key as a way around: keys asked for handshakes that are for something else,
//! the `tls` key asked for something else, and what is no hash of a transcript or, of TLS 1.2, no
//! ephemeral key.

use kit::{ISSUING, OTHER, RESPONDER, ROOT, Ring, label};
use signer_proto::{
    BuildCrl, CertIdHash, EphemeralKey, HelloRandom, KeySpec, Kind, MintSerials, NamedGroup,
    OcspItem, OcspItems, OcspNonce, OcspSubject, OcspSubjects, Purpose, Revoke, Rule,
    SignHandshake, SignKeyExchange, SignOcsp, Socket, Transcript, Wire,
};
use x509::{CrlReason, KeyUsage, SignatureScheme, oids};

const TLS: &str = "tls";
const POLICY: &str = "version = 1\npurpose = \"tls\"\nsignature = \"ecdsa-p256-sha256\"\n\
    server_names = [\"www.corp.example\"]\n";

fn ring() -> Ring {
    let ring = Ring::start();
    ring.generate(TLS, Purpose::Tls, KeySpec::P256);
    ring.set_policy(TLS, POLICY);
    ring
}

/// A ring whose `tls` key signs key exchanges of TLS 1.2, too.
fn ring_with_tls12() -> Ring {
    let ring = ring();
    ring.set_policy(TLS, &format!("{POLICY}tls12 = true\n"));
    ring
}

fn key_exchange(key: &str) -> SignKeyExchange {
    SignKeyExchange {
        key: label(key),
        scheme: SignatureScheme::EcdsaP256Sha256,
        client_random: HelloRandom([0x11; 32]),
        server_random: HelloRandom([0x22; 32]),
        group: NamedGroup::X25519,
        ephemeral: EphemeralKey(vec![0x33; 32]),
    }
}

fn handshake(key: &str) -> SignHandshake {
    SignHandshake {
        key: label(key),
        scheme: SignatureScheme::EcdsaP256Sha256,
        transcript: Transcript(vec![0x5a; 32]),
    }
}

#[test]
fn an_honest_handshake_is_signed_as_the_rfc_says() {
    let ring = ring();
    let call = handshake(TLS);
    let signed = ring.call(&call).unwrap();
    // RFC 8446 §4.4.3, written down once more.
    let content =
        [[b' '; 64].as_slice(), b"TLS 1.3, server CertificateVerify\0", &call.transcript.0]
            .concat();
    let public = ring.public(TLS);
    assert_eq!(public.verify(call.scheme, &content, &signed.signature), Ok(()));
    // The hash itself was not signed, as a digest would have been.
    assert!(public.verify(call.scheme, &call.transcript.0, &signed.signature).is_err());
}

#[test]
fn an_honest_key_exchange_of_tls_12_is_signed_as_the_rfc_says() {
    let ring = ring_with_tls12();
    let call = key_exchange(TLS);
    let signed = ring.call(&call).unwrap();
    // RFC 8422 §5.4, written down once more: curve type 3, x25519 is 29, 32 octets.
    let content =
        [&[0x11; 32][..], &[0x22; 32], &[3, 0, 29, 32], call.ephemeral.0.as_slice()].concat();
    let public = ring.public(TLS);
    assert_eq!(public.verify(call.scheme, &content, &signed.signature), Ok(()));
}

#[test]
fn refuses_a_key_exchange_of_tls_12_where_the_policy_does_not_say_so() {
    let ring = ring();
    let mut assault = ring.assault();
    assault.refused_call(Rule::HandshakeRefused, &key_exchange(TLS));
    assault.assert_held();
}

#[test]
fn refuses_a_key_exchange_by_every_key_that_is_not_for_them() {
    let ring = ring_with_tls12();
    let mut assault = ring.assault();
    for key in [ROOT, ISSUING, OTHER, RESPONDER, "log", "serial", "seal"] {
        assault.refused_call(Rule::PurposeMismatch, &key_exchange(key));
    }
    for socket in [Socket::Status, Socket::Va, Socket::Admin] {
        assault.refused(Rule::KindNotPermitted, ring.attack(socket, &key_exchange(TLS)));
    }
    assault.assert_held();
}

#[test]
fn refuses_a_key_exchange_whose_key_is_none_of_its_group() {
    let ring = ring_with_tls12();
    let mut assault = ring.assault();
    for (group, length) in [
        (NamedGroup::X25519, 0),
        (NamedGroup::X25519, 31),
        (NamedGroup::X25519, 65),
        (NamedGroup::Secp256r1, 32),
        // Uncompressed points begin with 4, and these do not.
        (NamedGroup::Secp256r1, 65),
        (NamedGroup::Secp384r1, 97),
        (NamedGroup::Secp384r1, 133),
    ] {
        let ephemeral = EphemeralKey(vec![0x30; length]);
        let call = SignKeyExchange { group, ephemeral, ..key_exchange(TLS) };
        assault.refused_call(Rule::HandshakeRefused, &call);
    }
    let scheme = SignatureScheme::EcdsaP384Sha384;
    let other = SignKeyExchange { scheme, ..key_exchange(TLS) };
    assault.refused_call(Rule::HandshakeRefused, &other);
    assault.assert_held();
}

#[test]
fn refuses_a_handshake_by_every_key_that_is_not_for_them() {
    let ring = ring();
    let mut assault = ring.assault();
    for key in [ROOT, ISSUING, OTHER, RESPONDER, "log", "serial", "seal"] {
        assault.refused_call(Rule::PurposeMismatch, &handshake(key));
    }
    assault.refused_call(Rule::KeyUnknown, &handshake("another-rings"));
    assault.assert_held();
}

#[test]
fn refuses_a_handshake_by_a_key_without_a_policy() {
    let ring = Ring::start();
    ring.generate(TLS, Purpose::Tls, KeySpec::P256);
    ring.attack(Socket::Issue, &handshake(TLS)).assert_refused(Rule::KeyNotActive);
}

#[test]
fn refuses_a_transcript_that_is_no_hash_of_tls_13() {
    let ring = ring();
    let mut assault = ring.assault();
    for length in [0, 1, 20, 31, 33, 47, 49, 64] {
        let call = SignHandshake { transcript: Transcript(vec![1; length]), ..handshake(TLS) };
        assault.refused_call(Rule::HandshakeRefused, &call);
    }
    assault.assert_held();
}

#[test]
fn refuses_a_whole_certificate_in_the_place_of_a_transcript() {
    let ring = ring();
    let call = SignHandshake { transcript: Transcript(ring.leaf().der()), ..handshake(TLS) };
    let octets = call.to_wire();
    assert!(octets.len() > 256);
    // More than the kind takes: the header alone is read.
    ring.attack_body(Socket::Issue, Kind::SignHandshake, &octets)
        .assert_refused(Rule::FrameMalformed);
    let short = SignHandshake { transcript: Transcript(vec![0x30; 65]), ..handshake(TLS) };
    ring.attack(Socket::Issue, &short).assert_refused(Rule::BodyMalformed);
}

#[test]
fn refuses_a_handshake_by_another_algorithm() {
    let ring = ring();
    let mut assault = ring.assault();
    for scheme in [
        SignatureScheme::EcdsaP256Sha384,
        SignatureScheme::EcdsaP384Sha384,
        SignatureScheme::RsaPssSha256,
        SignatureScheme::RsaPkcs1Sha256,
        SignatureScheme::Ed25519,
    ] {
        let call = SignHandshake { scheme, ..handshake(TLS) };
        assault.refused_call(Rule::HandshakeRefused, &call);
    }
    assault.assert_held();
}

#[test]
fn refuses_a_handshake_on_every_other_socket() {
    let ring = ring();
    let mut assault = ring.assault();
    for socket in [Socket::Status, Socket::Va, Socket::Admin] {
        assault.refused(Rule::KindNotPermitted, ring.attack(socket, &handshake(TLS)));
    }
    assault.assert_held();
}

#[test]
fn refuses_a_handshake_of_a_locked_ring() {
    let mut ring = ring();
    ring.stop();
    ring.try_open().unwrap();
    ring.attack(Socket::Issue, &handshake(TLS)).assert_unavailable(Rule::Locked);
}

#[test]
fn refuses_everything_else_by_the_tls_key() {
    let ring = ring();
    let serial = ring.issue().tbs().serial;
    let next_update = ring.clock.now().plus_seconds(3600);
    let subjects = OcspSubjects(vec![OcspSubject { hash: CertIdHash::Sha1, serial }]);
    let items = OcspItems(vec![OcspItem { subjects, nonce: OcspNonce(Vec::new()) }]);
    let mut order = ring.order(&ring.leaf());
    order.key = label(TLS);
    let draft = ring.authority("CN=Mine", kit::SubjectKey::new().public());
    let mut authority = ring.authority_order(&draft);
    authority.key = label(TLS);
    let responses = SignOcsp { responder: label(TLS), issuer: label(ISSUING), next_update, items };
    let revoke =
        Revoke { key: label(TLS), serial, reason: CrlReason::Unspecified, invalidity: None };

    let mut assault = ring.assault();
    let rule = Rule::PurposeMismatch;
    assault.refused_call(rule, &order);
    assault.refused_call(rule, &authority);
    assault.refused_call(rule, &MintSerials { key: label(TLS), count: 1 });
    assault.refused_call(rule, &BuildCrl { key: label(TLS), shard: 0, next_update });
    assault.refused_call(rule, &responses);
    assault.refused_call(rule, &revoke);
    assault.assert_held();
}

#[test]
fn refuses_a_certificate_for_the_tls_key_under_another_name_or_for_another_use() {
    let ring = ring();
    let certified = |bend: fn(&mut kit::Draft)| {
        let mut draft = ring.leaf();
        draft.names(vec![kit::dns("www.corp.example")]);
        draft.rekey(&ring.public(TLS));
        draft.extended(&[oids::EKU_SERVER_AUTH]);
        bend(&mut draft);
        ring.order(&draft)
    };
    ring.call(&certified(|_| {})).unwrap();
    let mut assault = ring.assault();
    for (rule, order) in [
        (
            Rule::NameNotPermitted,
            certified(|draft| draft.names(vec![kit::dns("bank.corp.example")])),
        ),
        (Rule::NameNotPermitted, certified(|draft| draft.names(vec![kit::dns("*.corp.example")]))),
        (
            Rule::ExtendedKeyUsageRefused,
            certified(|draft| draft.extended(&[oids::EKU_SERVER_AUTH, oids::EKU_CLIENT_AUTH])),
        ),
        (
            Rule::KeyUsageRefused,
            certified(|draft| {
                draft.usage(KeyUsage::DIGITAL_SIGNATURE.union(KeyUsage::KEY_AGREEMENT));
            }),
        ),
        (Rule::ResponderKeyNotPinned, certified(|draft| draft.extended(&[oids::EKU_OCSP_SIGNING]))),
        (Rule::RegistrationKeyNotPinned, certified(|draft| draft.extended(&[oids::EKU_CMC_RA]))),
        (Rule::AuthorityNotHere, certified(|draft| draft.constraints(true, None))),
    ] {
        assault.refused_call(rule, &order);
    }
    assault.assert_held();
}

#[test]
fn a_policy_of_another_purpose_does_not_make_a_tls_key_something_else() {
    let ring = ring();
    let mut assault = ring.assault();
    for (key, text) in [(TLS, kit::Plan::default().responder), (RESPONDER, POLICY.to_owned())] {
        let call = signer_proto::SetPolicy {
            key: label(key),
            previous: ring.describe(key).policy.map(|policy| policy.digest),
            text: signer_proto::PolicyText(text),
            warrant: signer_proto::Warrant::none(),
        };
        assault.refused_call(Rule::PurposeMismatch, &call);
    }
    assault.assert_held();
}

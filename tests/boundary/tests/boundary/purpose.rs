//! Keys asked for what they are not for: purposes never mix.

use kit::{ISSUING, OTHER, RESPONDER, ROOT, Ring, SubjectKey, label, name};
use signer_proto::{
    BuildCrl, CertIdHash, Hold, MintSerials, OcspItem, OcspItems, OcspNonce, OcspSubject,
    OcspSubjects, Revoke, Rule, SignCaRequest, SignOcsp, Socket, Warrant,
};
use x509::{
    BasicConstraints, CertificationRequestInfo, CrlReason, Extension, ExtensionValue, Extensions,
    KeyUsage, oids,
};

refuses_leaf! {
    refuses_a_responder_with_a_key_of_its_own => ResponderKeyNotPinned,
        |ring, draft| draft.become_responder(SubjectKey::new().public());
    refuses_a_responder_with_the_issuers_key => KeyIsIssuers,
        |ring, draft| draft.become_responder(&ring.public(ISSUING));
    refuses_a_responder_with_the_key_of_another_ca => ResponderKeyNotPinned,
        |ring, draft| draft.become_responder(&ring.public(OTHER));
    refuses_ocsp_signing_beside_server_auth => ExtendedKeyUsageRefused, |ring, draft| {
        draft.become_responder(&ring.public(RESPONDER));
        draft.extended(&[oids::EKU_OCSP_SIGNING, oids::EKU_SERVER_AUTH]);
    };
    refuses_ocsp_signing_in_a_servers_certificate => ResponderKeyNotPinned,
        |ring, draft| draft.extended(&[oids::EKU_SERVER_AUTH, oids::EKU_OCSP_SIGNING]);
    refuses_a_responder_with_host_names => ExtensionRefused, |ring, draft| {
        draft.become_responder(&ring.public(RESPONDER));
        draft.names(vec![kit::dns("www.corp.example")]);
    };
    refuses_a_responder_without_no_check => ExtensionMissing, |ring, draft| {
        draft.become_responder(&ring.public(RESPONDER));
        draft.without(oids::EXT_OCSP_NO_CHECK);
    };
    refuses_a_responder_that_is_a_ca => AuthorityNotHere, |ring, draft| {
        draft.become_responder(&ring.public(RESPONDER));
        draft.constraints(true, None);
    };
    refuses_a_registration_authority_with_a_key_of_its_own => RegistrationKeyNotPinned,
        |ring, draft| draft.extended(&[oids::EKU_CMC_RA]);
    refuses_a_registration_authority_beside_a_client => RegistrationKeyNotPinned,
        |ring, draft| draft.extended(&[oids::EKU_CLIENT_AUTH, oids::EKU_CMC_RA]);
    refuses_ca_true_in_a_leaf => AuthorityNotHere,
        |ring, draft| draft.constraints(true, None);
    refuses_ca_true_with_path_length_zero_in_a_leaf => AuthorityNotHere,
        |ring, draft| draft.become_authority(Some(0));
    refuses_cert_sign_in_a_leaf => AuthorityNotHere, |ring, draft| {
        draft.usage(KeyUsage::DIGITAL_SIGNATURE.union(KeyUsage::KEY_CERT_SIGN));
    };
    refuses_crl_sign_in_a_leaf => KeyUsageRefused, |ring, draft| {
        draft.usage(KeyUsage::DIGITAL_SIGNATURE.union(KeyUsage::CRL_SIGN));
    };
}

#[test]
fn refuses_a_responder_certified_by_a_ca_that_it_does_not_speak_for() {
    let ring = Ring::start();
    let mut draft = ring.leaf_of(OTHER, kit::OTHER_NAME);
    draft.become_responder(&ring.public(RESPONDER));
    let mut order = ring.order(&draft);
    order.key = label(OTHER);
    order.policy = ring.policy(OTHER);
    ring.attack(Socket::Issue, &order).assert_refused(Rule::ResponderKeyNotPinned);
}

#[test]
fn refuses_a_leaf_from_every_key_that_is_not_for_leaves() {
    let ring = Ring::start();
    let mut assault = ring.assault();
    for (key, rule) in [
        (ROOT, Rule::PurposeMismatch),
        (RESPONDER, Rule::PurposeMismatch),
        ("log", Rule::PurposeMismatch),
        ("serial", Rule::PurposeMismatch),
        ("seal", Rule::PurposeMismatch),
        ("another-rings", Rule::KeyUnknown),
    ] {
        let mut order = ring.order(&ring.leaf());
        order.key = label(key);
        assault.refused_call(rule, &order);
    }
    assault.assert_held();
}

#[test]
fn refuses_a_ca_certificate_from_every_key_that_is_not_for_them() {
    let ring = Ring::start();
    let mut assault = ring.assault();
    for key in [ISSUING, RESPONDER, "log", "seal"] {
        let draft = ring.authority("CN=Mine", SubjectKey::new().public());
        let mut order = ring.authority_order(&draft);
        order.key = label(key);
        assault.refused_call(Rule::PurposeMismatch, &order);
    }
    assault.assert_held();
}

#[test]
fn refuses_a_crl_from_every_key_that_is_no_cas() {
    let ring = Ring::start();
    let mut assault = ring.assault();
    for (key, rule) in [
        (RESPONDER, Rule::PurposeMismatch),
        ("log", Rule::PurposeMismatch),
        ("another-rings", Rule::KeyUnknown),
    ] {
        let call = BuildCrl {
            key: label(key),
            shard: 0,
            next_update: ring.clock.now().plus_seconds(3600),
        };
        assault.refused_call(rule, &call);
    }
    assault.assert_held();
}

#[test]
fn refuses_ocsp_responses_from_every_key_that_is_no_responders() {
    let ring = Ring::start();
    let subject = OcspSubject { hash: CertIdHash::Sha1, serial: ring.issue().tbs().serial };
    let items = OcspItems(vec![OcspItem {
        subjects: OcspSubjects(vec![subject]),
        nonce: OcspNonce(Vec::new()),
    }]);
    let mut assault = ring.assault();
    for (responder, issuer, rule) in [
        (ISSUING, ISSUING, Rule::PurposeMismatch),
        (ROOT, ISSUING, Rule::PurposeMismatch),
        ("log", ISSUING, Rule::PurposeMismatch),
        (RESPONDER, RESPONDER, Rule::PurposeMismatch),
        // CRL status only (DESIGN §1 rule 5).
        (RESPONDER, ROOT, Rule::PurposeMismatch),
        (RESPONDER, OTHER, Rule::ResponderNotForIssuer),
        (RESPONDER, "another-rings", Rule::KeyUnknown),
        ("another-rings", ISSUING, Rule::KeyUnknown),
    ] {
        let call = SignOcsp {
            responder: label(responder),
            issuer: label(issuer),
            next_update: ring.clock.now().plus_seconds(3600),
            items: items.clone(),
        };
        assault.refused_call(rule, &call);
    }
    assault.assert_held();
}

#[test]
fn refuses_serials_for_every_key_that_certifies_nothing() {
    let ring = Ring::start();
    let mut assault = ring.assault();
    for (key, rule) in [
        (RESPONDER, Rule::PurposeMismatch),
        ("serial", Rule::PurposeMismatch),
        ("another-rings", Rule::KeyUnknown),
    ] {
        let call = MintSerials { key: label(key), count: 1 };
        assault.refused_call(rule, &call);
    }
    assault.assert_held();
}

#[test]
fn refuses_revocations_for_every_key_that_certifies_nothing() {
    let ring = Ring::start();
    let serial = ring.issue().tbs().serial;
    let mut assault = ring.assault();
    for key in [RESPONDER, "log", "serial"] {
        let revoke =
            Revoke { key: label(key), serial, reason: CrlReason::Unspecified, invalidity: None };
        assault.refused_call(Rule::PurposeMismatch, &revoke);
        let hold = Hold { key: label(key), serial };
        assault.refused_call(Rule::PurposeMismatch, &hold);
    }
    assault.assert_held();
}

#[test]
fn refuses_a_csr_for_a_key_that_is_no_cas() {
    let ring = Ring::start();
    let constraints = BasicConstraints { ca: true, path_len: None };
    let value = ExtensionValue::BasicConstraints(constraints);
    let info = CertificationRequestInfo {
        subject: name("CN=Mine"),
        public_key: ring.public(RESPONDER),
        extensions: Extensions::new(vec![Extension::critical(value)]).unwrap(),
    };
    let call = SignCaRequest {
        key: label(RESPONDER),
        info: info.encode().unwrap(),
        warrant: Warrant::none(),
    };
    ring.attack(Socket::Admin, &call).assert_refused(Rule::PurposeMismatch);
}

#[test]
fn an_honest_responder_is_certified() {
    // What the refusals above would also look like if no responder were admitted.
    let ring = Ring::start();
    ring.call(&ring.order(&ring.responder())).unwrap();
}

//! Whoever reaches admin.sock is held against the policy too.

use kit::der::{bend, tbs};
use kit::{DAY, ISSUING, ROOT, ROOT_NAME, Ring, SubjectKey, label, name};
use signer_proto::{
    Approval, Approvals, GenerateKey, KeySpec, PolicyText, Purpose, Rule, SetPolicy, SignAuthority,
    SignCaRequest, Socket, Warrant,
};
use x509::{
    BasicConstraints, CertificationRequestInfo, Extension, ExtensionValue, Extensions, KeyKind,
    NameConstraints, NameSubtree, PublicKey, SignatureScheme, TbsCertificateDer, oids,
};

/// One test for each way to bend an honest subordinate, which the root is then asked to sign.
macro_rules! refuses_authority {
    ($($name:ident => $rule:ident, |$ring:ident, $draft:ident| $bend:expr;)*) => {$(
        #[test]
        fn $name() {
            let $ring = &Ring::start();
            let mut $draft = $ring.authority("CN=Sub,O=Corp", SubjectKey::new().public());
            $bend;
            let order = $ring.authority_order(&$draft);
            $ring.attack(Socket::Admin, &order).assert_refused(Rule::$rule);
        }
    )*};
}

fn constrained(permitted: Vec<NameSubtree>) -> Extension {
    let constraints = NameConstraints { permitted, excluded: Vec::new() };
    Extension::critical(ExtensionValue::NameConstraints(constraints))
}

fn domain(text: &str) -> NameSubtree {
    NameSubtree::Dns(text.to_owned())
}

refuses_authority! {
    refuses_a_leaf_from_the_root => BasicConstraintsRefused, |ring, draft| {
        let mut leaf = ring.leaf();
        leaf.serial = draft.serial;
        leaf.signature = draft.signature;
        leaf.issuer = draft.issuer.clone();
        leaf.issued_by(&ring.public(ROOT));
        draft = leaf;
    };
    refuses_a_path_length_that_is_not_below_the_ceiling => PathLengthRefused,
        |ring, draft| draft.constraints(true, Some(2));
    refuses_a_subordinate_without_a_path_length => PathLengthRefused,
        |ring, draft| draft.constraints(true, None);
    refuses_a_subordinate_with_the_roots_name => PathLengthRefused,
        |ring, draft| draft.subject = name(ROOT_NAME);
    refuses_wider_name_constraints => NameConstraintsWidened,
        |ring, draft| draft.set(constrained(vec![domain("example")]));
    refuses_name_constraints_for_everything => NameConstraintsWidened,
        |ring, draft| draft.set(constrained(vec![domain("")]));
    refuses_one_wider_name_constraint_among_narrow_ones => NameConstraintsWidened,
        |ring, draft| {
            draft.set(constrained(vec![domain("a.corp.example"), domain("bank.example")]));
        };
    refuses_constraints_of_another_form_only => NameConstraintsWidened, |ring, draft| {
        draft.set(constrained(vec![NameSubtree::Email("corp.example".to_owned())]));
    };
    refuses_no_name_constraints => ExtensionMissing,
        |ring, draft| draft.without(oids::EXT_NAME_CONSTRAINTS);
    refuses_a_subordinate_that_outlives_the_root => OutlivesIssuer, |ring, draft| {
        draft.not_before = kit::time("2025-12-31T00:00:00Z").max(draft.not_before);
        draft.not_after = kit::time("2045-01-01T00:00:01Z");
    };
    refuses_a_subordinate_valid_too_long => ValidityTooLong,
        |ring, draft| draft.not_after = draft.not_before.plus_seconds(7_307 * DAY);
    refuses_a_backdated_subordinate => BackdatedTooFar,
        |ring, draft| draft.not_before = ring.clock.now().plus_seconds(-2 * 3_600);
    refuses_a_subordinate_with_the_responders_key => KeyIsIssuers,
        |ring, draft| draft.rekey(&ring.public(kit::RESPONDER));
    refuses_a_subordinate_with_the_journals_key => KeyIsIssuers,
        |ring, draft| draft.rekey(&ring.public("log"));
    refuses_a_subordinate_with_a_kind_of_key_that_is_not_listed => KeyKindRefused,
        |ring, draft| draft.rekey(SubjectKey::of(KeyKind::Rsa2048).public());
    refuses_an_extended_key_usage_that_is_not_listed_for_subordinates => ExtensionRefused,
        |ring, draft| draft.extended(&[oids::EKU_OCSP_SIGNING]);
    refuses_a_subordinate_without_key_usage => ExtensionMissing,
        |ring, draft| draft.without(oids::EXT_KEY_USAGE);
    refuses_a_subordinate_without_its_own_identifier => ExtensionMissing,
        |ring, draft| draft.without(oids::EXT_SUBJECT_KEY_IDENTIFIER);
    refuses_ca_constraints_that_are_not_critical => ExtensionRefused,
        |ring, draft| draft.make_critical(oids::EXT_BASIC_CONSTRAINTS, false);
    refuses_name_constraints_that_are_not_critical => ExtensionRefused,
        |ring, draft| draft.make_critical(oids::EXT_NAME_CONSTRAINTS, false);
    refuses_a_subordinate_of_another_issuers_name => IssuerMismatch,
        |ring, draft| draft.issuer = name(kit::ISSUING_NAME);
    refuses_a_subordinate_with_the_identifier_of_another_issuer => AuthorityKeyIdMismatch,
        |ring, draft| draft.issued_by(&ring.public(ISSUING));
    refuses_a_subordinate_by_another_algorithm => AlgorithmRefused,
        |ring, draft| draft.signature = SignatureScheme::EcdsaP256Sha256;
    refuses_a_serial_that_was_minted_for_the_issuing_ca => SerialNotMinted,
        |ring, draft| draft.serial = ring.mint(ISSUING);
}

#[test]
fn refuses_a_root_with_the_name_of_somebody_else() {
    let ring = Ring::start();
    let mut draft = ring.authority(ROOT_NAME, &ring.public(ROOT));
    draft.subject = name("CN=Bank Root CA");
    ring.attack(Socket::Admin, &ring.authority_order(&draft)).assert_refused(Rule::KeyIsIssuers);
}

#[test]
fn refuses_a_ca_certificate_whose_bytes_are_not_strict() {
    let ring = Ring::start();
    let draft = ring.authority("CN=Sub,O=Corp", SubjectKey::new().public());
    let bent = bend(&draft.der(), |node| {
        let usage = kit::der::find_extension(node, oids::EXT_KEY_USAGE);
        *usage.at(&[1]).content() = vec![1];
    });
    let call =
        SignAuthority { tbs: TbsCertificateDer::from_vec(bent), ..ring.authority_order(&draft) };
    ring.attack(Socket::Admin, &call).assert_refused(Rule::DerNotStrict);
    assert!(!tbs::EXTENSIONS.is_empty());
}

#[test]
fn refuses_approvals_that_nobody_can_check() {
    let ring = Ring::start();
    let signature = Approval(b"-----BEGIN SSH SIGNATURE-----".to_vec());
    let warrant = Warrant { approvals: Approvals(vec![signature]), ..Warrant::none() };
    let draft = ring.authority("CN=Sub,O=Corp", SubjectKey::new().public());
    let mut assault = ring.assault();
    let generate = GenerateKey {
        label: label("new"),
        purpose: Purpose::CertAndCrl,
        spec: KeySpec::P256,
        warrant: warrant.clone(),
    };
    assault.refused_call(Rule::ApprovalMissing, &generate);
    let mut order = ring.authority_order(&draft);
    order.warrant = warrant.clone();
    assault.refused_call(Rule::ApprovalMissing, &order);
    let policy = SetPolicy {
        key: label(ISSUING),
        previous: Some(ring.policy(ISSUING)),
        text: PolicyText(kit::Plan::default().issuing),
        warrant: warrant.clone(),
    };
    assault.refused_call(Rule::ApprovalMissing, &policy);
    let request = SignCaRequest { warrant, ..ca_request(ISSUING, &ring.public(ISSUING)) };
    assault.refused_call(Rule::ApprovalMissing, &request);
    assault.assert_held();
}

#[test]
fn refuses_a_key_in_the_place_of_another() {
    let ring = Ring::start();
    let mut assault = ring.assault();
    for taken in [ISSUING, ROOT, "log", "serial", "seal"] {
        let call = GenerateKey {
            label: label(taken),
            purpose: Purpose::CertAndCrl,
            spec: KeySpec::P256,
            warrant: Warrant::none(),
        };
        assault.refused_call(Rule::KeyExists, &call);
    }
    assault.assert_held();
}

#[test]
fn refuses_a_second_house_key() {
    let ring = Ring::start();
    let mut assault = ring.assault();
    for (purpose, spec) in [
        (Purpose::Log, KeySpec::Ed25519),
        (Purpose::Serial, KeySpec::HmacSha256),
        (Purpose::Seal, KeySpec::Aes256),
    ] {
        let call = GenerateKey { label: label("new"), purpose, spec, warrant: Warrant::none() };
        assault.refused_call(Rule::PurposeMismatch, &call);
    }
    assault.assert_held();
}

#[test]
fn refuses_a_symmetric_key_for_a_ca() {
    let ring = Ring::start();
    let mut assault = ring.assault();
    for spec in [KeySpec::HmacSha256, KeySpec::Aes256] {
        let call = GenerateKey {
            label: label("new"),
            purpose: Purpose::CertAndCrl,
            spec,
            warrant: Warrant::none(),
        };
        assault.refused_call(Rule::KeySpecRefused, &call);
    }
    assault.assert_held();
}

#[test]
fn refuses_the_policy_of_another_purpose() {
    let ring = Ring::start();
    let mut assault = ring.assault();
    let plan = kit::Plan::default();
    for (key, text) in [
        (ISSUING, &plan.root),
        (ROOT, &plan.issuing),
        (kit::RESPONDER, &plan.issuing),
        (ISSUING, &plan.responder),
    ] {
        let call = SetPolicy {
            key: label(key),
            previous: Some(ring.policy(key)),
            text: PolicyText(text.clone()),
            warrant: Warrant::none(),
        };
        assault.refused_call(Rule::PurposeMismatch, &call);
    }
    assault.assert_held();
}

#[test]
fn refuses_a_policy_for_a_house_key() {
    let ring = Ring::start();
    let mut assault = ring.assault();
    for key in ["log", "serial", "seal"] {
        let call = SetPolicy {
            key: label(key),
            previous: None,
            text: PolicyText(kit::Plan::default().issuing),
            warrant: Warrant::none(),
        };
        assault.refused_call(Rule::PurposeMismatch, &call);
    }
    assault.assert_held();
}

pub(crate) fn ca_request(key: &str, public: &PublicKey) -> SignCaRequest {
    let constraints = BasicConstraints { ca: true, path_len: None };
    let value = ExtensionValue::BasicConstraints(constraints);
    let info = CertificationRequestInfo {
        subject: name("CN=Corp Issuing CA,O=Corp"),
        public_key: public.clone(),
        extensions: Extensions::new(vec![Extension::critical(value)]).unwrap(),
    };
    SignCaRequest { key: label(key), info: info.encode().unwrap(), warrant: Warrant::none() }
}

#[test]
fn refuses_a_csr_for_the_key_of_somebody_else() {
    let ring = Ring::start();
    let mut assault = ring.assault();
    for public in [SubjectKey::new().public(), &ring.public(kit::OTHER), &ring.public("log")] {
        let call = ca_request(ISSUING, public);
        assault.refused_call(Rule::ProofOfPossessionRefused, &call);
    }
    assault.assert_held();
}

#[test]
fn refuses_a_leaf_from_a_key_that_has_no_policy_yet() {
    let ring = Ring::start();
    ring.generate("new", Purpose::CertAndCrl, KeySpec::P256);
    let mut draft = ring.leaf_of("new", "CN=New");
    draft.subject = name("CN=www.corp.example");
    let mut order = ring.order(&draft);
    order.key = label("new");
    ring.attack(Socket::Issue, &order).assert_refused(Rule::KeyNotActive);
}

#[test]
fn honest_acts_of_authority_are_done() {
    // What the refusals above would also look like if nothing were admitted.
    let ring = Ring::start();
    let draft = ring.authority("CN=Sub,O=Corp", SubjectKey::new().public());
    ring.call(&ring.authority_order(&draft)).unwrap();
    let renewed = ring.authority(ROOT_NAME, &ring.public(ROOT));
    ring.call(&ring.authority_order(&renewed)).unwrap();
    ring.call(&ca_request(ISSUING, &ring.public(ISSUING))).unwrap();
}

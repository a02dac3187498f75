//! Certificates beyond what the policy says, field by field.

use kit::der::{Node, bend, bend_extension, tbs};
use kit::{DAY, Plan, Ring, SubjectKey, label, name};
use signer::{Clock, SystemClock};
use signer_proto::{Digest, PolicyText, Rule, SetPolicy, Socket, Warrant};
use x509::{
    AccessDescription, AuthorityKeyIdentifier, DistributionPoint, Extension, ExtensionValue,
    GeneralName, KeyUsage, NameConstraints, NameSubtree, Oid, PolicyInformation, ReasonFlags,
    SignatureScheme, UnixTime, oids,
};

fn crl_at(uri: &str) -> Extension {
    let points = vec![DistributionPoint::uri(uri)];
    Extension::non_critical(ExtensionValue::CrlDistributionPoints(points))
}

fn access(method: Oid, uri: &str) -> Extension {
    let access = vec![AccessDescription::uri(method, uri)];
    Extension::non_critical(ExtensionValue::AuthorityInfoAccess(access))
}

refuses_leaf! {
    refuses_an_issuer_name_off_by_one_octet => IssuerMismatch,
        |ring, draft| draft.issuer = name("CN=Corp Issuing Ca,O=Corp");
    refuses_the_name_of_another_issuer => IssuerMismatch,
        |ring, draft| draft.issuer = name(kit::OTHER_NAME);
    refuses_the_roots_name_as_issuer => IssuerMismatch,
        |ring, draft| draft.issuer = name(kit::ROOT_NAME);
    refuses_an_issuer_name_in_another_order => IssuerMismatch,
        |ring, draft| draft.issuer = name("O=Corp,CN=Corp Issuing CA");
    refuses_no_authority_key_identifier => AuthorityKeyIdMismatch,
        |ring, draft| draft.without(oids::EXT_AUTHORITY_KEY_IDENTIFIER);
    refuses_the_authority_key_identifier_of_another_key => AuthorityKeyIdMismatch,
        |ring, draft| draft.issued_by(&ring.public(kit::OTHER));
    refuses_an_authority_key_identifier_with_issuer_and_serial => AuthorityKeyIdMismatch,
        |ring, draft| {
            let mut id =
                AuthorityKeyIdentifier::from_key_id(&ring.public(kit::ISSUING).key_identifier());
            id.authority_cert_issuer = vec![GeneralName::Directory(name(kit::ROOT_NAME))];
            id.authority_cert_serial = Some(draft.serial);
            draft.set(Extension::non_critical(ExtensionValue::AuthorityKeyIdentifier(id)));
        };
    refuses_an_end_over_the_ceiling => ValidityTooLong,
        |ring, draft| draft.not_after = draft.not_before.plus_seconds(398 * DAY + 1);
    refuses_a_beginning_backdated_too_far => BackdatedTooFar,
        |ring, draft| draft.not_before = ring.clock.now().plus_seconds(-3_700);
    refuses_a_beginning_too_far_ahead => NotYetTooFar,
        |ring, draft| draft.not_before = ring.clock.now().plus_seconds(600);
    refuses_an_end_that_is_past => ValidityInverted,
        |ring, draft| draft.not_after = ring.clock.now().plus_seconds(-1);

    refuses_any_extended_key_usage => ExtendedKeyUsageRefused,
        |ring, draft| draft.extended(&[oids::EKU_ANY]);
    refuses_any_extended_key_usage_beside_a_listed_one => ExtendedKeyUsageRefused,
        |ring, draft| draft.extended(&[oids::EKU_SERVER_AUTH, oids::EKU_ANY]);
    refuses_code_signing_through_a_tls_key => ExtendedKeyUsageRefused,
        |ring, draft| draft.extended(&[oids::EKU_CODE_SIGNING]);
    refuses_time_stamping_through_a_tls_key => ExtendedKeyUsageRefused,
        |ring, draft| draft.extended(&[oids::EKU_SERVER_AUTH, oids::EKU_TIME_STAMPING]);
    refuses_smart_card_logon_that_is_not_listed => ExtendedKeyUsageRefused,
        |ring, draft| draft.extended(&[oids::EKU_CLIENT_AUTH, oids::EKU_SMARTCARD_LOGON]);
    refuses_an_extended_key_usage_that_nobody_knows => ExtendedKeyUsageRefused,
        |ring, draft| draft.extended(&[Oid::new_unwrap("1.3.6.1.4.1.99999.2")]);
    refuses_no_extended_key_usage_which_means_all => ExtensionMissing,
        |ring, draft| draft.without(oids::EXT_EXTENDED_KEY_USAGE);
    refuses_no_key_usage_which_means_all => ExtensionMissing,
        |ring, draft| draft.without(oids::EXT_KEY_USAGE);
    refuses_a_key_usage_that_is_not_listed => KeyUsageRefused, |ring, draft| {
        draft.usage(KeyUsage::DIGITAL_SIGNATURE.union(KeyUsage::CONTENT_COMMITMENT));
    };
    refuses_key_usage_that_is_not_critical => ExtensionRefused,
        |ring, draft| draft.make_critical(oids::EXT_KEY_USAGE, false);
    refuses_critical_names_beside_a_subject => ExtensionRefused,
        |ring, draft| draft.make_critical(oids::EXT_SUBJECT_ALT_NAME, true);
    refuses_a_critical_authority_key_identifier => ExtensionRefused,
        |ring, draft| draft.make_critical(oids::EXT_AUTHORITY_KEY_IDENTIFIER, true);

    refuses_a_certificate_policy_that_is_not_listed => CertificatePolicyRefused, |ring, draft| {
        let policy = PolicyInformation::new(Oid::new_unwrap("2.23.140.1.1"));
        draft.set(Extension::non_critical(ExtensionValue::CertificatePolicies(vec![policy])));
    };
    refuses_any_certificate_policy => CertificatePolicyRefused, |ring, draft| {
        let policy = PolicyInformation::new(oids::POLICY_ANY);
        draft.set(Extension::non_critical(ExtensionValue::CertificatePolicies(vec![policy])));
    };
    refuses_a_crl_at_another_place => ExtensionRefused,
        |ring, draft| draft.set(crl_at("http://bank.example/1.crl"));
    refuses_a_crl_at_a_place_that_begins_alike => ExtensionRefused,
        |ring, draft| draft.set(crl_at("http://pki.corp.example.evil.example/1.crl"));
    refuses_a_crl_on_this_machines_disk => ExtensionRefused,
        |ring, draft| draft.set(crl_at("file:///etc/passwd"));
    refuses_a_crl_for_some_reasons_only => ExtensionRefused, |ring, draft| {
        let mut point = DistributionPoint::uri("http://pki.corp.example/1.crl");
        point.reasons = ReasonFlags::from_bits(2);
        assert!(point.reasons.is_some());
        draft.set(Extension::non_critical(ExtensionValue::CrlDistributionPoints(vec![point])));
    };
    refuses_a_crl_of_another_issuer => ExtensionRefused, |ring, draft| {
        let mut point = DistributionPoint::uri("http://pki.corp.example/1.crl");
        point.crl_issuer = vec![GeneralName::Directory(name("CN=Somebody"))];
        draft.set(Extension::non_critical(ExtensionValue::CrlDistributionPoints(vec![point])));
    };
    refuses_a_responder_at_another_place => ExtensionRefused,
        |ring, draft| draft.set(access(oids::AD_OCSP, "http://bank.example/"));
    refuses_an_access_method_that_is_not_for_status => ExtensionRefused,
        |ring, draft| draft.set(access(oids::AD_CA_REPOSITORY, "http://pki.corp.example/"));
    refuses_a_tls_feature_that_is_not_stapling => ExtensionRefused, |ring, draft| {
        draft.set(Extension::non_critical(ExtensionValue::TlsFeature(vec![17])));
    };
    refuses_no_check_for_a_server => ExtensionRefused,
        |ring, draft| draft.set(Extension::non_critical(ExtensionValue::OcspNoCheck));
    refuses_name_constraints_in_a_leaf => ExtensionRefused, |ring, draft| {
        let constraints = NameConstraints {
            permitted: vec![NameSubtree::Dns("corp.example".to_owned())],
            excluded: Vec::new(),
        };
        draft.set(Extension::critical(ExtensionValue::NameConstraints(constraints)));
    };

    refuses_an_algorithm_that_the_policy_does_not_name => AlgorithmRefused,
        |ring, draft| draft.signature = SignatureScheme::EcdsaP384Sha384;
    refuses_an_rsa_algorithm_for_an_ec_key => AlgorithmRefused,
        |ring, draft| draft.signature = SignatureScheme::RsaPkcs1Sha256;
    refuses_an_own_serial => SerialNotMinted, |ring, draft| {
        draft.serial = x509::Serial::from_unsigned(&[0x11; 19]).unwrap();
    };
}

/// Replaces the AlgorithmIdentifier inside.
fn with_algorithm(der: &[u8], algorithm: &[u8]) -> Vec<u8> {
    bend(der, |tbs| *tbs.at(tbs::SIGNATURE) = Node::parse(algorithm))
}

refuses_bytes! {
    refuses_sha1_with_ecdsa => AlgorithmRefused,
        |der| with_algorithm(&der, b"\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x04\x01");
    refuses_sha1_with_rsa => AlgorithmRefused, |der| with_algorithm(
        &der, b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05\x05\x00");
    refuses_md5_with_rsa => AlgorithmRefused, |der| with_algorithm(
        &der, b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04\x05\x00");
    refuses_null_parameters_where_none_belong => AlgorithmRefused, |der| with_algorithm(
        &der, b"\x30\x0c\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02\x05\x00");
    refuses_an_algorithm_that_is_none => AlgorithmRefused,
        |der| with_algorithm(&der, b"\x30\x05\x06\x03\x2a\x03\x04");
    refuses_an_end_before_the_beginning => ValidityInverted,
        |der| bend(&der, |tbs| tbs.at(&[4]).inside().swap(0, 1));
    refuses_an_empty_issuer => IssuerMismatch,
        |der| bend(&der, |tbs| tbs.at(tbs::ISSUER).inside().clear());
    refuses_an_authority_key_identifier_cut_by_one_octet => AuthorityKeyIdMismatch,
        |der| bend_extension(&der, oids::EXT_AUTHORITY_KEY_IDENTIFIER, |value| {
            value.at(&[0]).content().pop();
        });
}

#[test]
fn refuses_an_end_later_than_the_issuers() {
    let end = SystemClock.wall_ms() / 1000 + 60 * DAY;
    let plan = Plan::default().issuing_but("2044-01-01T00:00:00Z", &UnixTime(end).to_string());
    let ring = Ring::start_with(plan);
    let mut draft = ring.leaf();
    draft.not_after = UnixTime(end + 1);
    ring.attack(Socket::Issue, &ring.order(&draft)).assert_refused(Rule::OutlivesIssuer);
}

#[test]
fn refuses_a_policy_digest_that_is_not_known() {
    let ring = Ring::start();
    let mut order = ring.order(&ring.leaf());
    order.policy = Digest([0x5a; 32]);
    ring.attack(Socket::Issue, &order).assert_refused(Rule::PolicyDigestUnknown);
}

#[test]
fn refuses_the_digest_of_another_keys_policy() {
    let ring = Ring::start();
    let mut order = ring.order(&ring.leaf());
    order.policy = ring.policy(kit::OTHER);
    ring.attack(Socket::Issue, &order).assert_refused(Rule::PolicyDigestUnknown);
}

#[test]
fn refuses_the_digest_of_an_older_policy() {
    let ring = Ring::start();
    let order = ring.order(&ring.leaf());
    ring.set_policy(kit::ISSUING, &Plan::default().issuing.replace("398d", "397d"));
    ring.attack(Socket::Issue, &order).assert_refused(Rule::PolicyDigestUnknown);
}

#[test]
fn refuses_what_is_over_the_budget_of_an_hour() {
    let ring =
        Ring::start_with(Plan::default().inside().issuing_but("per_hour = 100000", "per_hour = 3"));
    for _ in 0..3 {
        let _ = ring.issue();
    }
    let order = ring.order(&ring.leaf());
    let mut assault = ring.assault();
    assault.refused_call(Rule::BudgetExhausted, &order);
    ring.clock.pass(62 * 60);
    assault.assert_held();
}

#[test]
fn refuses_what_is_over_the_budget_of_a_day_also_after_a_restart() {
    let plan = Plan::default().inside().issuing_but("per_day = 1000000", "per_day = 3");
    let mut ring = Ring::start_with(plan.issuing_but("per_hour = 100000", "per_hour = 3"));
    for _ in 0..3 {
        let _ = ring.issue();
    }
    ring.clock.pass(62 * 60);
    ring.restart();
    let mut assault = ring.assault();
    assault.refused_call(Rule::BudgetExhausted, &ring.order(&ring.leaf()));
    ring.clock.pass(25 * 3600);
    assault.assert_held();
}

#[test]
fn refuses_more_at_once_than_the_budget_has_left() {
    let ring = Ring::start_with(Plan::default().issuing_but("per_hour = 100000", "per_hour = 5"));
    let orders: Vec<_> = (0..20).map(|_| ring.order(&ring.leaf())).collect();
    let issued = std::thread::scope(|scope| {
        let ring = &ring;
        let ask = |order| scope.spawn(move || ring.call(order).map_err(|refusal| refusal.rule));
        let asked: Vec<_> = orders.iter().map(ask).collect();
        let mut issued = 0;
        for answer in asked {
            match answer.join().unwrap() {
                Ok(_) => issued += 1,
                Err(rule) => assert_eq!(rule, Rule::BudgetExhausted),
            }
        }
        issued
    });
    assert_eq!(issued, 5);
    assert_eq!(ring.ledger().certificates().count(), 5);
}

#[test]
fn refuses_a_policy_that_does_not_name_its_predecessor() {
    let ring = Ring::start();
    let mut assault = ring.assault();
    for previous in [None, Some(Digest([7; 32])), Some(ring.policy(kit::OTHER))] {
        let call = SetPolicy {
            key: label(kit::ISSUING),
            previous,
            text: PolicyText(Plan::default().issuing.replace("398d", "397d")),
            warrant: Warrant::none(),
        };
        assault.refused_call(Rule::PolicyPredecessor, &call);
    }
    assault.assert_held();
}

#[test]
fn refuses_a_policy_that_is_none() {
    let ring = Ring::start();
    let honest = Plan::default().issuing;
    let mut assault = ring.assault();
    for text in [
        String::new(),
        "\0".to_owned(),
        honest.replace("[certificates]", "[certificates]\nanything_else = true"),
        honest.replace("version = 1", "version = 2"),
        honest.replace("\"serverAuth\"", "\"OCSPSigning\""),
        honest.replace("\"serverAuth\"", "\"1.3.6.1.5.5.7.3.9\""),
        honest.replace("dns = [\"corp.example\"]", "dns = [\"any\", \"corp.example\"]"),
        honest.replace("max_validity = \"398d\"", "max_validity = \"-1d\""),
    ] {
        let call = SetPolicy {
            key: label(kit::ISSUING),
            previous: Some(ring.policy(kit::ISSUING)),
            text: PolicyText(text),
            warrant: Warrant::none(),
        };
        assault.refused_call(Rule::PolicyMalformed, &call);
    }
    assault.assert_held();
}

#[test]
fn an_honest_leaf_may_have_all_that_is_listed() {
    // What the refusals above would also look like if nothing were admitted.
    let ring = Ring::start();
    let mut draft = ring.leaf();
    draft.set(crl_at("http://pki.corp.example/1.crl"));
    draft.set(access(oids::AD_OCSP, "http://pki.corp.example/ocsp"));
    draft.set(Extension::non_critical(ExtensionValue::TlsFeature(vec![5])));
    let policy = PolicyInformation::new(Oid::new_unwrap("1.2.3.4"));
    draft.set(Extension::non_critical(ExtensionValue::CertificatePolicies(vec![policy])));
    draft.rekey(SubjectKey::new().public());
    ring.call(&ring.order(&draft)).unwrap();
}

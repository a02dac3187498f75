//! Leaf certificates: each honest kind is admitted, each bent one is refused by its very rule.

use signer_proto::{Purpose, Rule};
use x509::{
    AccessDescription, Attribute, AttributeType, AuthorityKeyIdentifier, CertificationRequestInfo,
    DistributionPoint, Extension, ExtensionValue, Extensions, GeneralName, KeyUsage, Name,
    NameConstraints, NameSubtree, Oid, PolicyInformation, SignatureScheme, oids,
};

use super::sample::*;
use super::{RingKey, sample_keys as keys};

fn email(address: &str) -> GeneralName {
    GeneralName::Email(address.to_owned())
}
fn upn(name: &str) -> GeneralName {
    GeneralName::Upn(name.to_owned())
}
fn uri(uri: &str) -> GeneralName {
    GeneralName::Uri(uri.to_owned())
}
fn policy(oid: &str) -> ExtensionValue {
    ExtensionValue::CertificatePolicies(vec![PolicyInformation::new(Oid::new_unwrap(oid))])
}
fn crl_at(uri: &str) -> Extension {
    let points = vec![DistributionPoint::uri(uri)];
    Extension::non_critical(ExtensionValue::CrlDistributionPoints(points))
}

#[test]
fn admits_each_kind_of_leaf() {
    let world = World::leaves();
    let mut stapled = server();
    stapled.set(Extension::non_critical(ExtensionValue::TlsFeature(vec![5])));
    stapled.set(Extension::non_critical(policy("1.2.3.4")));
    let mut wildcard = server();
    wildcard.subject = name("CN=*.dev.corp.example");
    wildcard.names(vec![dns("*.dev.corp.example")]);
    let mut rsa = server();
    rsa.rekey(keys::RSA);
    rsa.usage(KeyUsage::DIGITAL_SIGNATURE.union(KeyUsage::KEY_ENCIPHERMENT));
    let mut ed25519 = server();
    ed25519.rekey(keys::ED);
    let mut own_tls = server();
    own_tls.rekey(keys::TLS);
    let client =
        subject("CN=app.corp.example", &[oids::EKU_CLIENT_AUTH], vec![dns("app.corp.example")]);
    let mut user = subject(
        "CN=ann@corp.example,O=Corp",
        &[oids::EKU_CLIENT_AUTH, oids::EKU_EMAIL],
        vec![email("ann@corp.example"), upn("ann@corp.example")],
    );
    user.set(Extension::non_critical(ExtensionValue::MicrosoftSid("S-1-5-21-1-2-3-500".into())));
    let device =
        subject("", &[oids::EKU_CLIENT_AUTH], vec![uri("spiffe://corp.example/device/17")]);
    let kinds = [
        ("server", server()),
        ("stapled", stapled),
        ("wildcard", wildcard),
        ("rsa", rsa),
        ("ed25519", ed25519),
        ("own tls", own_tls),
        ("client", client),
        ("user", user),
        ("device", device),
        ("responder", responder()),
    ];
    for (kind, draft) in kinds {
        assert_eq!(world.admit(&draft), Ok(()), "{kind}");
    }
}

macro_rules! refuses {
    ($from:ident: $($name:ident => $rule:ident, |$draft:ident| $bend:expr;)*) => {$(
        #[test]
        fn $name() {
            let world = World::leaves();
            let mut $draft = $from();
            assert_eq!(world.verdict(&$draft), Ok(()));
            $bend;
            assert_eq!(world.verdict(&$draft), Err(Rule::$rule));
        }
    )*};
}

refuses! { server:
    refuses_another_algorithm => AlgorithmRefused, |d| d.signature = SignatureScheme::EcdsaP384Sha384;
    refuses_another_issuer => IssuerMismatch, |d| d.issuer = name("CN=Corp Issuing CB,O=Corp");
    refuses_an_issuer_in_another_case => IssuerMismatch, |d| d.issuer = name("CN=Corp issuing CA,O=Corp");
    refuses_no_authority_key_id => AuthorityKeyIdMismatch, |d| d.without(oids::EXT_AUTHORITY_KEY_IDENTIFIER);
    refuses_anothers_authority_key_id => AuthorityKeyIdMismatch, |d| {
        let other = AuthorityKeyIdentifier::from_key_id(&key(keys::OTHER).key_identifier());
        d.set(Extension::non_critical(ExtensionValue::AuthorityKeyIdentifier(other)));
    };
    refuses_an_authority_key_id_with_issuer_and_serial => AuthorityKeyIdMismatch, |d| {
        let mut more = AuthorityKeyIdentifier::from_key_id(&key(keys::ISSUER).key_identifier());
        more.authority_cert_issuer = vec![GeneralName::Directory(name("CN=a"))];
        more.authority_cert_serial = x509::Serial::from_unsigned(&[1]).ok();
        d.set(Extension::non_critical(ExtensionValue::AuthorityKeyIdentifier(more)));
    };
    refuses_anothers_subject_key_id => SubjectKeyIdMismatch, |d| d.key = key(keys::P384);
    refuses_a_validity_over_the_ceiling => ValidityTooLong, |d| d.not_after = d.not_before.plus_seconds(398 * DAY + 1);
    refuses_no_expiry => ValidityTooLong, |d| d.not_after = x509::UnixTime::NEVER;
    refuses_a_backdated_one => BackdatedTooFar, |d| d.not_before = now().plus_seconds(-3_601);
    refuses_one_from_the_future => NotYetTooFar, |d| d.not_before = now().plus_seconds(301);
    refuses_an_inverted_validity => ValidityInverted, |d| d.not_after = d.not_before;
    refuses_one_that_is_over => ValidityInverted, |d| d.not_after = now();
    refuses_ca_true => AuthorityNotHere, |d| d.constraints(true, Some(0));
    refuses_key_cert_sign => AuthorityNotHere, |d| d.usage(KeyUsage::DIGITAL_SIGNATURE.union(KeyUsage::KEY_CERT_SIGN));
    refuses_crl_sign => KeyUsageRefused, |d| d.usage(KeyUsage::CRL_SIGN);
    refuses_a_key_usage_that_is_not_listed => KeyUsageRefused, |d| {
        d.rekey(keys::RSA);
        d.usage(KeyUsage::DATA_ENCIPHERMENT);
    };
    refuses_encipherment_by_an_ec_key => KeyUsageRefused, |d| d.usage(KeyUsage::KEY_ENCIPHERMENT);
    refuses_agreement_by_an_rsa_key => KeyUsageRefused, |d| {
        d.rekey(keys::RSA);
        d.usage(KeyUsage::KEY_AGREEMENT);
    };
    refuses_agreement_by_an_ed25519_key => KeyUsageRefused, |d| {
        d.rekey(keys::ED);
        d.usage(KeyUsage::KEY_AGREEMENT);
    };
    refuses_no_key_usage => ExtensionMissing, |d| d.without(oids::EXT_KEY_USAGE);
    refuses_key_usage_that_is_not_critical => ExtensionRefused, |d| d.make_critical(oids::EXT_KEY_USAGE, false);
    refuses_no_extended_key_usage => ExtensionMissing, |d| d.without(oids::EXT_EXTENDED_KEY_USAGE);
    refuses_any_extended_key_usage => ExtendedKeyUsageRefused, |d| d.extended(&[oids::EKU_SERVER_AUTH, oids::EKU_ANY]);
    refuses_code_signing => ExtendedKeyUsageRefused, |d| d.extended(&[oids::EKU_CODE_SIGNING]);
    refuses_ocsp_signing_for_a_foreign_key => ResponderKeyNotPinned, |d| d.extended(&[oids::EKU_OCSP_SIGNING]);
    refuses_ocsp_signing_beside_server_auth => ResponderKeyNotPinned, |d| d.extended(&[oids::EKU_SERVER_AUTH, oids::EKU_OCSP_SIGNING]);
    refuses_a_registration_authority_with_a_foreign_key => RegistrationKeyNotPinned, |d| d.extended(&[oids::EKU_CMC_RA]);
    refuses_a_cmc_ca => RegistrationKeyNotPinned, |d| d.extended(&[Oid::new_unwrap("1.3.6.1.5.5.7.3.27")]);
    refuses_an_unknown_extension => ExtensionRefused, |d| d.set(Extension::non_critical(ExtensionValue::Unknown {
        oid: Oid::new_unwrap("1.2.3"), der: vec![5, 0] }));
    refuses_an_unknown_critical_extension => ExtensionRefused, |d| d.set(Extension::critical(ExtensionValue::Unknown {
        oid: Oid::new_unwrap("1.2.3"), der: vec![5, 0] }));
    refuses_name_constraints_in_a_leaf => ExtensionRefused, |d| {
        let value = NameConstraints { permitted: vec![NameSubtree::Dns("corp.example".into())], excluded: vec![] };
        d.set(Extension::critical(ExtensionValue::NameConstraints(value)));
    };
    refuses_no_check_for_a_subject => ExtensionRefused, |d| d.set(Extension::non_critical(ExtensionValue::OcspNoCheck));
    refuses_a_critical_key_identifier => ExtensionRefused, |d| d.make_critical(oids::EXT_SUBJECT_KEY_IDENTIFIER, true);
    refuses_a_critical_alternative_name_beside_a_subject => ExtensionRefused, |d| d.make_critical(oids::EXT_SUBJECT_ALT_NAME, true);
    refuses_an_alternative_name_that_is_not_critical_without_a_subject => ExtensionRefused, |d| d.subject = Name::empty();
    refuses_a_crl_elsewhere => ExtensionRefused, |d| d.set(crl_at("http://evil.example/1.crl"));
    refuses_a_crl_at_a_longer_host => ExtensionRefused, |d| d.set(crl_at("http://pki.corp.example.evil.example/1.crl"));
    refuses_a_crl_behind_userinfo => ExtensionRefused, |d| d.set(crl_at("http://pki.corp.example@evil.example/1.crl"));
    refuses_an_indirect_crl => ExtensionRefused, |d| {
        let mut point = DistributionPoint::uri("http://pki.corp.example/1.crl");
        point.crl_issuer = vec![GeneralName::Directory(name("CN=evil"))];
        d.set(Extension::non_critical(ExtensionValue::CrlDistributionPoints(vec![point])));
    };
    refuses_a_crl_for_some_reasons => ExtensionRefused, |d| {
        let mut point = DistributionPoint::uri("http://pki.corp.example/1.crl");
        point.reasons = x509::ReasonFlags::from_bits(2);
        d.set(Extension::non_critical(ExtensionValue::CrlDistributionPoints(vec![point])));
    };
    refuses_old_string_types_in_the_subject => NameMalformed, |d| {
        let old = x509::StringKind::Teletex;
        let attribute = Attribute::with_kind(AttributeType::Organization, old, "Corp").unwrap();
        d.subject = Name::from_rdns(vec![vec![attribute]]).unwrap();
    };
    refuses_a_responder_elsewhere => ExtensionRefused, |d| {
        let access = AccessDescription::uri(oids::AD_OCSP, "http://evil.example/");
        d.set(Extension::non_critical(ExtensionValue::AuthorityInfoAccess(vec![access])));
    };
    refuses_another_access_method => ExtensionRefused, |d| {
        let access = AccessDescription::uri(oids::AD_TIME_STAMPING, "http://pki.corp.example/");
        d.set(Extension::non_critical(ExtensionValue::AuthorityInfoAccess(vec![access])));
    };
    refuses_another_tls_feature => ExtensionRefused, |d| d.set(Extension::non_critical(ExtensionValue::TlsFeature(vec![5, 23])));
    refuses_a_certificate_policy_that_is_not_listed => CertificatePolicyRefused, |d| d.set(Extension::non_critical(policy("1.2.3.5")));
    refuses_a_name_outside => NameNotPermitted, |d| d.names(vec![dns("www.corp.example"), dns("www.evil.example")]);
    refuses_a_look_alike_name => NameNotPermitted, |d| d.names(vec![dns("www.corp.example"), dns("www.xn--crp-hoa.example")]);
    refuses_an_address_outside => NameNotPermitted, |d| d.names(vec![dns("www.corp.example"), GeneralName::Ip("11.0.0.1".parse().unwrap())]);
    refuses_a_name_inside_excluded => NameExcluded, |d| d.names(vec![dns("www.corp.example"), dns("A.Secret.corp.example")]);
    refuses_a_wildcard_over_an_excluded_name => NameExcluded, |d| d.names(vec![dns("www.corp.example"), dns("*.corp.example")]);
    refuses_a_mapped_address => NameMalformed, |d| d.names(vec![dns("www.corp.example"), GeneralName::Ip("::ffff:10.9.0.1".parse().unwrap())]);
    refuses_a_upn_beyond_ascii => NameMalformed, |d| d.names(vec![dns("www.corp.example"), upn("ann@c\u{43e}rp.example")]);
    refuses_a_common_name_outside_the_names => CommonNameNotInSan, |d| d.subject = name("CN=mail.corp.example");
    refuses_a_look_alike_common_name => CommonNameNotInSan, |d| d.subject = name("CN=www.c\u{43e}rp.example");
    refuses_a_second_common_name_outside_the_names => CommonNameNotInSan, |d| d.subject = name("CN=www.corp.example,CN=evil.example");
    refuses_a_subject_attribute_that_is_not_listed => SubjectAttributeRefused, |d| d.subject = name("CN=www.corp.example,OU=x");
    refuses_hidden_characters_in_the_subject => NameMalformed, |d| d.subject = name("CN=www.corp.example,O=a\u{202e}b");
    refuses_an_email_address_in_the_subject => NameNotPermitted, |d| {
        d.subject = Name::from_attributes(&[(x509::AttributeType::EmailAddress, "a@evil.example")]).unwrap();
    };
    refuses_no_name_at_all => ExtensionMissing, |d| {
        d.subject = Name::empty();
        d.without(oids::EXT_SUBJECT_ALT_NAME);
    };
    refuses_the_issuers_own_key => KeyIsIssuers, |d| d.rekey(keys::ISSUER);
    refuses_another_ca_key_of_the_ring => KeyIsIssuers, |d| d.rekey(keys::SUBCA);
    refuses_the_rings_ocsp_key_for_tls => KeyIsIssuers, |d| d.rekey(keys::RESPONDER);
    refuses_rsa_1024 => WeakKey, |d| d.rekey(keys::RSA1024);
    refuses_exponent_three => WeakKey, |d| d.rekey(keys::RSAE3);
}

refuses! { responder:
    refuses_a_responder_with_more_usages => ExtendedKeyUsageRefused, |d| d.extended(&[oids::EKU_OCSP_SIGNING, oids::EKU_CLIENT_AUTH]);
    refuses_a_responder_with_another_key => ResponderKeyNotPinned, |d| d.rekey(keys::LEAF);
    refuses_a_responder_with_a_ca_key => ResponderKeyNotPinned, |d| d.rekey(keys::SUBCA);
    refuses_a_responder_with_the_issuers_key => KeyIsIssuers, |d| d.rekey(keys::ISSUER);
    refuses_a_responder_without_no_check => ExtensionMissing, |d| d.without(oids::EXT_OCSP_NO_CHECK);
    refuses_a_responder_that_signs_more => KeyUsageRefused, |d| d.usage(KeyUsage::DIGITAL_SIGNATURE.union(KeyUsage::CONTENT_COMMITMENT));
    refuses_a_responder_with_names => ExtensionRefused, |d| d.names(vec![dns("www.corp.example")]);
    refuses_a_responder_without_a_subject => NameMalformed, |d| d.subject = Name::empty();
}

#[test]
fn refuses_a_responder_of_another_issuer() {
    let mut world = World::leaves();
    let other = RingKey {
        label: label("ocsp"),
        purpose: Purpose::Ocsp,
        speaks_for: Some(label("sub")),
        serves: None,
    };
    world.ring.insert(&key(keys::RESPONDER), other);
    assert_eq!(world.verdict(&responder()), Err(Rule::ResponderKeyNotPinned));
}

#[test]
fn pins_admit_delegates_and_nothing_else() {
    let hex = |key_text: &str| hex::encode(key(key_text).spki_sha256());
    let delegated = format!(
        "[delegated]\nresponders = [\"{}\"]\nregistrations = [\"{}\"]\n[budget]",
        hex(keys::P384),
        hex(keys::RSA)
    );
    let world = World::leaves_but("[budget]", &delegated);
    let mut pinned = responder();
    pinned.rekey(keys::P384);
    assert_eq!(world.verdict(&pinned), Ok(()));
    let mut elsewhere = server();
    elsewhere.rekey(keys::P384);
    assert_eq!(world.verdict(&elsewhere), Err(Rule::KeyIsIssuers));

    let mut registration = responder();
    registration.without(oids::EXT_OCSP_NO_CHECK);
    registration.extended(&[oids::EKU_CMC_RA]);
    registration.rekey(keys::RSA);
    assert_eq!(world.verdict(&registration), Ok(()));
    registration.extended(&[oids::EKU_CMC_RA, oids::EKU_SERVER_AUTH]);
    assert_eq!(world.verdict(&registration), Err(Rule::ExtendedKeyUsageRefused));
}

#[test]
fn refuses_what_outlives_the_issuer() {
    let world = World::leaves_but("2036-11-23T00:00:00Z", "2027-01-01T00:00:00Z");
    assert_eq!(world.verdict(&server()), Err(Rule::OutlivesIssuer));
}

#[test]
fn refuses_a_kind_of_key_that_is_not_listed() {
    let world = World::leaves_but(
        "[\"p-256\", \"p-384\", \"rsa-2048\", \"rsa-3072\", \"ed25519\", \"ml-dsa-44\"]",
        "[\"p-384\"]",
    );
    assert_eq!(world.verdict(&server()), Err(Rule::KeyKindRefused));
}

#[test]
fn refuses_a_wildcard_where_none_is_allowed() {
    let world = World::leaves_but("wildcard = true", "wildcard = false");
    let mut draft = server();
    draft.names(vec![dns("www.corp.example"), dns("*.dev.corp.example")]);
    assert_eq!(world.verdict(&draft), Err(Rule::WildcardRefused));
}

#[test]
fn a_free_common_name_is_no_host_beside_the_names() {
    let world = World::leaves_but("\"in-san\"", "\"free\"");
    let free = subject("CN=Ann Example", &[oids::EKU_CLIENT_AUTH], vec![email("ann@corp.example")]);
    assert_eq!(world.verdict(&free), Ok(()));
    let mut host = server();
    host.subject = name("CN=evil.example");
    assert_eq!(world.verdict(&host), Err(Rule::CommonNameNotInSan));
}

#[test]
fn refuses_a_leaf_under_another_purpose() {
    for text in [authority_policy(), responder_policy()] {
        let policy = super::KeyPolicy::parse(&text).unwrap();
        let world = World::leaves();
        let refusal = policy
            .admit_certificate(&world.context(), &server().der(), &world.given())
            .unwrap_err();
        assert_eq!(refusal.rule, Rule::PurposeMismatch);
    }
}

/// Replaces octets in the DER by as many others: what the encoder would not write.
fn bent(draft: &Draft, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut der = draft.der();
    let mut at = 0;
    let mut found = false;
    while let Some(place) = der[at..].windows(from.len()).position(|window| window == from) {
        der[at + place..at + place + to.len()].copy_from_slice(to);
        at += place + to.len();
        found = true;
    }
    assert!(found);
    der
}

#[test]
fn refuses_names_that_no_encoder_writes() {
    let world = World::leaves();
    let mut draft = server();
    draft.subject = name("O=Corp");
    draft.names(vec![dns("abc.corp.example")]);
    assert_eq!(world.verdict(&draft), Ok(()));
    for (to, rule) in [
        (&b"10.00.000.000001"[..], Rule::NameMalformed),
        (b"ab\0.corp.example", Rule::NameMalformed),
        (b"\xfcbc.corp.example", Rule::NameMalformed),
        (b"abc.corp.exampl.", Rule::NameMalformed),
        (b"a..corp.example.", Rule::NameMalformed),
        (b"a.*.corp.example", Rule::WildcardRefused),
        (b"a*c.corp.example", Rule::WildcardRefused),
    ] {
        let der = bent(&draft, b"abc.corp.example", to);
        assert_eq!(world.admit_der(&der).map_err(|r| r.rule), Err(rule), "{to:?}");
    }
}

#[test]
fn refuses_an_unknown_algorithm_and_a_point_off_the_curve() {
    let world = World::leaves();
    // ecdsa-with-SHA224 in the place of ecdsa-with-SHA256.
    let sha256 = b"\x2a\x86\x48\xce\x3d\x04\x03\x02";
    let der = bent(&server(), sha256, b"\x2a\x86\x48\xce\x3d\x04\x03\x01");
    assert_eq!(world.admit_der(&der).map_err(|r| r.rule), Err(Rule::AlgorithmRefused));

    let point = key(keys::LEAF).subject_public_key().to_vec();
    let mut off = point.clone();
    *off.last_mut().unwrap() ^= 1;
    let der = bent(&server(), &point, &off);
    assert_eq!(world.admit_der(&der).map_err(|r| r.rule), Err(Rule::WeakKey));
}

#[test]
fn refuses_der_that_is_not_strict() {
    let world = World::leaves();
    let honest = server().der();
    for length in 0..honest.len() {
        let rule = world.admit_der(&honest[..length]).map_err(|r| r.rule);
        assert_eq!(rule, Err(Rule::DerNotStrict), "cut at {length}");
    }
    let trailing = [&honest[..], &[0]].concat();
    let info = CertificationRequestInfo {
        subject: name("CN=a"),
        public_key: key(keys::LEAF),
        extensions: Extensions::default(),
    };
    let too_large = vec![0x30; 40_000];
    for der in [trailing, info.encode().unwrap().into_vec(), too_large] {
        assert_eq!(world.admit_der(&der).map_err(|r| r.rule), Err(Rule::DerNotStrict));
    }
}

#[test]
fn the_rings_scep_key_is_a_registration_authority_and_nothing_else() {
    let mut world = World::leaves();
    let scep =
        RingKey { label: label("scep"), purpose: Purpose::Scep, speaks_for: None, serves: None };
    world.ring.insert(&key(keys::RSA), scep);
    let mut registration = responder();
    registration.without(oids::EXT_OCSP_NO_CHECK);
    registration.without(oids::EXT_EXTENDED_KEY_USAGE);
    registration.rekey(keys::RSA);
    registration.usage(KeyUsage::DIGITAL_SIGNATURE.union(KeyUsage::KEY_ENCIPHERMENT));
    assert_eq!(world.verdict(&registration), Ok(()));
    // Without extended key usage it serves TLS too: no name that a client takes for a host's.
    let honest = std::mem::replace(&mut registration.subject, name("CN=bank.example"));
    assert_eq!(world.verdict(&registration), Err(Rule::CommonNameNotInSan));
    registration.extended(&[oids::EKU_CMC_RA]);
    assert_eq!(world.verdict(&registration), Ok(()));
    registration.subject = honest;
    registration.extended(&[oids::EKU_CLIENT_AUTH]);
    assert_eq!(world.verdict(&registration), Err(Rule::ExtendedKeyUsageRefused));
    registration.extended(&[oids::EKU_OCSP_SIGNING]);
    assert_eq!(world.verdict(&registration), Err(Rule::ResponderKeyNotPinned));
}

#[test]
fn the_limits_of_validity_are_admitted() {
    let world = World::leaves();
    let mut draft = server();
    draft.not_before = now().plus_seconds(-3_600);
    draft.not_after = draft.not_before.plus_seconds(398 * DAY);
    assert_eq!(world.verdict(&draft), Ok(()));
    draft.not_before = now().plus_seconds(300);
    draft.not_after = now().plus_seconds(301);
    assert_eq!(world.verdict(&draft), Ok(()));
}

#[test]
fn any_place_of_status_still_is_http() {
    let world = World::leaves_but("status_urls = [\"http://pki.corp.example/\"]\n", "");
    let mut draft = server();
    for (uri, verdict) in [
        ("http://other.example:8080/1.crl", Ok(())),
        ("https://127.0.0.1/1.crl", Ok(())),
        ("ldap://other.example/cn=1", Err(Rule::ExtensionRefused)),
        ("file:///etc/passwd", Err(Rule::ExtensionRefused)),
        ("http:other", Err(Rule::ExtensionRefused)),
    ] {
        draft.set(crl_at(uri));
        assert_eq!(world.verdict(&draft), verdict, "{uri}");
    }
}

#[test]
fn refuses_a_responder_whose_key_has_another_purpose() {
    let mut world = World::leaves();
    let other = RingKey {
        label: label("tls"),
        purpose: Purpose::Tls,
        speaks_for: Some(label("issuing")),
        serves: None,
    };
    world.ring.insert(&key(keys::RESPONDER), other);
    assert_eq!(world.verdict(&responder()), Err(Rule::ResponderKeyNotPinned));
}

#[test]
fn the_rings_tls_key_serves_under_the_names_of_its_policy_alone() {
    let mut world = World::leaves_but("proof_of_possession = false", "proof_of_possession = true");
    let mut draft = server();
    draft.rekey(keys::TLS);
    draft.names(vec![dns("www.corp.example")]);
    // Its signature over a CSR could not be had: operators vouched for the key.
    assert_eq!(world.verdict(&draft), Ok(()));
    draft.names(vec![dns("www.corp.example"), dns("shop.corp.example")]);
    assert_eq!(world.verdict(&draft), Err(Rule::NameNotPermitted));
    draft.names(vec![dns("*.corp.example")]);
    assert_eq!(world.verdict(&draft), Err(Rule::NameNotPermitted));
    draft.names(vec![dns("www.corp.example")]);
    draft.extended(&[oids::EKU_SERVER_AUTH, oids::EKU_CLIENT_AUTH]);
    assert_eq!(world.verdict(&draft), Err(Rule::ExtendedKeyUsageRefused));
    draft.extended(&[oids::EKU_SERVER_AUTH]);
    draft.usage(KeyUsage::DIGITAL_SIGNATURE.union(KeyUsage::KEY_AGREEMENT));
    assert_eq!(world.verdict(&draft), Err(Rule::KeyUsageRefused));
    draft.usage(KeyUsage::DIGITAL_SIGNATURE);
    let young =
        RingKey { label: label("tls"), purpose: Purpose::Tls, speaks_for: None, serves: None };
    world.ring.insert(&key(keys::TLS), young);
    assert_eq!(world.verdict(&draft), Err(Rule::KeyNotActive));
}

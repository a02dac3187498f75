//! CA certificates, requests, CRLs and OCSP: the honest ones are admitted, each bent one is
//! refused by its very rule.

use signer_proto::{Purpose, Refusal, Rule};
use x509::{
    AuthorityKeyIdentifier, CertificationRequestInfo, Extension, ExtensionValue, Extensions,
    KeyUsage, Name, NameConstraints, NameSubtree, ResponseDataDer, SignatureScheme, TbsCertListDer,
    oids,
};

use super::sample::*;
use super::{KeyPolicy, Meaning, admit_request, sample_keys as keys};

fn authorities() -> World {
    World::with(&authority_policy())
}

#[test]
fn admits_the_root_and_its_subordinates() {
    assert_eq!(authorities().admit(&root()), Ok(()));
    assert_eq!(authorities().admit(&subordinate()), Ok(()));
    let mut in_ring = subordinate();
    in_ring.rekey(keys::SUBCA);
    assert_eq!(authorities().admit(&in_ring), Ok(()));
    let mut without_authority_key_id = root();
    without_authority_key_id.without(oids::EXT_AUTHORITY_KEY_IDENTIFIER);
    assert_eq!(authorities().admit(&without_authority_key_id), Ok(()));
}

macro_rules! refuses {
    ($from:ident: $($name:ident => $rule:ident, |$draft:ident| $bend:expr;)*) => {$(
        #[test]
        fn $name() {
            let mut $draft = $from();
            assert_eq!(authorities().verdict(&$draft), Ok(()));
            $bend;
            assert_eq!(authorities().verdict(&$draft), Err(Rule::$rule));
        }
    )*};
}

refuses! { subordinate:
    refuses_a_leaf_as_authority => BasicConstraintsRefused, |d| d.constraints(false, None);
    refuses_no_basic_constraints => BasicConstraintsRefused, |d| d.without(oids::EXT_BASIC_CONSTRAINTS);
    refuses_basic_constraints_that_are_not_critical => ExtensionRefused, |d| d.make_critical(oids::EXT_BASIC_CONSTRAINTS, false);
    refuses_a_path_length_over_the_ceiling => PathLengthRefused, |d| d.constraints(true, Some(2));
    refuses_no_path_length => PathLengthRefused, |d| d.constraints(true, None);
    refuses_a_subordinate_with_the_issuers_name => PathLengthRefused, |d| d.subject = d.issuer.clone();
    refuses_a_subordinate_with_the_issuers_name_in_another_case => PathLengthRefused, |d| d.subject = name("CN=corp  issuing ca,O=CORP");
    refuses_a_ca_without_a_subject => NameMalformed, |d| d.subject = Name::empty();
    refuses_an_authority_of_another_issuer => IssuerMismatch, |d| d.issuer = name("CN=x");
    refuses_an_authority_by_another_algorithm => AlgorithmRefused, |d| d.signature = SignatureScheme::Ed25519;
    refuses_an_authority_without_authority_key_id => AuthorityKeyIdMismatch, |d| d.without(oids::EXT_AUTHORITY_KEY_IDENTIFIER);
    refuses_an_authority_without_subject_key_id => ExtensionMissing, |d| d.without(oids::EXT_SUBJECT_KEY_IDENTIFIER);
    refuses_an_authority_with_anothers_subject_key_id => SubjectKeyIdMismatch, |d| d.key = key(keys::LEAF);
    refuses_an_authority_that_lives_too_long => ValidityTooLong, |d| d.not_after = d.not_before.plus_seconds(7_306 * DAY + 1);
    refuses_an_authority_that_outlives_the_root => OutlivesIssuer, |d| {
        d.not_before = now().plus_seconds(300);
        d.not_after = d.not_before.plus_seconds(7_306 * DAY);
    };
    refuses_a_backdated_authority => BackdatedTooFar, |d| d.not_before = now().plus_seconds(-3_601);
    refuses_an_authority_without_key_cert_sign => KeyUsageRefused, |d| d.usage(KeyUsage::CRL_SIGN);
    refuses_an_authority_that_agrees_on_keys => KeyUsageRefused, |d| d.usage(KeyUsage::KEY_CERT_SIGN.union(KeyUsage::KEY_AGREEMENT));
    refuses_an_authority_without_key_usage => ExtensionMissing, |d| d.without(oids::EXT_KEY_USAGE);
    refuses_an_authority_that_is_a_responder => ExtendedKeyUsageRefused, |d| d.extended(&[oids::EKU_SERVER_AUTH, oids::EKU_OCSP_SIGNING]);
    refuses_an_authority_for_any_usage => ExtendedKeyUsageRefused, |d| d.extended(&[oids::EKU_ANY]);
    refuses_an_authority_with_alternative_names => ExtensionRefused, |d| d.names(vec![dns("www.corp.example")]);
    refuses_an_authority_with_the_rings_ocsp_key => KeyIsIssuers, |d| d.rekey(keys::RESPONDER);
    refuses_an_authority_with_an_rsa_key_that_is_not_listed => KeyKindRefused, |d| d.rekey(keys::RSA);
    refuses_an_authority_with_a_weak_key => WeakKey, |d| d.rekey(keys::RSA1024);
    refuses_an_authority_with_the_issuers_key_and_another_name => KeyIsIssuers, |d| d.rekey(keys::ISSUER);
    refuses_name_constraints_that_are_not_critical => ExtensionRefused, |d| {
        let value = NameConstraints { permitted: vec![NameSubtree::Dns("a.example".into())], excluded: vec![] };
        d.set(Extension::non_critical(ExtensionValue::NameConstraints(value)));
    };
}

refuses! { root:
    refuses_a_root_with_anothers_authority_key_id => AuthorityKeyIdMismatch, |d| {
        let other = AuthorityKeyIdentifier::from_key_id(&[1; 20]);
        d.set(Extension::non_critical(ExtensionValue::AuthorityKeyIdentifier(other)));
    };
}

#[test]
fn refuses_a_root_where_none_is_admitted() {
    let world =
        World::with(&authority_policy().replace("self_signed = true", "self_signed = false"));
    assert_eq!(world.verdict(&root()), Err(Rule::KeyIsIssuers));
}

#[test]
fn refuses_an_authority_under_another_purpose() {
    let world = World::leaves();
    let refusal = world.policy.admit_authority(&world.context(), &subordinate().der()).unwrap_err();
    assert_eq!(refusal.rule, Rule::PurposeMismatch);
}

fn constrained(permitted: Vec<NameSubtree>, excluded: Vec<NameSubtree>) -> Draft {
    let mut draft = subordinate();
    let value = ExtensionValue::NameConstraints(NameConstraints { permitted, excluded });
    draft.set(Extension::critical(value));
    draft
}

fn tree(text: &str) -> NameSubtree {
    NameSubtree::Dns(text.to_owned())
}

fn net(addr: &str, prefix: u8) -> NameSubtree {
    NameSubtree::Ip { addr: addr.parse().unwrap(), prefix }
}

#[test]
fn name_constraints_only_ever_narrow() {
    let text = authority_policy()
        + "[authorities.names]\ndns = [\"corp.example\"]\ndns_excluded = [\"secret.corp.example\"]\n\
           ip = [\"10.0.0.0/8\"]\nip_excluded = [\"10.9.0.0/16\"]\nemail = [\"corp.example\"]\n";
    let world = World::with(&text);
    let mail = || NameSubtree::Email(".corp.example".into());
    let hidden = || vec![tree("secret.corp.example"), net("10.9.0.0", 16)];
    for (case, draft) in [
        (
            "as listed",
            constrained(vec![tree("corp.example"), net("10.0.0.0", 8), mail()], hidden()),
        ),
        (
            "narrower",
            constrained(vec![tree("a.corp.example"), net("10.1.0.0", 16), mail()], vec![]),
        ),
        ("no dns", constrained(vec![net("10.1.0.0", 16), mail()], vec![tree("")])),
        (
            "no ip",
            constrained(
                vec![tree("a.corp.example"), mail()],
                vec![net("0.0.0.0", 0), net("::", 0)],
            ),
        ),
    ] {
        assert_eq!(world.admit(&draft), Ok(()), "{case}");
    }
    for (case, draft) in [
        ("wider dns", constrained(vec![tree("example"), net("10.1.0.0", 16), mail()], hidden())),
        (
            "one wider",
            constrained(
                vec![tree("a.corp.example"), tree("b.example"), net("10.1.0.0", 16), mail()],
                hidden(),
            ),
        ),
        (
            "wider ip",
            constrained(vec![tree("a.corp.example"), net("0.0.0.0", 0), mail()], hidden()),
        ),
        (
            "another family",
            constrained(vec![tree("a.corp.example"), net("fd00::", 8), mail()], hidden()),
        ),
        ("dns unrestricted", constrained(vec![net("10.1.0.0", 16), mail()], hidden())),
        ("ip unrestricted", constrained(vec![tree("a.corp.example"), mail()], hidden())),
        (
            "email unrestricted",
            constrained(vec![tree("a.corp.example"), net("10.1.0.0", 16)], hidden()),
        ),
        (
            "only IPv4 excluded",
            constrained(vec![tree("a.corp.example"), mail()], vec![net("0.0.0.0", 0)]),
        ),
        (
            "dns not excluded",
            constrained(vec![tree("corp.example"), net("10.1.0.0", 16), mail()], vec![]),
        ),
        (
            "ip not excluded",
            constrained(vec![tree("a.corp.example"), net("10.0.0.0", 8), mail()], vec![]),
        ),
    ] {
        assert_eq!(world.verdict(&draft), Err(Rule::NameConstraintsWidened), "{case}");
    }
    assert_eq!(world.verdict(&subordinate()), Err(Rule::ExtensionMissing));
    assert_eq!(world.verdict(&root()), Ok(()));
}

/// RFC 5280 §4.2.1.10: the empty dNSName is the subtree of all names, what is excluded too.
#[test]
fn refuses_the_subtree_of_all_names_around_an_exclusion() {
    let text = authority_policy()
        + "[authorities.names]\ndns = [\"any\"]\ndns_excluded = [\"secret.corp.example\"]\n";
    let world = World::with(&text);
    let hidden = vec![tree("secret.corp.example")];
    let all = constrained(vec![tree("")], hidden);
    assert_eq!(world.verdict(&all), Ok(()));
    let around = constrained(vec![tree("")], vec![]);
    assert_eq!(world.verdict(&around), Err(Rule::NameConstraintsWidened));
}

fn info(subject: Name, key_text: &str, extensions: Vec<Extension>) -> Vec<u8> {
    let extensions = Extensions::new(extensions).unwrap();
    let public_key = key(key_text);
    CertificationRequestInfo { subject, public_key, extensions }.encode().unwrap().into_vec()
}

fn asked(der: &[u8]) -> Result<(), Rule> {
    let admitted = admit_request(Purpose::CertAndCrl, &key(keys::ISSUER), der);
    admitted.map(|_| ()).map_err(|refusal| refusal.rule)
}

#[test]
fn admits_the_request_of_its_own_ca_key() {
    let wanted = vec![
        root().extensions.iter().find(|e| e.oid() == oids::EXT_BASIC_CONSTRAINTS).unwrap().clone(),
        Extension::critical(ExtensionValue::KeyUsage(KeyUsage::KEY_CERT_SIGN)),
    ];
    let der = info(name(ISSUER), keys::ISSUER, wanted);
    let admitted = admit_request(Purpose::CaCertAndCrl, &key(keys::ISSUER), &der).unwrap();
    assert_eq!(admitted.bytes(), der);
    assert_eq!(admitted.scheme(), SignatureScheme::EcdsaP256Sha256);
    assert!(matches!(admitted.meaning(), Meaning::Request(_)));
}

#[test]
fn refuses_a_request_that_is_not_its_own_or_asks_for_more() {
    let with = |value| info(name("CN=a"), keys::ISSUER, vec![Extension::non_critical(value)]);
    let no_ca = x509::BasicConstraints { ca: false, path_len: None };
    for (der, rule) in [
        (with(ExtensionValue::BasicConstraints(no_ca)), Rule::BasicConstraintsRefused),
        (info(name("CN=a"), keys::LEAF, vec![]), Rule::ProofOfPossessionRefused),
        (info(Name::empty(), keys::ISSUER, vec![]), Rule::NameMalformed),
        (with(ExtensionValue::SubjectAltName(vec![dns("a.example")])), Rule::ExtensionRefused),
        (with(ExtensionValue::KeyUsage(KeyUsage::KEY_AGREEMENT)), Rule::KeyUsageRefused),
        (with(ExtensionValue::SubjectKeyIdentifier(vec![1; 20])), Rule::SubjectKeyIdMismatch),
        (
            with(ExtensionValue::ExtendedKeyUsage(vec![oids::EKU_OCSP_SIGNING])),
            Rule::ExtendedKeyUsageRefused,
        ),
        (server().der(), Rule::DerNotStrict),
    ] {
        assert_eq!(asked(&der), Err(rule));
    }
}

#[test]
fn refuses_a_request_for_a_key_that_is_no_cas() {
    let der = info(name("CN=a"), keys::ISSUER, vec![]);
    for purpose in [Purpose::Ocsp, Purpose::Scep, Purpose::Tls, Purpose::Log] {
        let refusal = admit_request(purpose, &key(keys::ISSUER), &der).unwrap_err();
        assert_eq!(refusal.rule, Rule::PurposeMismatch);
    }
}

fn rule<T>(result: Result<T, Refusal>) -> Option<Rule> {
    result.err().map(|refusal| refusal.rule)
}

#[test]
fn refuses_a_next_update_in_the_past_or_too_far() {
    let world = World::leaves();
    let at = |seconds| now().plus_seconds(seconds);
    let crl = |last, next| rule(world.policy.admit_crl(now(), last, next));
    assert_eq!(crl(None, at(10 * DAY)), None);
    assert_eq!(crl(Some(at(-60)), at(1)), None);
    assert_eq!(crl(None, at(10 * DAY + 1)), Some(Rule::NextUpdateRefused));
    assert_eq!(crl(None, at(0)), Some(Rule::NextUpdateRefused));
    assert_eq!(crl(Some(at(-59)), at(1)), Some(Rule::BudgetExhausted));

    let responder = KeyPolicy::parse(&responder_policy()).unwrap();
    let ocsp = |issuer, next| rule(responder.admit_ocsp(&label(issuer), now(), next));
    assert_eq!(ocsp("issuing", at(8 * DAY)), None);
    assert_eq!(ocsp("issuing", at(8 * DAY + 1)), Some(Rule::NextUpdateRefused));
    assert_eq!(ocsp("issuing", at(0)), Some(Rule::NextUpdateRefused));
    assert_eq!(ocsp("other", at(1)), Some(Rule::ResponderNotForIssuer));
    assert_eq!(rule(responder.admit_crl(now(), None, at(1))), Some(Rule::PurposeMismatch));
    assert_eq!(
        rule(world.policy.admit_ocsp(&label("issuing"), now(), at(1))),
        Some(Rule::PurposeMismatch)
    );
}

#[test]
fn what_the_signer_builds_is_admitted_with_the_policys_algorithm() {
    let list = TbsCertListDer::from_vec(vec![1, 2]);
    let crl = World::leaves().policy.admit_crl(now(), None, now().plus_seconds(1)).unwrap();
    assert_eq!((crl.this_update(), crl.next_update()), (now(), now().plus_seconds(1)));
    let admitted = crl.built(&list);
    assert_eq!((admitted.bytes(), admitted.meaning()), (&[1, 2][..], &Meaning::CertificateList));

    let data = ResponseDataDer::from_vec(vec![3]);
    let responder = KeyPolicy::parse(&responder_policy()).unwrap();
    let batch = responder.admit_ocsp(&label("issuing"), now(), now().plus_seconds(1)).unwrap();
    assert_eq!(batch.built(&data).bytes(), [3]);
}

//! The policy text: what is read, what is refused, and that the documentation is right.

use signer_proto::{Digest, Purpose, Refusal, Rule};
use x509::{KeyKind, SignatureScheme};

use super::sample::*;
use super::{KeyPolicy, NeverIssued};

fn rule<T>(result: Result<T, Refusal>) -> Option<Rule> {
    result.err().map(|refusal| refusal.rule)
}

#[test]
fn a_policy_says_what_it_was_told() {
    let text = leaf_policy();
    let policy = KeyPolicy::parse(&text).unwrap();
    assert_eq!(policy.digest(), Digest(x509::sha256(text.as_bytes())));
    assert_eq!(policy.purpose(), Purpose::CertAndCrl);
    assert_eq!(policy.issuer(), Some(&name(ISSUER)));
    assert_eq!(policy.budget().map(|budget| (budget.per_hour, budget.per_day)), Some((10, 100)));
    assert!(!policy.allows_hold());
    let held = KeyPolicy::parse(&text.replace("proof_of", "hold = true\nproof_of")).unwrap();
    assert!(held.allows_hold());
    let responder = KeyPolicy::parse(&responder_policy()).unwrap();
    let rules = responder.ocsp().unwrap();
    assert_eq!(rules.issuer_key(), &label("issuing"));
    assert_eq!(rules.issuer(), &name(ISSUER));
    assert_eq!(rules.never_issued(), NeverIssued::Unauthorized);
    let budget = KeyPolicy::parse(&authority_policy()).unwrap().budget().unwrap();
    assert_eq!((budget.per_hour, budget.per_day), (100_000, 1_000_000));
}

#[test]
fn refuses_a_policy_on_a_key_that_it_does_not_fit() {
    let policy = KeyPolicy::parse(&leaf_policy()).unwrap();
    assert_eq!(policy.check_key(Purpose::CertAndCrl, KeyKind::P256), Ok(()));
    for (purpose, kind, expected) in [
        (Purpose::CaCertAndCrl, KeyKind::P256, Rule::PurposeMismatch),
        (Purpose::Ocsp, KeyKind::P256, Rule::PurposeMismatch),
        (Purpose::CertAndCrl, KeyKind::P384, Rule::AlgorithmRefused),
        (Purpose::CertAndCrl, KeyKind::Rsa2048, Rule::AlgorithmRefused),
    ] {
        assert_eq!(rule(policy.check_key(purpose, kind)), Some(expected));
    }
}

#[test]
fn refuses_a_policy_text_with_every_error_at_its_path() {
    let text = leaf_policy()
        .replace("\"ecdsa-p256-sha256\"", "\"ecdsa-p256-sha1\"")
        .replace("max_validity = \"398d\"", "max_validity = 398")
        .replace("\"serverAuth\"", "\"OCSPSigning\"")
        .replace("\"digitalSignature\", \"contentCommitment\"", "\"keyCertSign\"")
        .replace("\"tlsFeature\"", "\"nameConstraints\"")
        .replace("http://pki.corp.example/", "http://pki.corp.example")
        .replace("dns = [\"corp.example\"]", "dns = [\"any\", \"Corp.example\"]")
        .replace("ip = [\"10.0.0.0/8\"]", "ip = [\"10.0.0.1/8\"]")
        .replace("wildcard = true", "wildcart = true")
        .replace("per_hour = 10", "per_hour = -1");
    let refusal = Refusal::from(KeyPolicy::parse(&text).unwrap_err());
    assert_eq!(refusal.rule, Rule::PolicyMalformed);
    let errors = KeyPolicy::parse(&text).unwrap_err().0;
    let mut paths: Vec<&str> = errors.iter().map(|error| error.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            "budget.per_hour",
            "certificates.extended_key_usage[0]",
            "certificates.extensions[9]",
            "certificates.key_usage[0]",
            "certificates.max_validity",
            "certificates.names.dns",
            "certificates.names.ip[0]",
            "certificates.names.wildcart",
            "certificates.status_urls[0]",
            "signature",
        ]
    );
}

#[test]
fn refuses_to_sign_with_a_scheme_that_is_only_verified() {
    let unmatched = SignatureScheme::ALL.into_iter().filter(|s| !s.is_matched());
    assert_eq!(unmatched.clone().count(), 6);
    for scheme in unmatched {
        for policy in [leaf_policy(), authority_policy(), responder_policy()] {
            let text = policy.replace("ecdsa-p256-sha256", scheme.as_str());
            let errors = KeyPolicy::parse(&text).unwrap_err().0;
            assert_eq!(errors.len(), 1, "{scheme}");
            assert_eq!(errors[0].path, "signature", "{scheme}");
        }
    }
}

#[test]
fn refuses_a_policy_of_another_kind_or_version() {
    let no_policy = |text: &str| rule(KeyPolicy::parse(text).map_err(Refusal::from));
    let leaves = leaf_policy();
    for text in [
        String::new(),
        leaves.replace("version = 1", "version = 2"),
        leaves.replace("\"cert+crl\"", "\"tls\""),
        leaves.replace("\"cert+crl\"", "\"ca-cert+crl\""),
        leaves.replace("\"cert+crl\"", "\"ocsp\""),
        leaves.replace("[certificates]", "[authorities]"),
        authority_policy() + "[authorities.names]\nupn = []\n",
        authority_policy() + "[delegated]\nresponders = []\n",
        authority_policy() + "[certificates]\nmax_validity = \"1d\"\n",
        authority_policy().replace("max_path_len = 1", ""),
        authority_policy().replace("max_path_len = 1", "max_path_len = 256"),
        responder_policy().replace("issuing", "Issuing"),
        responder_policy().replace("8d", "eight"),
        leaves.replace("version = 1", "version = 1\nversion = 1"),
    ] {
        assert_eq!(no_policy(&text), Some(Rule::PolicyMalformed), "{text}");
    }
}

#[test]
fn every_policy_of_the_documentation_parses() {
    let page = include_str!("../../../docs/KEY-POLICY.md");
    let blocks = page.split("```toml\n").skip(1);
    let mut purposes = Vec::new();
    for block in blocks {
        let text = block.split("```").next().unwrap();
        let policy = KeyPolicy::parse(text).unwrap_or_else(|errors| panic!("{errors}"));
        purposes.push(policy.purpose());
    }
    let expected = [Purpose::CertAndCrl, Purpose::CaCertAndCrl, Purpose::Ocsp, Purpose::Tls];
    assert_eq!(purposes, expected);
}

#[test]
fn every_name_of_a_rule_in_the_documentation_is_one() {
    let page = include_str!("../../../docs/KEY-POLICY.md");
    let rows: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(rule, _)| rule)
        .collect();
    assert!(rows.len() > 30, "{rows:?}");
    for row in rows {
        assert!(row.parse::<Rule>().is_ok(), "{row}");
    }
}

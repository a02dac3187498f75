//! Certificates: what is issued, what is repeated, what is refused and by which rule.

use ca::{Idempotency, IssueRequest};
use kit::SubjectKey;
use model::{AuditAction, CertificateStatus, Id};
use signer_proto::Rule;
use store::{audit, certificates};
use x509::{Certificate, Extension, ExtensionValue, GeneralName, KeyKind, KeyUsage, oids};

use crate::bench::{Bench, csr, request, request_with, rule, san};
use crate::openssl::Openssl;

#[tokio::test]
async fn a_certificate_is_what_was_asked_for_and_openssl_verifies_it() {
    let bench = Bench::start().await;
    let issued = bench.issue("www.corp.example").await;
    let row = &issued.certificate;
    assert!(!issued.replayed);
    assert_eq!(row.names, ["www.corp.example"]);
    assert_eq!(row.subject, "CN=www.corp.example");
    assert_eq!(row.status, CertificateStatus::Valid);
    assert_eq!(bench.stored(row).await, *row);
    assert_eq!(issued.chain, [bench.made.issuing.clone(), bench.made.root.clone()]);

    let certificate = Certificate::parse(row.der.as_bytes()).expect("strict");
    let issuing = Certificate::parse(bench.made.issuing.as_bytes()).expect("strict");
    certificate.verify_by(&issuing.tbs().public_key).expect("it verifies");
    let extensions = &certificate.tbs().extensions;
    assert_eq!(extensions.extended_key_usage(), Some(&[oids::EKU_SERVER_AUTH][..]));
    assert_eq!(extensions.key_usage(), Some(KeyUsage::DIGITAL_SIGNATURE));
    let text = format!("{extensions:?}");
    for url in ["/crl/issuing.crl", "/ocsp/issuing", "/ca/issuing.cer"] {
        assert!(text.contains(&format!("{}/.well-known/pki{url}", crate::bench::URL)), "{url}");
    }
    let tbs = certificate.tbs();
    // RFC 5280 §4.1.2.5: both ends inclusive; set back by an hour.
    assert_eq!(tbs.not_after.seconds_since(tbs.not_before), 90 * 86_400 + 3_600 - 1);
    assert_eq!(tbs.serial.as_bytes().len(), 19);

    let events = audit::list(&bench.store, &audit::Filter::default(), None, 1).await;
    let event = &events.expect("the audit log")[0];
    assert_eq!((event.action, event.actor.as_str()), (AuditAction::CertificateIssue, "tester"));
    assert_eq!(event.journal, Some(row.journal));

    let Some(openssl) = Openssl::new() else {
        return;
    };
    let said = openssl.verify(&row.der, &issued.chain, bench.now()).expect("openssl verifies it");
    assert_eq!(said, "leaf.pem: OK\n");
}

#[tokio::test]
async fn every_builtin_profile_issues_for_every_kind_of_key() {
    let bench = Bench::start().await;
    let openssl = Openssl::new();
    for profile in ["tls-server", "tls-client", "tls-server-client", "device", "user"] {
        for kind in
            [KeyKind::P256, KeyKind::P384, KeyKind::Ed25519, KeyKind::Rsa2048, KeyKind::MlDsa44]
        {
            let asked = IssueRequest {
                profile: profile.parse().expect("a name"),
                names: Some(vec![match profile {
                    "user" | "tls-client" => GeneralName::Email("me@corp.example".into()),
                    _ => GeneralName::Dns("a.corp.example".into()),
                }]),
                ..request_with(&SubjectKey::of(kind), "a.corp.example")
            };
            let issued = bench.authority.issue(asked).await;
            let issued = issued.unwrap_or_else(|error| panic!("{profile} {kind}: {error}"));
            // The openssl of most systems does not know ML-DSA yet.
            if let Some(openssl) = openssl.as_ref().filter(|_| kind != KeyKind::MlDsa44) {
                openssl
                    .verify(&issued.certificate.der, &issued.chain, bench.now())
                    .expect("verifies");
            }
        }
    }
}

#[tokio::test]
async fn concurrent_requests_get_certificates_of_their_own() {
    let bench = Bench::start().await;
    let asked: Vec<_> = (0..100)
        .map(|n| {
            let (authority, dns) = (bench.authority.clone(), format!("h{n}.corp.example"));
            tokio::spawn(async move { authority.issue(request(&dns)).await })
        })
        .collect();
    let mut serials = std::collections::BTreeSet::new();
    for (n, issued) in asked.into_iter().enumerate() {
        let issued = issued.await.expect("no panic").expect("it is issued").certificate;
        assert_eq!(issued.names, [format!("h{n}.corp.example")]);
        assert!(serials.insert(issued.serial));
    }
    let everything = certificates::Filter::default();
    let found = certificates::list(&bench.store, &everything, bench.now(), None, 1000);
    // With the hundred: the issuing CA's own, which the root signed.
    assert_eq!(found.await.expect("a page").items.len(), 101);
}

#[tokio::test]
async fn an_idempotency_key_repeats_and_never_stands_for_two() {
    let bench = Bench::start().await;
    let idempotency = |request_sha256| Idempotency {
        token: Id::from_parts(1, &[7; 10]),
        key: "order-1".into(),
        request_sha256,
    };
    let asked = |digest| IssueRequest {
        idempotency: Some(idempotency(digest)),
        ..request("www.corp.example")
    };
    let first = bench.authority.issue(asked([1; 32])).await.expect("it is issued");
    let again = bench.authority.issue(asked([1; 32])).await.expect("it is repeated");
    assert_eq!((first.replayed, again.replayed), (false, true));
    assert_eq!(again.certificate, first.certificate);
    assert_eq!(rule(bench.authority.issue(asked([2; 32])).await), "idempotency-conflict");
}

#[tokio::test]
async fn a_client_that_asks_again_too_early_waits_for_its_first_request() {
    let bench = Bench::start().await;
    let key = SubjectKey::new();
    let asked: Vec<_> = (0..16)
        .map(|_| {
            let authority = bench.authority.clone();
            let asked = IssueRequest {
                idempotency: Some(Idempotency {
                    token: Id::from_parts(1, &[7; 10]),
                    key: "order-1".into(),
                    request_sha256: [1; 32],
                }),
                ..request_with(&key, "www.corp.example")
            };
            tokio::spawn(async move { authority.issue(asked).await })
        })
        .collect();
    let mut serials = std::collections::BTreeSet::new();
    for issued in asked {
        let issued = issued.await.expect("no panic").expect("it is answered");
        serials.insert(issued.certificate.serial);
    }
    assert_eq!(serials.len(), 1);
    assert_eq!(bench.ring.ledger().count("CertificateSigned"), 1);
}

#[tokio::test]
async fn a_renewal_keeps_names_and_says_what_it_replaces() {
    let bench = Bench::start().await;
    let key = SubjectKey::new();
    let old = bench.authority.issue(request_with(&key, "www.corp.example")).await;
    let old = old.expect("it is issued").certificate;
    bench.ring.clock.pass(86_400);

    let fresh = SubjectKey::new();
    let request = csr(&fresh, &x509::Name::empty(), vec![]);
    let renewed = bench.authority.renew(old.id, (Some(request), None), "tester".into(), None).await;
    let renewed = renewed.expect("it is renewed").certificate;
    assert_eq!((&renewed.names, &renewed.subject), (&old.names, &old.subject));
    assert_eq!(renewed.replaces, Some(old.id));
    assert_ne!(renewed.spki_sha256, old.spki_sha256);
    assert!(renewed.not_after > old.not_after);

    let same_key = bench.authority.renew(old.id, (None, None), "tester".into(), None).await;
    let same_key = same_key.expect("the same key is renewed").certificate;
    assert_eq!(same_key.spki_sha256, old.spki_sha256);
    assert_eq!(same_key.names, old.names);
}

#[tokio::test]
async fn refuses_by_the_rule_that_is_broken() {
    let bench = Bench::start().await;
    let key = SubjectKey::new();
    let name = kit::name("CN=a.corp.example");
    let with = |extensions| IssueRequest {
        csr: csr(&key, &name, extensions),
        ..request("a.corp.example")
    };
    let dns = |text: &str| san(vec![GeneralName::Dns(text.into())]);
    let ca = ExtensionValue::BasicConstraints(x509::BasicConstraints { ca: true, path_len: None });
    let code_signing = ExtensionValue::ExtendedKeyUsage(vec![oids::EKU_CODE_SIGNING]);
    let cert_sign = ExtensionValue::KeyUsage(KeyUsage::KEY_CERT_SIGN);
    let profile = |name: &str| IssueRequest {
        profile: name.parse().expect("a name"),
        ..request("a.corp.example")
    };
    let cases: Vec<(IssueRequest, &str)> = vec![
        (with(vec![]), "san-required"),
        (
            IssueRequest {
                names: Some(vec![GeneralName::Dns("a_b.corp.example".into())]),
                ..request("a.b")
            },
            "dns-name-malformed",
        ),
        (with(vec![dns("a.corp.example"), Extension::critical(ca)]), "ca-requested"),
        (
            with(vec![dns("a.corp.example"), Extension::critical(cert_sign)]),
            "key-usage-not-offered",
        ),
        (
            with(vec![dns("a.corp.example"), Extension::non_critical(code_signing)]),
            "extended-key-usage-not-offered",
        ),
        (
            with(vec![dns("a.corp.example"), Extension::non_critical(ExtensionValue::OcspNoCheck)]),
            "extension-not-offered",
        ),
        (with(vec![san(vec![GeneralName::Uri("urn:x".into())])]), "san-not-admitted"),
        (
            with(vec![san(vec![GeneralName::Dns("a.b".into()), GeneralName::Dns("a.b".into())])]),
            "san-twice",
        ),
        (
            IssueRequest { validity: Some(ca::profile::Seconds::days(398)), ..request("a.b") },
            "validity-not-offered",
        ),
        (profile("nonsense"), "profile-unknown"),
        (IssueRequest { names: Some(vec![]), ..profile("sub-ca") }, "key-usage-certsign-is-ca"),
        // The signer's own rule: no key but a pinned one speaks for the CA.
        (
            IssueRequest { names: Some(vec![]), ..profile("ocsp-responder") },
            Rule::ResponderKeyNotPinned.as_str(),
        ),
    ];
    for (asked, expected) in cases {
        assert_eq!(rule(bench.authority.issue(asked).await), expected);
    }
}

#[tokio::test]
async fn refuses_a_csr_that_somebody_else_signed() {
    let bench = Bench::start().await;
    let good = request("a.corp.example");
    let (_, foreign) = SubjectKey::new().sign(good.csr.info_der().as_bytes());
    let bent = x509::Csr::assemble(good.csr.info_der(), good.csr.scheme(), &foreign);
    let asked =
        IssueRequest { csr: x509::Csr::parse(bent.as_bytes()).expect("well-formed"), ..good };
    assert_eq!(rule(bench.authority.issue(asked).await), "csr-signature");
}

#[tokio::test]
async fn a_weak_key_is_told_from_a_bad_signature() {
    let Some(openssl) = Openssl::new() else {
        return;
    };
    let bench = Bench::start().await;
    openssl
        .run(&[
            "req",
            "-new",
            "-newkey",
            "rsa:1024",
            "-nodes",
            "-keyout",
            "weak.key",
            "-subj",
            "/CN=a.corp.example",
            "-outform",
            "DER",
            "-out",
            "weak.csr",
        ])
        .expect("openssl makes it");
    let weak = std::fs::read(openssl.folder().join("weak.csr")).expect("a file");
    let weak = || x509::Csr::parse(&weak).expect("well-formed");
    let asked = IssueRequest { csr: weak(), ..request("a.corp.example") };
    assert_eq!(rule(bench.authority.issue(asked).await), "weak-key");
    let old = bench.issue("a.corp.example").await.certificate;
    let renewed = bench.authority.renew(old.id, (Some(weak()), None), "tester".into(), None);
    assert_eq!(rule(renewed.await), "weak-key");
}

#[tokio::test]
async fn refuses_names_beyond_the_signers_policy_whatever_the_profile_says() {
    let bench = Bench::with_names(&["corp.example", "10.0.0.0/8"]).await;
    bench.issue("a.corp.example").await;
    for dns in ["corp.example.evil", "evilcorp.example", "localhost"] {
        let refused = rule(bench.authority.issue(request(dns)).await);
        assert_eq!(refused, Rule::NameNotPermitted.as_str(), "{dns}");
    }
}

#[tokio::test]
async fn a_policy_that_changed_is_read_again() {
    let bench = Bench::start().await;
    bench.issue("a.corp.example").await;
    let (key, policy) = (kit::label("issuing"), bench.ring.policy("issuing"));
    let text = bench.operator.read_policy(&signer_proto::ReadPolicy { key: key.clone() }).await;
    let text = text.expect("a policy").text.0;
    let narrowed = text.replace("proof_of_possession = false", "proof_of_possession = true");
    assert_ne!(narrowed, text);
    let call = signer_proto::SetPolicy {
        key,
        previous: Some(policy),
        text: signer_proto::PolicyText(narrowed),
        warrant: signer_proto::Warrant::none(),
    };
    bench.operator.set_policy(&call).await.expect("the policy is put in force");
    // The first request finds out, and from then on the CSR goes along.
    bench.issue("b.corp.example").await;
    bench.issue("c.corp.example").await;
}

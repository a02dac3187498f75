//! Two rings: a root in one, an issuing CA's key in the other.

use ca::ceremony::{self, CeremonyError, Executed, RequestWish};
use ca::hierarchy::HierarchyError;
use ca::profile::Seconds;
use kit::SubjectKey;
use model::IssuerKind;
use x509::{CertificateDer, CrlReason, Csr, CsrDer, Extension, ExtensionValue, ForeignCertificate};

use crate::bench::{Bench, csr, issuer, urls};
use crate::hierarchy::{certificate, parent, wish};
use crate::openssl::Openssl;

fn asked() -> RequestWish {
    RequestWish { subject: None, validity: Seconds::days(365), path_len: None, constraints: vec![] }
}

async fn sign(
    bench: &Bench,
    csr: &CsrDer,
    wish: &RequestWish,
) -> Result<CertificateDer, CeremonyError> {
    let csr = Csr::parse(csr.as_bytes()).expect("strict");
    let root = parent(bench, "root");
    ceremony::sign_request(&bench.operator, &root, &csr, wish, &urls(), bench.now()).await
}

/// Has a wish for a CA without a parent of ours turned into a CSR.
async fn request(bench: &Bench, name: &str) -> CsrDer {
    let wish = wish(name, IssuerKind::Issuing, None);
    bench.authority.create_issuer(wish.clone(), "tester").await.expect("a wish");
    let executed = ceremony::execute(&bench.operator, &wish, None, &urls(), bench.now()).await;
    let Executed::Request(csr) = executed.expect("a CSR") else { panic!("no CSR") };
    bench.authority.recover().await.expect("taken over");
    csr
}

#[tokio::test]
async fn a_root_of_one_ring_signs_an_issuing_ca_of_another() {
    let (above, below) = (Bench::start().await, Bench::start().await);
    below.ring.clock.pass(5);
    let csr = request(&below, "branch").await;

    let constrained = RequestWish { constraints: vec!["corp.example".into()], ..asked() };
    let signed = sign(&above, &csr, &constrained).await.expect("signed");
    let before = above.authority.issuers();
    above.authority.recover().await.expect("taken over");
    // Its key is elsewhere: it is a certificate of the root's, and no issuer of this server.
    assert_eq!(above.authority.issuers(), before);
    let rows = store::certificates::Filter {
        profile: Some("sub-ca".parse().expect("a name")),
        ..Default::default()
    };
    let rows = store::certificates::list(&above.store, &rows, above.now(), None, 10).await;
    let rows = rows.expect("a page").items;
    let row = rows.iter().find(|row| row.der == signed);
    let row = row.expect("in the inventory").clone();

    ceremony::adopt(&below.operator, "branch", &signed).await.expect("the policy follows");
    let read = |der: &CertificateDer| ForeignCertificate::parse(der.as_bytes()).expect("readable");
    let imported = below
        .authority
        .import_certificate(
            &issuer("branch"),
            read(&signed),
            vec![read(&above.made.root)],
            false,
            "tester",
        )
        .await
        .expect("imported without a deviation");
    assert_eq!(certificate(&imported), signed);
    let issued = below.issue("www.corp.example").await;
    assert_eq!(issued.chain, [signed.clone(), above.made.root.clone()]);
    let outside = below.issue("www.other.example").await;
    if let Some(openssl) = Openssl::new() {
        let verify = |der| openssl.verify(der, &issued.chain, below.now());
        verify(&issued.certificate.der).expect("openssl verifies it");
        let refused = verify(&outside.certificate.der).expect_err("outside the constraints");
        assert!(refused.contains("permitted subtree"), "{refused}");
    }

    // Who signed it revokes it.
    let asked = crate::revoking::revoke(&row, CrlReason::CaCompromise);
    above.authority.revoke(asked).await.expect("revoked");
    let crl = above.authority.crl(&issuer("root")).await.expect("a CRL");
    let crl = x509::Crl::parse(crl.der.as_bytes()).expect("strict");
    assert!(crl.entries().iter().any(|entry| entry.serial == row.serial));
}

#[tokio::test]
async fn a_csr_says_how_deep_and_is_told_otherwise() {
    let above = Bench::start().await;
    let key = SubjectKey::new();
    let csr = |path_len| {
        let basic = x509::BasicConstraints { ca: true, path_len };
        let basic = Extension::critical(ExtensionValue::BasicConstraints(basic));
        csr(&key, &kit::name("CN=Branch CA"), vec![basic])
    };
    for (requested, told, expected) in
        [(None, None, 0), (Some(1), None, 1), (Some(1), Some(0), 0), (None, Some(2), 2)]
    {
        let wish = RequestWish {
            path_len: told,
            subject: Some(kit::name("CN=Other Name,O=Corp")),
            ..asked()
        };
        let signed = sign(&above, csr(requested).der(), &wish).await.expect("signed");
        let signed = x509::Certificate::parse(signed.as_bytes()).expect("strict");
        let basic = signed.tbs().extensions.basic_constraints();
        assert_eq!(basic.and_then(|basic| basic.path_len), Some(expected));
        assert_eq!(signed.tbs().subject, kit::name("CN=Other Name,O=Corp"));
    }
}

#[tokio::test]
async fn refuses_csrs_that_make_no_good_ca() {
    let above = Bench::start().await;
    let leaves = above.ring.ledger().leaves.len();
    let key = SubjectKey::new();
    let name = kit::name("CN=Branch CA");
    let good = csr(&key, &name, vec![]);
    let no_ca = x509::BasicConstraints { ca: false, path_len: None };
    let no_ca = Extension::critical(ExtensionValue::BasicConstraints(no_ca));
    let no_ca = csr(&key, &name, vec![no_ca]);
    let usage = ExtensionValue::KeyUsage(x509::KeyUsage::DIGITAL_SIGNATURE);
    let usage = csr(&key, &name, vec![Extension::critical(usage)]);
    let nameless = csr(&key, &x509::Name::empty(), vec![]);
    for csr in [&no_ca, &usage, &nameless] {
        let refused = sign(&above, csr.der(), &asked()).await;
        assert!(matches!(refused, Err(CeremonyError::NotACa(_))));
    }
    let (_, foreign) = SubjectKey::new().sign(good.info_der().as_bytes());
    let bent = Csr::assemble(good.info_der(), good.scheme(), &foreign);
    let refused = sign(&above, &bent, &asked()).await;
    assert!(matches!(refused, Err(CeremonyError::CsrSignature(_))));
    let parents = RequestWish { subject: Some(parent_subject(&above)), ..asked() };
    let refused = sign(&above, good.der(), &parents).await;
    assert!(matches!(refused, Err(CeremonyError::Hierarchy(HierarchyError::SubjectIsParents))));
    assert_eq!(above.ring.ledger().leaves.len(), leaves, "nothing was signed");
}

fn parent_subject(bench: &Bench) -> x509::Name {
    let root = x509::Certificate::parse(bench.made.root.as_bytes()).expect("strict");
    root.tbs().subject.clone()
}

#[tokio::test]
async fn refuses_a_key_of_its_own_ring() {
    let bench = Bench::start().await;
    let csr = request(&bench, "branch").await;
    let refused = sign(&bench, &csr, &asked()).await;
    let Err(CeremonyError::KeyOfThisRing(label)) = refused else { panic!("{refused:?}") };
    assert_eq!(label, "branch");
}

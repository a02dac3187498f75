//! Revocation: in the inventory, on the CRL, by OCSP.

use std::time::Instant;

use ca::RevokeRequest;
use model::{CertificateStatus, IssuedCertificate};
use signer_proto::Rule;
use x509::{Certificate, Crl, CrlReason};

use crate::bench::{Bench, eventually, issuer, rule};
use crate::openssl::Openssl;

pub fn revoke(certificate: &IssuedCertificate, reason: CrlReason) -> RevokeRequest {
    RevokeRequest { id: certificate.id, reason, invalidity: None, by: "tester".into() }
}

async fn crl(bench: &Bench, name: &str) -> Crl {
    let entry = bench.authority.crl(&issuer(name)).await.expect("a CRL");
    Crl::parse(entry.der.as_bytes()).expect("strict")
}

#[tokio::test]
async fn a_revocation_is_on_the_crl_within_two_seconds_and_openssl_sees_it() {
    let bench = Bench::start().await;
    let issued = bench.issue("www.corp.example").await;
    let other = bench.issue("other.corp.example").await;
    let _jobs = bench.jobs().await;
    let before = crl(&bench, "issuing").await;
    assert_eq!(before.entries(), []);

    let asked = RevokeRequest {
        invalidity: Some(bench.now().plus_seconds(-60)),
        ..revoke(&issued.certificate, CrlReason::KeyCompromise)
    };
    let at = Instant::now();
    let row = bench.authority.revoke(asked).await.expect("it is revoked");
    assert!(matches!(
        row.status,
        CertificateStatus::Revoked { reason: CrlReason::KeyCompromise, invalidity: Some(_), .. }
    ));
    assert_eq!(bench.stored(&row).await, row);

    let after = eventually("the CRL", async || {
        let crl = crl(&bench, "issuing").await;
        (!crl.entries().is_empty()).then_some(crl)
    })
    .await;
    assert!(at.elapsed().as_secs_f32() < 2.0, "{:?}", at.elapsed());
    assert!(after.number() > before.number());
    let [entry] = after.entries() else { panic!("one entry") };
    assert_eq!((entry.serial, entry.reason), (row.serial, Some(CrlReason::KeyCompromise)));
    let issuing = Certificate::parse(bench.made.issuing.as_bytes()).expect("strict");
    after.verify_by(&issuing.tbs().public_key).expect("it verifies");

    let Some(openssl) = Openssl::new() else {
        return;
    };
    let kept = bench.authority.crl(&issuer("issuing")).await.expect("a CRL");
    let crl_file = openssl.file("issuing.crl", &pem(&kept.der));
    let leaf = openssl.certificates("leaf.pem", &[&issued.certificate.der]);
    let good = openssl.certificates("good.pem", &[&other.certificate.der]);
    let root = openssl.certificates("root.pem", &[&bench.made.root]);
    let middle = openssl.certificates("middle.pem", &[&bench.made.issuing]);
    let check = |leaf: &str| {
        openssl.run(&[
            "verify",
            "-crl_check",
            "-CRLfile",
            &crl_file,
            "-CAfile",
            &root,
            "-untrusted",
            &middle,
            leaf,
        ])
    };
    assert_eq!(check(&good), Ok("good.pem: OK\n".into()));
    assert!(check(&leaf).expect_err("revoked").contains("certificate revoked"));
}

fn pem(crl: &x509::CrlDer) -> Vec<u8> {
    x509::pem::encode("X509 CRL", crl.as_bytes()).into_bytes()
}

#[tokio::test]
async fn revoking_twice_succeeds_and_changes_nothing() {
    let bench = Bench::start().await;
    let issued = bench.issue("www.corp.example").await.certificate;
    let first = bench.authority.revoke(revoke(&issued, CrlReason::Superseded)).await;
    let first = first.expect("it is revoked");
    bench.ring.clock.pass(60);
    let again = bench.authority.revoke(revoke(&issued, CrlReason::KeyCompromise)).await;
    assert_eq!(again.expect("it stays revoked"), first);
}

#[tokio::test]
async fn hold_is_released_and_revoked_is_not() {
    let bench = Bench::start().await;
    let issued = bench.issue("www.corp.example").await.certificate;
    let change = async |reason| bench.authority.revoke(revoke(&issued, reason)).await;
    assert_eq!(rule(change(CrlReason::RemoveFromCrl).await), Rule::NotHeld.as_str());
    let held = change(CrlReason::CertificateHold).await.expect("it is held");
    assert!(matches!(held.status, CertificateStatus::Held { .. }));
    let released = change(CrlReason::RemoveFromCrl).await.expect("it is released");
    assert_eq!(released.status, CertificateStatus::Valid);
    change(CrlReason::CertificateHold).await.expect("it is held again");
    let revoked = change(CrlReason::CessationOfOperation).await.expect("held is revoked");
    assert!(matches!(revoked.status, CertificateStatus::Revoked { .. }));
    assert_eq!(rule(change(CrlReason::RemoveFromCrl).await), Rule::AlreadyRevoked.as_str());
    assert_eq!(bench.stored(&revoked).await.status, revoked.status);
}

#[tokio::test]
async fn a_sub_ca_is_revoked_on_the_roots_crl() {
    let bench = Bench::start().await;
    let _jobs = bench.jobs().await;
    let filter = store::certificates::Filter {
        profile: Some("sub-ca".parse().expect("a name")),
        ..Default::default()
    };
    let page = store::certificates::list(&bench.store, &filter, bench.now(), None, 10).await;
    let [sub_ca] = page.expect("a page").items.try_into().expect("one sub-CA");
    assert_eq!(sub_ca.der, bench.made.issuing);
    bench.authority.revoke(revoke(&sub_ca, CrlReason::CaCompromise)).await.expect("revoked");
    let root = Certificate::parse(bench.made.root.as_bytes()).expect("strict");
    let crl = eventually("the root's CRL", async || {
        let crl = crl(&bench, "root").await;
        (!crl.entries().is_empty()).then_some(crl)
    })
    .await;
    crl.verify_by(&root.tbs().public_key).expect("it verifies");
    assert_eq!(crl.entries()[0].serial, sub_ca.serial);
}

#[tokio::test]
async fn a_ca_whose_crl_is_refused_does_not_keep_others_from_theirs() {
    let bench = Bench::start().await;
    let call = signer_proto::ReadPolicy { key: kit::label("issuing") };
    let text = bench.operator.read_policy(&call).await;
    let text = text.expect("a policy").text.0;
    let narrowed = with_short_crls(&text);
    assert_ne!(narrowed, text);
    bench.ring.set_policy("issuing", &narrowed);
    let jobs = bench.authority.jobs();
    // `issuing` comes before `root`.
    eventually("the root's CRL", async || {
        let ready = bench.authority.readiness().await;
        let root = ready.crls.iter().find(|crl| crl.issuer == issuer("root"));
        root.is_some_and(|crl| crl.fresh).then_some(())
    })
    .await;
    let ready = bench.authority.readiness().await;
    assert!(ready.crls.iter().any(|crl| !crl.fresh));
    jobs.shutdown().await;
}

/// Lets CRLs of a policy last less long than the server asks for.
fn with_short_crls(text: &str) -> String {
    let narrow = |line: &str| match line.starts_with("max_next_update") {
        true => "max_next_update = \"1h\"\n".to_owned(),
        false => format!("{line}\n"),
    };
    text.lines().map(narrow).collect()
}

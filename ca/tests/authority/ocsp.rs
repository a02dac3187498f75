//! OCSP answers: what they say, when they change, how they are gathered.

use ca::OcspReply;
use model::IssuedCertificate;
use x509::{
    CertId, CertIdHash, CertStatus, Certificate, CrlReason, OcspBasicResponse, OcspErrorStatus,
    OcspRequest, OcspResponse, Serial, oids,
};

use crate::bench::{Bench, issuer};
use crate::openssl::Openssl;
use crate::revoking::revoke;

fn id(bench: &Bench, hash: CertIdHash, serial: Serial) -> CertId {
    let issuing = Certificate::parse(bench.made.issuing.as_bytes()).expect("strict");
    let tbs = issuing.tbs();
    CertId::for_certificate(hash, &tbs.subject, &tbs.public_key, serial)
}

fn ask(requests: Vec<CertId>, nonce: Option<Vec<u8>>) -> Vec<u8> {
    OcspRequest { requests, nonce }.encode().expect("encodes")
}

fn basic(reply: &OcspReply) -> Result<OcspBasicResponse, OcspErrorStatus> {
    match OcspResponse::parse(reply.response.as_bytes()).expect("a response") {
        OcspResponse::Successful(basic) => Ok(basic),
        OcspResponse::Error(status) => Err(status),
    }
}

async fn status(bench: &Bench, certificate: &IssuedCertificate) -> CertStatus {
    let request = ask(vec![id(bench, CertIdHash::Sha1, certificate.serial)], None);
    let reply = bench.authority.ocsp(&issuer("issuing"), &request).await;
    basic(&reply).expect("signed").data.responses[0].status
}

#[tokio::test]
async fn an_answer_is_signed_by_a_delegate_of_the_issuer() {
    let bench = Bench::start().await;
    let issued = bench.issue("www.corp.example").await.certificate;
    let _jobs = bench.jobs().await;
    for hash in [CertIdHash::Sha1, CertIdHash::Sha256] {
        let asked = id(&bench, hash, issued.serial);
        let reply = bench.authority.ocsp(&issuer("issuing"), &ask(vec![asked.clone()], None)).await;
        let basic = basic(&reply).expect("signed");
        let [single] = basic.data.responses.as_slice() else { panic!("one") };
        assert_eq!((&single.cert_id, &single.status), (&asked, &CertStatus::Good));
        let cacheable = reply.cacheable.expect("it may be kept");
        assert_eq!(cacheable.this_update, single.this_update);
        assert_eq!(cacheable.next_update, single.next_update);

        let [responder] = basic.certs.as_slice() else { panic!("one certificate goes along") };
        let responder = Certificate::parse(responder.as_bytes()).expect("strict");
        basic.verify_by(&responder.tbs().public_key).expect("it verifies");
        let issuing = Certificate::parse(bench.made.issuing.as_bytes()).expect("strict");
        responder.verify_by(&issuing.tbs().public_key).expect("the issuer signed it");
        let extensions = &responder.tbs().extensions;
        assert_eq!(extensions.extended_key_usage(), Some(&[oids::EKU_OCSP_SIGNING][..]));
        assert!(extensions.get(oids::EXT_OCSP_NO_CHECK).is_some());
    }
}

#[tokio::test]
async fn a_revocation_is_told_by_the_next_answer() {
    let bench = Bench::start().await;
    let issued = bench.issue("www.corp.example").await.certificate;
    let _jobs = bench.jobs().await;
    assert_eq!(status(&bench, &issued).await, CertStatus::Good);
    // From the cache: nothing more is journaled.
    let leaves = bench.ring.ledger().leaves.len();
    assert_eq!(status(&bench, &issued).await, CertStatus::Good);
    assert_eq!(bench.ring.ledger().leaves.len(), leaves);

    bench.authority.revoke(revoke(&issued, CrlReason::CertificateHold)).await.expect("held");
    assert!(matches!(
        status(&bench, &issued).await,
        CertStatus::Revoked { reason: Some(CrlReason::CertificateHold), .. }
    ));
    bench.authority.revoke(revoke(&issued, CrlReason::RemoveFromCrl)).await.expect("released");
    assert_eq!(status(&bench, &issued).await, CertStatus::Good);
    bench.authority.revoke(revoke(&issued, CrlReason::Superseded)).await.expect("revoked");
    assert!(matches!(
        status(&bench, &issued).await,
        CertStatus::Revoked { reason: Some(CrlReason::Superseded), .. }
    ));
}

#[tokio::test]
async fn nonces_that_come_together_are_signed_together() {
    let bench = Bench::start().await;
    let issued = bench.issue("www.corp.example").await.certificate;
    let _jobs = bench.jobs().await;
    let before = ocsp_leaves(&bench);
    let asked: Vec<_> = (0..200_u8)
        .map(|n| {
            let request = ask(vec![id(&bench, CertIdHash::Sha1, issued.serial)], Some(vec![n; 32]));
            let authority = bench.authority.clone();
            tokio::spawn(async move { authority.ocsp(&issuer("issuing"), &request).await })
        })
        .collect();
    for (n, reply) in asked.into_iter().enumerate() {
        let reply = reply.await.expect("no panic");
        let basic = basic(&reply).expect("signed");
        assert_eq!(basic.data.nonce, Some(vec![u8::try_from(n).expect("small"); 32]));
        assert_eq!(reply.cacheable, None);
    }
    let batches = ocsp_leaves(&bench) - before;
    assert!((1..=20).contains(&batches), "{batches} batches for 200 requests");
}

fn ocsp_leaves(bench: &Bench) -> usize {
    bench.ring.ledger().count("OcspSigned")
}

#[tokio::test]
async fn refuses_to_speak_of_what_is_not_its_own() {
    let bench = Bench::start().await;
    let issued = bench.issue("www.corp.example").await.certificate;
    let _jobs = bench.jobs().await;
    let good = id(&bench, CertIdHash::Sha1, issued.serial);
    let never = id(&bench, CertIdHash::Sha1, Serial::from_unsigned(&[1; 19]).expect("positive"));
    let other_key = CertId { issuer_key_hash: vec![0; 20], ..good.clone() };
    let other_name = CertId { issuer_name_hash: vec![0; 20], ..good.clone() };
    let unauthorized = OcspErrorStatus::Unauthorized;
    for (request, expected) in [
        (ask(vec![never.clone()], None), unauthorized),
        (ask(vec![never.clone()], Some(vec![1])), unauthorized),
        (ask(vec![other_key.clone()], None), unauthorized),
        (ask(vec![other_name], None), unauthorized),
        (ask(vec![good.clone(), other_key], None), unauthorized),
        (ask(vec![good.clone(), never], None), unauthorized),
        (vec![0x30, 0x00], OcspErrorStatus::MalformedRequest),
        (vec![], OcspErrorStatus::MalformedRequest),
    ] {
        let reply = bench.authority.ocsp(&issuer("issuing"), &request).await;
        assert_eq!(basic(&reply).err(), Some(expected));
        assert_eq!(reply.cacheable, None);
    }
    let reply = bench.authority.ocsp(&issuer("root"), &ask(vec![good], None)).await;
    assert_eq!(basic(&reply).err(), Some(unauthorized));
    assert!(!bench.authority.speaks_ocsp(&issuer("root")));
}

#[tokio::test]
async fn the_responders_certificate_renews_itself() {
    let bench = Bench::start().await;
    let jobs = bench.jobs().await;
    let held = |bench: &Bench| {
        let issuers = bench.authority.issuers();
        let found = issuers.iter().find(|i| i.name == issuer("issuing")).cloned();
        found.expect("the issuer").responder.expect("a responder")
    };
    let first = held(&bench);
    jobs.shutdown().await;
    bench.ring.clock.pass(6 * 86_400);
    let jobs = bench.jobs().await;
    assert_eq!(held(&bench), first);
    jobs.shutdown().await;
    bench.ring.clock.pass(2 * 86_400);
    let _jobs = bench.authority.jobs();
    crate::bench::eventually("a new certificate", async || {
        (held(&bench).not_after > first.not_after).then_some(())
    })
    .await;
}

#[tokio::test]
async fn openssl_accepts_the_answer() {
    let Some(openssl) = Openssl::new() else {
        return;
    };
    let bench = Bench::start().await;
    let issued = bench.issue("www.corp.example").await;
    let _jobs = bench.jobs().await;
    let root = openssl.certificates("root.pem", &[&bench.made.root]);
    let middle = openssl.certificates("middle.pem", &[&bench.made.issuing]);
    let leaf = openssl.certificates("leaf.pem", &[&issued.certificate.der]);
    for hash in ["-sha1", "-sha256"] {
        openssl
            .run(&["ocsp", hash, "-issuer", &middle, "-cert", &leaf, "-reqout", "request.der"])
            .expect("a request");
        let request = std::fs::read(openssl.folder().join("request.der")).expect("a request");
        let reply = bench.authority.ocsp(&issuer("issuing"), &request).await;
        openssl.file("response.der", reply.response.as_bytes());
        let said = openssl.run(&[
            "ocsp",
            "-no_nonce",
            "-respin",
            "response.der",
            "-reqin",
            "request.der",
            "-CAfile",
            &root,
            "-verify_other",
            &middle,
            "-issuer",
            &middle,
            hash,
            "-cert",
            &leaf,
        ]);
        let said = said.expect("openssl verifies it");
        assert!(said.contains("Response verify OK") && said.contains("leaf.pem: good"), "{said}");
    }
}

//! A signer that is away or locked.

use ca::SignerReadiness;
use x509::OcspErrorStatus;

use crate::bench::{Bench, eventually, issuer, memory, open, request, rule};

#[tokio::test]
async fn crls_are_served_and_the_rest_says_later() {
    let mut bench = Bench::start().await;
    let issued = bench.issue("www.corp.example").await.certificate;
    let _jobs = bench.jobs().await;
    let before = bench.authority.crl(&issuer("issuing")).await.expect("a CRL");
    assert!(bench.authority.readiness().await.is_ready());
    bench.ring.stop();

    assert_eq!(bench.authority.crl(&issuer("issuing")).await.expect("the CRL"), before);
    assert_eq!(rule(bench.authority.issue(request("a.b.example")).await), "signer-unavailable");
    let ready = bench.authority.readiness().await;
    assert!(ready.store && !ready.is_ready());
    assert!(matches!(ready.signer, SignerReadiness::Unavailable(_)));

    bench.ring.try_open().expect("the ring opens");
    assert_eq!(bench.authority.readiness().await.signer, SignerReadiness::Locked);
    assert_eq!(rule(bench.authority.issue(request("a.b.example")).await), "signer-unavailable");
    bench.ring.unlock().expect("the credential unlocks");
    eventually("issuing again", async || {
        bench.authority.issue(request("a.b.example")).await.ok().map(drop)
    })
    .await;
    assert_eq!(bench.stored(&issued).await, issued);
}

#[tokio::test]
async fn a_server_that_starts_first_waits_for_the_signer() {
    let mut bench = Bench::start().await;
    bench.ring.stop();
    let store = memory(&bench.ring).await;
    let authority = open(&bench.ring, &store).await;
    let _jobs = authority.jobs();
    assert!(authority.recover().await.is_err());
    let reply = authority.ocsp(&issuer("issuing"), &[0x30]).await;
    let malformed = x509::ocsp_error(OcspErrorStatus::MalformedRequest);
    assert_eq!(*reply.response, malformed);
    bench.ring.try_open().expect("the ring opens");
    bench.ring.unlock().expect("the credential unlocks");
    eventually("issuing", async || authority.issue(request("a.b.example")).await.ok().map(drop))
        .await;
}

//! Drafts: good for one certificate, for a while, at the CA that made them.

use ca::{DraftOrder, DraftRequest};
use model::CertificateStatus;

use crate::bench::{Bench, request, rule};

fn order(sealed: &str) -> DraftOrder {
    DraftOrder {
        sealed: sealed.to_owned(),
        officers: Vec::new(),
        proof: None,
        requested_by: "tester".to_owned(),
    }
}

fn signed(bench: &Bench) -> usize {
    bench.ring.ledger().certificates().count()
}

#[tokio::test]
async fn a_draft_gives_one_certificate_however_many_ask_at_once() {
    let bench = Bench::start().await;
    let before = signed(&bench);
    let draft = bench.authority.draft(DraftRequest::New(request("www.corp.example"))).await;
    let draft = draft.expect("a draft");
    assert_eq!(signed(&bench), before, "a draft is signed by nobody");
    let asked: Vec<_> = (0..8)
        .map(|_| {
            let (authority, order) = (bench.authority.clone(), order(&draft.sealed));
            tokio::spawn(async move { authority.issue_draft(order).await })
        })
        .collect();
    let mut issued = Vec::new();
    for one in asked {
        issued.push(one.await.expect("no panic").expect("it is issued").certificate);
    }
    assert!(issued.iter().all(|one| *one == issued[0]));
    assert_eq!(signed(&bench), before + 1);
    let tbs = x509::Certificate::parse(issued[0].der.as_bytes()).expect("strict");
    assert_eq!(tbs.tbs_der(), &draft.der);
    assert_eq!(bench.stored(&issued[0]).await.status, CertificateStatus::Valid);
}

#[tokio::test]
async fn a_draft_is_good_until_the_second_that_it_names() {
    let bench = Bench::start().await;
    let [first, second] = ["a.corp.example", "b.corp.example"].map(request);
    let draft = bench.authority.draft(DraftRequest::New(first)).await.expect("a draft");
    let late = bench.authority.draft(DraftRequest::New(second)).await.expect("a draft");
    // The policy lets a certificate begin 49 hours ago, and the profile sets it back by one.
    assert_eq!(draft.expires.seconds_since(draft.tbs.not_before), 49 * 3_600);
    let left = draft.expires.seconds_since(bench.now());
    assert!((48 * 3_600 - 60..=48 * 3_600).contains(&left), "{left}");
    // Real time passes besides.
    bench.ring.clock.pass(left - 30);
    bench.authority.issue_draft(order(&draft.sealed)).await.expect("almost the last second");
    let before = signed(&bench);
    bench.ring.clock.pass(31);
    assert_eq!(rule(bench.authority.issue_draft(order(&late.sealed)).await), "draft-expired");
    // What was issued already is answered at any time.
    bench.ring.clock.pass(86_400);
    let again = bench.authority.issue_draft(order(&draft.sealed)).await.expect("the same again");
    assert!(again.replayed);
    assert_eq!(signed(&bench), before);
}

#[tokio::test]
async fn refuses_drafts_of_another_ca_and_what_is_none() {
    let (bench, other) = (Bench::start().await, Bench::start().await);
    let draft = other.authority.draft(DraftRequest::New(request("www.corp.example"))).await;
    let draft = draft.expect("a draft");
    let before = signed(&bench);
    let long = "A".repeat(100_000);
    for sealed in [draft.sealed.as_str(), "", "AAAA", "no base64!", &long] {
        let refused = bench.authority.issue_draft(order(sealed)).await;
        assert_eq!(rule(refused), "draft-altered", "{sealed:.20}");
    }
    assert_eq!(signed(&bench), before);
    other.authority.issue_draft(order(&draft.sealed)).await.expect("at its own CA");
}

#[tokio::test]
async fn a_drafted_renewal_is_not_issued_once_the_old_one_is_revoked() {
    let bench = Bench::start().await;
    let old = bench.issue("www.corp.example").await.certificate;
    let renewal = DraftRequest::Renewal { of: old.id, csr: None };
    let draft = bench.authority.draft(renewal).await.expect("a draft");
    let before = signed(&bench);
    let revoke = ca::RevokeRequest {
        id: old.id,
        reason: x509::CrlReason::Superseded,
        invalidity: None,
        by: "tester".to_owned(),
    };
    bench.authority.revoke(revoke).await.expect("it is revoked");
    assert_eq!(rule(bench.authority.issue_draft(order(&draft.sealed)).await), "state");
    assert_eq!(signed(&bench), before);
    assert_eq!(bench.ring.ledger().count("Refused"), 0, "the signer was not asked");
}

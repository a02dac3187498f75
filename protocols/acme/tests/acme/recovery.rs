//! Orders that a crash or an outage left in work.

use std::time::{Duration, Instant};

use kit::SubjectKey;
use model::{AcmeOrder, Id};
use store::acme::orders;

use crate::bench::{Bench, csr, order_of};
use crate::client::Client;
use crate::lifecycle::row;

async fn abandoned(bench: &Bench, client: &Client, key: &SubjectKey) -> (String, Id<AcmeOrder>) {
    let wanted = order_of(&["a.corp.example"]);
    let (url, order) = bench.ready(client, "/acme/new-order", wanted).await;
    drop(order);
    let id: Id<AcmeOrder> = url.rsplit('/').next().expect("an id").parse().expect("an id");
    let (csr, now) = (csr(key, &["a.corp.example"]), bench.authority.now());
    let begin = bench.store.write(move |tx| {
        Box::pin(async move { orders::begin_processing(tx, id, &csr, now).await })
    });
    begin.await.expect("in work");
    bench.acme.forget_kept();
    assert_eq!(client.read(&url).await.expect(200).json()["status"], "processing");
    assert!(client.read(&url).await.header("retry-after").is_some());
    (url, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_a_crash_left_is_issued_afterwards() {
    let bench = Bench::start().await;
    let client = bench.client().await;
    let (url, _) = abandoned(&bench, &client, &SubjectKey::new()).await;
    bench.ring.clock.pass(60);
    assert_eq!(bench.acme.take_up_orders(45).await, Some(1));
    let order = client.read(&url).await.expect(200).json();
    assert_eq!(order["status"], "valid");
    assert_eq!(bench.issued().await, 1);
    assert_eq!(bench.acme.take_up_orders(45).await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_left_before_a_long_outage_is_issued_after_it() {
    let mut bench = Bench::start().await;
    let client = bench.client().await;
    // The first sweep looks through all, later ones go on from there.
    assert_eq!(bench.acme.take_up_orders(45).await, Some(0));
    let (url, _) = abandoned(&bench, &client, &SubjectKey::new()).await;
    bench.ring.stop();
    for _ in 0..3 {
        bench.ring.clock.pass(3_600);
        assert_eq!(bench.acme.take_up_orders(45).await, None, "the signer is away");
    }
    assert_eq!(client.read(&url).await.expect(200).json()["status"], "processing");
    bench.ring.restart();
    // The connection to the signer comes back by itself.
    let end = Instant::now() + Duration::from_secs(10);
    let taken = loop {
        match bench.acme.take_up_orders(45).await {
            None if Instant::now() < end => tokio::time::sleep(Duration::from_millis(10)).await,
            taken => break taken,
        }
    };
    assert_eq!(taken, Some(1));
    assert_eq!(client.read(&url).await.expect(200).json()["status"], "valid");
    assert_eq!(bench.issued().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_certificate_was_signed_before_the_crash_gets_that_one() {
    let bench = Bench::start().await;
    let client = bench.client().await;
    let key = SubjectKey::new();
    let (url, _) = abandoned(&bench, &client, &key).await;
    // Signed, in the journal and in the inventory, and nothing says for which order.
    let asked = ca::IssueRequest {
        profile: "acme".parse().expect("a name"),
        csr: x509::Csr::parse(csr(&key, &["a.corp.example"]).as_bytes()).expect("a CSR"),
        subject: None,
        names: None,
        validity: None,
        requested_by: "recovery".to_owned(),
        idempotency: None,
        replaces: None,
    };
    let signed = bench.authority.issue(asked).await.expect("issued").certificate;
    bench.ring.clock.pass(60);
    assert_eq!(bench.acme.take_up_orders(45).await, Some(1));
    let order = client.read(&url).await.expect(200).json();
    assert_eq!(row(&bench, &order).await.id, signed.id);
    assert_eq!(bench.issued().await, 1);
}

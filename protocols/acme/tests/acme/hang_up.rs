//! Clients that go away as soon as their request is under way: what they asked for is done whole, and
//! nothing of what it changed is remembered as it was.

use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use acme::routes;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::bench::{Bench, csr, order_of};
use crate::client::{Client, Reply, b64};

const NAMES: [&str; 1] = ["a.corp.example"];

/// Gives where an order is finalized, and with what.
fn finalization(order: &Value) -> (String, Value) {
    let csr = csr(&kit::SubjectKey::new(), &NAMES);
    let finalize = order["finalize"].as_str().expect("a URL").to_owned();
    (finalize, json!({ "csr": b64(csr.as_bytes()) }))
}

/// Hands a request in and goes away before there is an answer: in a runtime of one thread nothing else runs
/// meanwhile.
async fn hang_up(bench: &Bench, client: &Client, url: &str, payload: Value) {
    let draft = client.draft(url, Some(payload)).await;
    let body = client.jws(&draft.header.to_string(), &draft.payload).to_string();
    let request = Request::post(&draft.target).header("host", &draft.host);
    let request = request.header("content-type", "application/jose+json").body(Body::from(body));
    let answer = routes(bench.acme.clone()).oneshot(request.expect("a request"));
    let mut answer = std::pin::pin!(answer);
    let polled = answer.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending(), "it was answered at once");
}

/// Asks until the answer is as it should be.
async fn wait<F>(client: &Client, url: &str, is_right: F) -> Reply
where
    F: Fn(&Reply) -> bool,
{
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let reply = client.read(url).await;
        if is_right(&reply) {
            return reply;
        }
        assert!(Instant::now() < end, "{url} stays {}: {}", reply.status, reply.text());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn an_account_that_was_given_up_is_not_remembered() {
    let bench = Bench::start().await;
    let client = bench.client().await;
    let account = client.kid.clone().expect("an account");
    // From here on the server knows the account without asking the database.
    client.read(&account).await.expect(200);
    hang_up(&bench, &client, &account, json!({ "status": "deactivated" })).await;
    let refused = wait(&client, &account, |reply| reply.status != 200).await;
    assert_eq!((refused.status, refused.problem().as_str()), (401, "unauthorized"));
    let order = client.post("/acme/new-order", order_of(&["a.corp.example"])).await;
    assert_eq!((order.status, order.problem().as_str()), (401, "unauthorized"));
    assert_eq!(bench.issued().await, 0);
}

#[tokio::test]
async fn an_authorization_that_was_given_up_is_not_remembered() {
    let bench = Bench::start().await;
    let client = bench.client().await;
    let (url, order) = bench.ready(&client, "/acme/new-order", order_of(&NAMES)).await;
    let authorization = order["authorizations"][0].as_str().expect("a URL");
    hang_up(&bench, &client, authorization, json!({ "status": "deactivated" })).await;
    let status = |reply: &Reply| reply.json()["status"].as_str().unwrap_or_default().to_owned();
    wait(&client, authorization, |reply| status(reply) == "deactivated").await;
    assert_eq!(status(&client.read(&url).await.expect(200)), "invalid");
    let (finalize, payload) = finalization(&order);
    let refused = client.post(&finalize, payload).await;
    assert_eq!((refused.status, refused.problem().as_str()), (403, "orderNotReady"));
    assert_eq!(bench.issued().await, 0);
}

#[tokio::test]
async fn an_order_is_issued_though_nobody_waits() {
    let bench = Bench::start().await;
    let client = bench.client().await;
    let (url, order) = bench.ready(&client, "/acme/new-order", order_of(&NAMES)).await;
    let (finalize, payload) = finalization(&order);
    hang_up(&bench, &client, &finalize, payload).await;
    // It is not the sweep of what was left: no time passes for that here.
    let done = wait(&client, &url, |reply| reply.json()["status"] == "valid").await.json();
    client.read(done["certificate"].as_str().expect("a URL")).await.expect(200);
    assert_eq!(bench.issued().await, 1);
}

#[tokio::test]
async fn what_is_forgotten_is_read_again() {
    let bench = Bench::start().await;
    let client = bench.client().await;
    let (url, order) = bench.ready(&client, "/acme/new-order", order_of(&NAMES)).await;
    bench.acme.forget_kept();
    assert_eq!(client.read(&url).await.expect(200).json(), order);
    let (done, chain) = bench.issue(&client, &NAMES).await;
    bench.acme.forget_kept();
    let certificate = done["certificate"].as_str().expect("a URL");
    assert_eq!(client.read(certificate).await.expect(200).text(), chain);
    let stranger = bench.client().await;
    for forgotten in [false, true] {
        if forgotten {
            bench.acme.forget_kept();
        }
        for (url, kind) in [(&*url, "malformed"), (certificate, "malformed")] {
            let refused = stranger.read(url).await;
            assert_eq!((refused.status, refused.problem().as_str()), (404, kind), "{url}");
        }
    }
}

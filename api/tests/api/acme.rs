//! External account keys and planned renewals, and that ACME is served beside the API.

use axum::body::Body;
use http::{Method, Request};
use model::Role;
use serde_json::json;

use crate::bench::Bench;

const KEYS: &str = "/api/v1/acme/eab-keys";
const PLANS: &str = "/api/v1/acme/renewal-plans";

#[tokio::test]
async fn a_key_shows_its_secret_once_and_is_taken_back_once() {
    let bench = Bench::with_signer().await;
    let wish = json!({
        "name": "web team", "profile": "acme", "names": ["*.web.example", "10.0.0.0/8"],
        "max_accounts": 2, "validity": "1d"
    });
    let made = bench.post(Role::Admin, KEYS, wish).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.headers["cache-control"], "no-store");
    let made = made.json();
    let secret = made["secret"].as_str().expect("a secret");
    assert_eq!(secret.len(), 43);
    let listed = bench.get(Role::Admin, KEYS).await;
    assert!(!String::from_utf8_lossy(&listed.body).contains(secret));
    let listed = listed.json();
    let key = &listed["items"][0];
    assert_eq!((&key["id"], &key["accounts"]), (&made["id"], &json!(0)));
    assert_eq!((&key["is_good"], &key["max_accounts"]), (&json!(true), &json!(2)));
    let path = format!("{KEYS}/{}", made["id"].as_str().expect("an id"));
    let delete = || bench.ask(Some(Role::Admin), Method::DELETE, &path, None);
    assert_eq!(delete().await.status, 204);
    assert_eq!(delete().await.problem(), (409, "already-revoked".into()));
    assert_eq!(bench.get(Role::Admin, KEYS).await.json()["items"][0]["is_good"], false);
}

#[tokio::test]
async fn odd_keys_are_refused_and_none_is_made() {
    let bench = Bench::with_signer().await;
    for (wish, rule) in [
        (json!({ "name": "", "profile": "acme" }), "eab-key-name-malformed"),
        (json!({ "name": "a\nb", "profile": "acme" }), "eab-key-name-malformed"),
        (json!({ "name": "a", "profile": "acme", "validity": "0s" }), "validity-malformed"),
        (json!({ "name": "a", "profile": "acme", "max_accounts": 0 }), "eab-key-malformed"),
        (json!({ "name": "a", "profile": "tls-server" }), "profile-not-offered"),
        (json!({ "name": "a", "profile": "nobody" }), "profile-not-offered"),
        (json!({ "name": "a", "profile": "acme", "names": ["a b"] }), "names-malformed"),
        (json!({ "name": "a", "profile": "acme", "names": ["10.0.0.0/99"] }), "names-malformed"),
    ] {
        let refused = bench.post(Role::Admin, KEYS, wish.clone()).await;
        assert_eq!(refused.problem(), (400, rule.into()), "{wish}");
    }
    assert_eq!(bench.get(Role::Admin, KEYS).await.json()["items"], json!([]));
    // Without the signer no secret is sealed, and no key is made.
    let alone = Bench::new().await;
    let refused = alone.post(Role::Admin, KEYS, json!({ "name": "a", "profile": "acme" })).await;
    assert_eq!(refused.problem(), (503, "signer-unavailable".into()));
    assert_eq!(alone.get(Role::Admin, KEYS).await.json()["items"], json!([]));
}

#[tokio::test]
async fn renewals_are_planned_and_given_up() {
    let bench = Bench::new().await;
    let plan = json!({
        "start": "2030-01-01T00:00:00Z", "end": "2030-01-02T00:00:00Z", "profile": "acme",
        "explanation": "https://status.corp.example/1"
    });
    let made = bench.post(Role::Operator, PLANS, plan.clone()).await;
    assert_eq!(made.status, 201);
    let listed = bench.get(Role::Viewer, PLANS).await.json();
    assert_eq!(listed["items"], json!([made.json()]));
    for (name, value, rule) in [
        ("end", json!("2030-01-01T00:00:00Z"), "window-malformed"),
        ("explanation", json!("status"), "explanation-malformed"),
        ("start", json!("tomorrow"), "json-malformed"),
    ] {
        let mut wish = plan.clone();
        wish[name] = value;
        let refused = bench.post(Role::Operator, PLANS, wish).await;
        assert_eq!(refused.problem(), (400, rule.into()), "{name}");
    }
    let path = format!("{PLANS}/{}", made.json()["id"].as_str().expect("an id"));
    let delete = || bench.ask(Some(Role::Operator), Method::DELETE, &path, None);
    assert_eq!(delete().await.status, 204);
    assert_eq!(delete().await.problem(), (404, "not-found".into()));
}

#[tokio::test]
async fn acme_answers_beside_the_api_in_its_own_words() {
    let bench = Bench::new().await;
    let get = |uri: &'static str, host: &'static str| {
        let request = Request::get(uri).header("host", host);
        bench.send(request.body(Body::empty()).expect("a request"))
    };
    let directory = get("/acme/directory", "localhost").await;
    assert_eq!(directory.status, 200);
    assert_eq!(directory.json()["newNonce"], "https://localhost/acme/new-nonce");
    let nonce = get("/acme/new-nonce", "localhost").await;
    assert_eq!(nonce.status, 204);
    assert!(nonce.headers.contains_key("replay-nonce"));
    for (uri, host, status, kind) in [
        ("/acme/directory", "evil.example", 403, "unauthorized"),
        ("/acme/nothing", "localhost", 404, "malformed"),
        ("/acme/new-order", "localhost", 405, "malformed"),
    ] {
        let refused = get(uri, host).await;
        assert_eq!(refused.status, status, "{uri}");
        let kind = format!("urn:ietf:params:acme:error:{kind}");
        assert_eq!(refused.json()["type"], kind, "{uri}");
    }
}

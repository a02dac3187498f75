//! Issuers as far as no signer is needed.

use model::Role;
use serde_json::{Value, json};

use crate::bench::Bench;

const PATH: &str = "/api/v1/issuers";

fn wish() -> Value {
    json!({
        "name": "corp-root", "kind": "root", "subject": "CN=Corp Root,O=Example",
        "key": "p-384", "validity": "3650d",
    })
}

#[tokio::test]
async fn a_wish_is_kept_and_nothing_is_signed() {
    let bench = Bench::new().await;
    let made = bench.post(Role::Admin, PATH, wish()).await;
    assert_eq!(made.status, 201, "{}", String::from_utf8_lossy(&made.body));
    assert_eq!(made.headers["location"], "/api/v1/issuers/corp-root");
    let shown = bench.get(Role::Viewer, "/api/v1/issuers/corp-root").await.json();
    assert_eq!(shown, made.json());
    assert_eq!((&shown["state"], &shown["certificate"]), (&json!("pending"), &Value::Null));
    assert_eq!(shown["urls"]["crl"], "http://pki.corp.example/.well-known/pki/crl/corp-root.crl");
    assert!(shown["wish"].as_str().is_some_and(|wish| wish.contains("p-384")));
    let listed = bench.get(Role::Viewer, PATH).await.json();
    assert_eq!(listed["items"], json!([shown]));

    let taken = bench.post(Role::Admin, PATH, wish()).await;
    assert_eq!(taken.problem(), (409, "issuer-exists".into()));
    let csr = bench.get(Role::Viewer, "/api/v1/issuers/corp-root/csr").await;
    assert_eq!(csr.problem(), (409, "state".into()));
    let detail = csr.json()["detail"].as_str().expect("words").to_owned();
    assert!(detail.contains("chancery ca csr corp-root"), "{detail}");
    let retired = bench.post(Role::Admin, "/api/v1/issuers/corp-root/retire", json!({})).await;
    assert_eq!(retired.problem(), (409, "state".into()));
}

#[tokio::test]
async fn odd_wishes_are_refused() {
    let bench = Bench::new().await;
    for (field, value, status, rule) in [
        ("subject", json!("nonsense"), 400, "ca-request-malformed"),
        ("key", json!("aes-256"), 400, "ca-request-malformed"),
        ("validity", json!("0d"), 400, "ca-request-malformed"),
        ("parent", json!("other"), 400, "ca-request-malformed"),
        ("kind", json!("leaf"), 400, "json-malformed"),
        ("name", json!("A"), 400, "json-malformed"),
    ] {
        let mut body = wish();
        body[field] = value;
        let refused = bench.post(Role::Admin, PATH, body).await;
        assert_eq!(refused.problem(), (status, rule.into()), "{field}");
    }
    let mut body = wish();
    body["kind"] = json!("issuing");
    body["parent"] = json!("nobody");
    let refused = bench.post(Role::Admin, PATH, body).await;
    assert_eq!(refused.problem(), (400, "parent-unsuitable".into()));
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let bench = Bench::new().await;
    for path in ["/api/v1/issuers/nobody", "/api/v1/issuers/nobody/csr"] {
        assert_eq!(bench.get(Role::Admin, path).await.problem(), (404, "not-found".into()));
    }
    let path = "/api/v1/issuers/nobody/retire";
    let refused = bench.post(Role::Admin, path, json!({})).await;
    assert_eq!(refused.problem(), (404, "not-found".into()));
}

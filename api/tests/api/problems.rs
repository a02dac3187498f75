//! What goes wrong before any route is asked.

use axum::body::Body;
use http::{Method, Request};
use model::Role;
use serde_json::json;

use crate::bench::Bench;

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let bench = Bench::new().await;
    let missing = bench.get(Role::Admin, "/api/v1/nothing").await;
    assert_eq!(missing.problem(), (404, "not-found".into()));
    let patch = bench.ask(Some(Role::Admin), Method::PATCH, "/api/v1/tokens", None).await;
    assert_eq!(patch.problem(), (405, "method-not-allowed".into()));
    let allow = patch.headers.get("allow").expect("what is allowed");
    assert!(allow.to_str().is_ok_and(|allow| allow.contains("POST") && allow.contains("GET")));
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let bench = Bench::new().await;
    let csr = "A".repeat(chancery_server::limits::BODY);
    let body = json!({ "profile": "tls-server", "csr": csr });
    let refused = bench.post(Role::Operator, "/api/v1/certificates", body).await;
    assert_eq!(refused.problem(), (413, "body-too-large".into()));
}

#[tokio::test]
async fn a_body_of_another_type_is_refused() {
    let bench = Bench::new().await;
    let request = Request::post("/api/v1/certificates")
        .header("authorization", format!("Bearer {}", bench.token(Role::Admin)))
        .header("content-type", "application/xml")
        .body(Body::from("<csr/>"))
        .expect("a request");
    assert_eq!(bench.send(request).await.problem(), (415, "not-json".into()));
}

#[tokio::test]
async fn unknown_fields_are_refused_in_bodies_and_queries() {
    let bench = Bench::new().await;
    let body = json!({ "profile": "tls-server", "csr": "x", "surprise": 1 });
    let refused = bench.post(Role::Operator, "/api/v1/certificates", body).await;
    assert_eq!(refused.problem(), (400, "json-malformed".into()));
    let refused = bench.get(Role::Viewer, "/api/v1/certificates?surprise=1").await;
    assert_eq!(refused.problem(), (400, "query-malformed".into()));
}

#[tokio::test]
async fn a_harmless_request_id_comes_back() {
    let bench = Bench::new().await;
    let request = Request::get("/api/v1/tokens")
        .header("x-request-id", "job-7")
        .body(Body::empty())
        .expect("a request");
    let refused = bench.send(request).await;
    assert_eq!(refused.problem(), (401, "token-missing".into()));
    assert_eq!(refused.headers["x-request-id"], "job-7");
}

//! Whether the server lives and is ready, and its metrics.

use chancery_server::app;
use http::Method;
use model::Role;
use serde_json::json;

use crate::bench::Bench;

#[tokio::test]
async fn without_a_signer_it_lives_and_is_not_ready() {
    let mut bench = Bench::new().await;
    for plain in [false, true] {
        if plain {
            bench.app = app::http(bench.state.clone());
        }
        let lives = bench.ask(None, Method::GET, "/healthz", None).await;
        assert_eq!((lives.status.as_u16(), &lives.body[..]), (200, &b"ok\n"[..]));
        let ready = bench.ask(None, Method::GET, "/readyz", None).await;
        assert_eq!(ready.status, 503);
        assert_eq!(ready.headers["retry-after"], "2");
        let body = ready.json();
        assert_eq!(body["ready"], json!(false));
        assert_eq!(body["database"], json!(true));
        assert_eq!(body["signer"], "unavailable");
    }
}

#[tokio::test]
async fn the_plain_listener_has_neither_api_nor_metrics() {
    let mut bench = Bench::new().await;
    bench.app = app::http(bench.state.clone());
    for path in ["/api/v1/certificates", "/metrics", "/api/v1/openapi.json"] {
        let missing = bench.get(Role::Admin, path).await;
        assert_eq!(missing.problem(), (404, "not-found".into()), "{path}");
    }
}

#[tokio::test]
async fn metrics_are_in_the_form_of_prometheus() {
    let bench = Bench::new().await;
    bench.get(Role::Viewer, "/api/v1/profiles").await;
    let metrics = bench.get(Role::Viewer, "/metrics").await;
    assert_eq!(metrics.status, 200);
    let text = String::from_utf8(metrics.body).expect("text");
    assert!(text.contains("chancery_ready 0"), "{text}");
    let counted = text.lines().find(|line| {
        line.starts_with("chancery_http_requests_total{") && line.contains("/api/v1/profiles")
    });
    assert!(counted.is_some_and(|line| line.ends_with(" 1")), "{text}");
    assert!(text.contains("chancery_http_request_seconds_bucket{"), "{text}");
}

#[tokio::test]
async fn the_description_is_served_to_anybody() {
    let bench = Bench::new().await;
    let answer = bench.ask(None, Method::GET, "/api/v1/openapi.json", None).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["openapi"], "3.1.0");
}

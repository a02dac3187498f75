//! Tokens: made, listed, used, revoked.

use http::Method;
use model::Role;
use serde_json::json;

use crate::bench::Bench;

const PATH: &str = "/api/v1/tokens";

#[tokio::test]
async fn a_token_is_shown_once_works_and_is_revoked_at_once() {
    let bench = Bench::new().await;
    let body = json!({ "name": "ci", "role": "operator", "validity": "1d" });
    let made = bench.post(Role::Admin, PATH, body).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.headers["cache-control"], "no-store");
    let made = made.json();
    let token = made["token"].as_str().expect("the token");
    assert_eq!((&made["role"], &made["is_good"]), (&json!("operator"), &json!(true)));
    assert_eq!(made["expires_at"], "2027-01-16T08:00:00Z");

    let listed = bench.get(Role::Admin, PATH).await;
    assert!(!String::from_utf8_lossy(&listed.body).contains(token));
    assert_eq!(listed.json()["items"].as_array().map(Vec::len), Some(5));

    let use_it = || {
        let request = http::Request::get("/api/v1/certificates")
            .header("authorization", format!("Bearer {token}"));
        bench.send(request.body(axum::body::Body::empty()).expect("a request"))
    };
    assert_eq!(use_it().await.status, 200);
    let path = format!("{PATH}/{}", made["id"].as_str().expect("an id"));
    let revoked = bench.ask(Some(Role::Admin), Method::DELETE, &path, None).await;
    assert_eq!(revoked.status, 204);
    assert_eq!(use_it().await.problem(), (401, "token-refused".into()));
}

#[tokio::test]
async fn the_last_admin_token_stays() {
    let bench = Bench::new().await;
    let path = format!("{PATH}/{}", bench.token_id(Role::Admin));
    let refused = bench.ask(Some(Role::Admin), Method::DELETE, &path, None).await;
    assert_eq!(refused.problem(), (409, "last-admin".into()));
    assert_eq!(bench.get(Role::Admin, PATH).await.status, 200);
}

#[tokio::test]
async fn odd_tokens_are_refused() {
    let bench = Bench::new().await;
    for (body, rule) in [
        (json!({ "name": "", "role": "admin" }), "token-name-malformed"),
        (json!({ "name": "a\nb", "role": "admin" }), "token-name-malformed"),
        (json!({ "name": "x".repeat(65), "role": "admin" }), "token-name-malformed"),
        (json!({ "name": "a", "role": "root" }), "json-malformed"),
        (json!({ "name": "a", "role": "admin", "validity": "0d" }), "validity-malformed"),
    ] {
        let refused = bench.post(Role::Admin, PATH, body).await;
        assert_eq!(refused.problem(), (400, rule.into()));
    }
    let missing = format!("{PATH}/01980000-0000-7000-8000-000000000000");
    let refused = bench.ask(Some(Role::Admin), Method::DELETE, &missing, None).await;
    assert_eq!(refused.problem(), (404, "not-found".into()));
    let refused = bench.ask(Some(Role::Admin), Method::DELETE, "/api/v1/tokens/7", None).await;
    assert_eq!(refused.problem(), (400, "path-malformed".into()));
}

#[tokio::test]
async fn what_was_done_and_denied_stands_in_the_audit_log() {
    let bench = Bench::new().await;
    let body = json!({ "name": "ci", "role": "viewer" });
    bench.post(Role::Admin, PATH, body.clone()).await;
    bench.post(Role::Viewer, PATH, body).await;
    let path = "/api/v1/audit?actor=the-viewer&action=access.denied";
    let denied = bench.get(Role::Auditor, path).await.json();
    let [event] = &denied["items"].as_array().expect("items")[..] else {
        panic!("not one event: {denied}");
    };
    assert_eq!(event["target"], "tokens:manage");
    assert_eq!(event["detail"]["role"], "viewer");

    // Page by page, nothing twice and nothing left out.
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = format!("/api/v1/audit?limit=2{cursor}");
        let page = bench.get(Role::Auditor, &page).await.json();
        let items = page["items"].as_array().expect("items").clone();
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|event| event["seq"].as_i64().expect("a number")));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 6);
    assert!(seen.is_sorted_by(|earlier, later| earlier > later), "{seen:?}");
    for bad in ["cursor=x", "action=certificate.eat", "limit=0", "limit=1001", "from=now"] {
        let refused = bench.get(Role::Auditor, &format!("/api/v1/audit?{bad}")).await;
        assert_eq!(refused.problem().0, 400, "{bad}");
    }
}

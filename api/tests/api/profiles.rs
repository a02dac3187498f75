//! Profiles: made, changed, deleted.

use http::Method;
use model::Role;
use serde_json::{Value, json};

use crate::bench::{Answer, Bench};

const PATH: &str = "/api/v1/profiles";
const BODY: &str =
    "version = 1\nvalidity = \"1d\"\nmax_validity = \"2d\"\nkey_kinds = [\"p-256\"]\n";

async fn put(bench: &Bench, name: &str, body: Value) -> Answer {
    let path = format!("{PATH}/{name}");
    bench.ask(Some(Role::Admin), Method::PUT, &path, Some(body)).await
}

#[tokio::test]
async fn a_profile_lives_from_its_making_to_its_end() {
    let bench = Bench::new().await;
    let made = bench.post(Role::Admin, PATH, json!({ "name": "web", "body": BODY })).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.headers["location"], "/api/v1/profiles/web");
    let shown = bench.get(Role::Viewer, "/api/v1/profiles/web").await.json();
    assert_eq!(shown, made.json());
    assert_eq!((&shown["revision"], &shown["enabled"]), (&json!(1), &json!(true)));
    assert_eq!(shown["body"], BODY);

    let changed = put(&bench, "web", json!({ "enabled": false, "revision": 1 })).await.json();
    assert_eq!((&changed["revision"], &changed["enabled"]), (&json!(2), &json!(false)));
    let late = put(&bench, "web", json!({ "enabled": true, "revision": 1 })).await;
    assert_eq!(late.problem(), (409, "revision-changed".into()));

    let path = "/api/v1/profiles/web";
    let deleted = bench.ask(Some(Role::Admin), Method::DELETE, path, None).await;
    assert_eq!(deleted.status, 204);
    let again = bench.ask(Some(Role::Admin), Method::DELETE, path, None).await;
    assert_eq!(again.problem(), (404, "not-found".into()));
    assert_eq!(bench.get(Role::Viewer, path).await.problem().0, 404);

    let log = bench.get(Role::Auditor, "/api/v1/audit?target=web").await.json();
    let actions: Vec<&str> = log["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|event| event["action"].as_str())
        .collect();
    assert_eq!(actions, ["profile.delete", "profile.update", "profile.create"]);
}

#[tokio::test]
async fn the_built_in_ones_are_there_and_stay() {
    let bench = Bench::new().await;
    let listed = bench.get(Role::Viewer, PATH).await.json();
    let names: Vec<&str> = listed["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|profile| profile["name"].as_str())
        .collect();
    for name in ["tls-server", "tls-client", "tls-server-client", "device", "user"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    let path = "/api/v1/profiles/tls-server";
    let refused = bench.ask(Some(Role::Admin), Method::DELETE, path, None).await;
    assert_eq!(refused.problem(), (409, "profile-builtin".into()));
}

#[tokio::test]
async fn a_faulty_text_is_refused_with_every_fault() {
    let bench = Bench::new().await;
    let body = BODY.replace("p-256", "dsa").replace("version = 1", "version = 2");
    let refused = bench.post(Role::Admin, PATH, json!({ "name": "web", "body": body })).await;
    assert_eq!(refused.problem(), (400, "profile-malformed".into()));
    assert_eq!(refused.json()["errors"].as_array().map(Vec::len), Some(2));
    let refused = put(&bench, "tls-server", json!({ "body": body })).await;
    assert_eq!(refused.problem(), (400, "profile-malformed".into()));
    let taken = bench.post(Role::Admin, PATH, json!({ "name": "user", "body": BODY })).await;
    assert_eq!(taken.problem(), (409, "profile-exists".into()));
    let odd = bench.post(Role::Admin, PATH, json!({ "name": "A B", "body": BODY })).await;
    assert_eq!(odd.problem(), (400, "json-malformed".into()));
}

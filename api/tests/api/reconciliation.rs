//! Comparing the inventory with the journal, by the API.

use std::time::Duration;

use model::Role;
use serde_json::{Value, json};
use store::testing::tamper;

use crate::bench::Bench;

const PATH: &str = "/api/v1/reconciliation";

/// Has a run made and waits for what it comes to.
async fn compare(bench: &Bench, role: Role) -> Value {
    let started = bench.post(role, PATH, json!({})).await;
    assert_eq!(started.status, 202);
    let run = started.json()["run"].as_u64().expect("a number");
    for _ in 0..500 {
        let standing = bench.get(role, PATH).await.json();
        if standing["last"]["run"].as_u64() == Some(run) {
            return standing["last"].clone();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no run in five seconds");
}

#[tokio::test]
async fn auditors_have_it_compared_and_see_what_differs() {
    let bench = Bench::with_signer().await;
    let before = bench.get(Role::Auditor, PATH).await.json();
    assert_eq!((&before["run"], &before["running"]), (&json!(0), &json!(false)));
    assert_eq!(before["last"], Value::Null);
    assert_eq!(bench.get(Role::Viewer, "/readyz").await.json()["reconciled"], Value::Null);

    let report = compare(&bench, Role::Auditor).await;
    assert_eq!(report["agrees"], true, "{report}");
    assert_eq!(report["certificates"], 2);
    tamper(&bench.store, "DELETE FROM certificates").await;
    let report = compare(&bench, Role::Admin).await;
    assert_eq!(report["agrees"], false);
    assert_eq!((&report["missing"], &report["repaired"]), (&json!(1), &json!(1)), "{report}");
    assert_eq!(report["findings"][0]["kind"], "missing");

    let metrics = bench.get(Role::Viewer, "/metrics").await;
    let text = String::from_utf8(metrics.body).expect("text");
    for line in [
        r#"chancery_reconcile_differences{kind="missing"} 1"#,
        r#"chancery_reconcile_differences{kind="never-signed"} 0"#,
        "chancery_reconcile_failed 0",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    // The answer before is kept for half a second.
    tokio::time::sleep(Duration::from_millis(600)).await;
    let ready = bench.get(Role::Viewer, "/readyz").await;
    assert_eq!((ready.status.as_u16(), &ready.json()["reconciled"]), (200, &json!(false)));

    let events = bench.get(Role::Auditor, "/api/v1/audit?action=inventory.alarm").await.json();
    assert_eq!(events["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(events["items"][0]["detail"]["kind"], "missing");
    let asked = bench.get(Role::Auditor, "/api/v1/audit?action=inventory.reconcile").await.json();
    assert_eq!(asked["items"].as_array().map(Vec::len), Some(2));
}

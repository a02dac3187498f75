//! `chancery reconcile` over a database that somebody changed by hand.

use kit::{Database, Openssl, Stack};
use serde_json::Value;
use store::testing::{TestClock, tamper};
use store::{DatabaseUrl, Store};

use crate::issued::Issued;

/// Does something to the inventory behind the server's back.
fn by_hand(stack: &Stack, sql: &str) -> u64 {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = DatabaseUrl::sqlite_file(stack.data().join("server/chancery.db"));
        let store = Store::open(&url, TestClock::default()).await.expect("the database");
        let changed = tamper(&store, sql).await;
        store.close().await;
        changed
    })
}

fn reconcile(stack: &Stack) -> (Option<i32>, Value) {
    let output = stack.chancery(&["reconcile", "--json"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let report = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    (output.status.code(), report)
}

#[test]
fn rows_that_were_never_signed_and_rows_that_are_gone_are_flagged_in_one_run() {
    let stack = Stack::start_with(Database::Sqlite, &[]);
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    let kept = Issued::new(&stack, &openssl, "kept");
    let gone = Issued::new(&stack, &openssl, "gone");
    let last = stack.chancery(&["reconcile", "--last"]);
    assert_eq!(last.status.code(), Some(5), "nothing was compared yet");
    let (code, report) = reconcile(&stack);
    assert_eq!((code, &report["agrees"]), (Some(0), &Value::Bool(true)), "{report}");
    // What was issued just now is taken over by the journal's follower, once a second.
    std::thread::sleep(std::time::Duration::from_secs(3));

    let sql = format!("DELETE FROM certificates WHERE id = '{}'", gone.id);
    assert_eq!(by_hand(&stack, &sql), 1);
    let sql = format!(
        "INSERT INTO certificates SELECT seq + 1000, '00000000-0000-7000-8000-000000000001', issuer,
         substr(spki_sha256, 1, 19), profile, subject, names, not_before, not_after, spki_sha256,
         status, status_at, reason, invalidity, ring, journal, requested_by, created_at, replaces,
         der FROM certificates WHERE id = '{}'",
        kept.id
    );
    assert_eq!(by_hand(&stack, &sql), 1);

    let (code, report) = reconcile(&stack);
    assert_eq!(code, Some(6), "{report}");
    assert_eq!((&report["never_signed"], &report["missing"]), (&1.into(), &1.into()), "{report}");
    assert_eq!(report["repaired"], 1);
    let shown = stack.chancery(&["reconcile", "--last"]);
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(text.contains("never-signed") && text.contains(&gone.serial.to_lowercase()), "{text}");
    let doctor = stack.chancery(&["doctor"]);
    let text = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(text.contains("differs from the signer's journal"), "{text}");
    // The deleted one is there again, and the other stays until somebody has looked at it.
    stack.must(&["cert", "show", &gone.serial]);
    let (code, report) = reconcile(&stack);
    assert_eq!(
        (code, &report["never_signed"], &report["missing"]),
        (Some(6), &1.into(), &0.into())
    );
}

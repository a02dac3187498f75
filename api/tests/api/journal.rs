//! Entries of the signer's journal for auditors.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use model::Role;
use signer_proto::{Leaf, Wire};

use crate::bench::Bench;

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_reads_every_entry_as_it_was_written() {
    let bench = Bench::with_signer().await;
    let ask = async |query: &str| {
        let path = format!("/api/v1/journal/entries{query}");
        bench.ask(Some(Role::Auditor), Method::GET, &path, None).await
    };
    let mut leaves = Vec::new();
    loop {
        let answer = ask(&format!("?from={}&limit=3", leaves.len())).await;
        assert_eq!(answer.status, 200);
        let page = answer.json();
        assert_eq!(page["from"], leaves.len());
        let entries = page["entries"].as_array().expect("entries");
        assert!(entries.len() <= 3);
        for entry in entries {
            assert_eq!(entry["position"], leaves.len());
            let octets = STANDARD.decode(entry["leaf"].as_str().expect("base64")).expect("base64");
            let leaf = Leaf::from_wire(&octets).expect("a leaf");
            assert_eq!(entry["event"], leaf.event.name());
            assert_eq!(entry["tbs"].is_string(), leaf.event.name() == "AuthoritySigned");
            leaves.push(leaf);
        }
        if page["size"] == leaves.len() {
            break;
        }
    }
    assert_eq!(leaves[0].event.name(), "Genesis");
    assert!(leaves.iter().any(|leaf| leaf.event.name() == "AuthoritySigned"));
    let past = ask("?from=1000000").await;
    assert_eq!(past.problem(), (400, "position-unknown".to_owned()));
    let large = ask("?limit=1001").await;
    assert_eq!(large.problem(), (400, "limit-out-of-range".to_owned()));
}

#[tokio::test]
async fn without_a_signer_there_is_no_journal() {
    let bench = Bench::new().await;
    let answer = bench.ask(Some(Role::Auditor), Method::GET, "/api/v1/journal/entries", None).await;
    assert_eq!(answer.problem(), (503, "signer-unavailable".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_is_anchored_and_another_one_is_not_taken_for_it() {
    let bench = Bench::with_signer().await;
    let check = async |bench: &Bench| {
        let path = "/api/v1/audit/check";
        let answer = bench.ask(Some(Role::Auditor), Method::GET, path, None).await;
        assert_eq!(answer.status, 200);
        answer.json()
    };
    let found = check(&bench).await;
    assert_eq!((found["intact"].as_bool(), found["through"].is_null()), (Some(true), true));
    let authority = &bench.state.authority;
    assert!(!authority.anchor_audit().await.expect("an answer"), "events settle first");
    bench.ring.as_ref().expect("a ring").clock.pass(61);
    assert!(authority.anchor_audit().await.expect("an anchor"));
    assert!(!authority.anchor_audit().await.expect("an answer"), "nothing is new");
    let found = check(&bench).await;
    assert_eq!(found["intact"], true);
    assert!(found["events"].as_u64().expect("a number") >= 4, "a token for each role");
    // Another table behind the same signer, as if somebody had put it in the place of ours.
    let other = bench.with_another_store().await;
    let found = check(&other).await;
    assert_eq!(found["intact"], false);
}

//! Everything that RFC 8555 and its successors forbid, case by case and endpoint by endpoint. Each
//! names the section, the problem type and the status; after each the database has had no row
//! written, the journal has no new leaf, and no key has signed.

mod account;
mod finalize;
mod jws;
mod key_change;
mod order;
mod resource;
mod revoke;
mod signers;
mod table;
mod world;

use std::collections::BTreeSet;

use crate::bench::Bench;
use table::{Case, Table};
use world::World;

/// What a refusal must leave as it is.
#[derive(Debug, PartialEq, Eq)]
struct Traces {
    /// Rows that were ever inserted, changed or deleted.
    written: i64,
    /// Leaves of the signer's journal: one for every signature, and for every record and refusal.
    leaves: u64,
    /// Signatures that the driver of the keys was asked for.
    signatures: u64,
}

impl Traces {
    async fn of(bench: &Bench) -> Self {
        Self {
            written: store::testing::written(&bench.store).await,
            leaves: bench.ring.size(),
            signatures: bench.ring.counts.signs(),
        }
    }
}

/// Sends a case; gives what is wrong with the answer, or with what it left.
async fn try_case(world: &World, case: Case) -> Vec<String> {
    let Case { name, kind, status, draft, by } = case;
    let signed = draft.method == "POST";
    let before = Traces::of(&world.bench).await;
    let reply = Table::of(world).who(by).send(draft).await;
    let after = Traces::of(&world.bench).await;
    let mut wrong = Vec::new();
    let told = if reply.body.is_empty() { String::new() } else { reply.problem() };
    if (told.as_str(), reply.status) != (kind, status) {
        let found = (reply.status, reply.text());
        wrong.push(format!("{name}: {kind} {status} expected: {} {}", found.0, found.1));
    }
    if reply.header("content-type") != Some("application/problem+json") {
        wrong.push(format!("{name}: no problem document"));
    }
    // RFC 8555 §6.5: also what is refused brings the next nonce.
    if signed && reply.header("replay-nonce").is_none() {
        wrong.push(format!("{name}: no nonce"));
    }
    if kind == "badSignatureAlgorithm" && !reply.json()["algorithms"].is_array() {
        wrong.push(format!("{name}: no algorithms"));
    }
    if after != before {
        wrong.push(format!("{name}: left a trace: {before:?}, then {after:?}"));
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_forbidden_is_refused_by_its_type_and_leaves_no_trace() {
    let world = World::make().await;
    let mut table = Table::of(&world);
    jws::forms(&mut table).await;
    jws::algorithms(&mut table).await;
    jws::urls_and_nonces(&mut table).await;
    signers::signers(&mut table).await;
    signers::keys(&mut table).await;
    account::accounts(&mut table).await;
    account::bindings(&mut table).await;
    key_change::key_changes(&mut table).await;
    order::orders(&mut table).await;
    resource::resources(&mut table).await;
    finalize::csrs(&mut table).await;
    revoke::revocations(&mut table).await;
    let cases = table.cases;
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len(), "two cases share a name");
    assert!(names.len() >= 120, "{} cases", names.len());

    let before = world.bench.issued().await;
    let mut wrong = Vec::new();
    for case in cases {
        wrong.extend(try_case(&world, case).await);
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(world.bench.issued().await, before, "something was issued");
}

/// The twin: what is not refused does leave each of these traces.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_admitted_is_seen_in_the_database_and_in_the_journal() {
    let bench = Bench::start().await;
    let before = Traces::of(&bench).await;
    let client = bench.client().await;
    let registered = Traces::of(&bench).await;
    assert!(registered.written > before.written, "{registered:?}");
    assert_eq!((registered.leaves, registered.signatures), (before.leaves, before.signatures));
    bench.issue(&client, &["a.corp.example"]).await;
    let issued = Traces::of(&bench).await;
    assert!(issued.written > registered.written, "{issued:?}");
    assert!(issued.leaves > registered.leaves, "{issued:?}");
    assert!(issued.signatures > registered.signatures, "{issued:?}");
}

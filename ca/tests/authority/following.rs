//! Following the journal: what is found there and nowhere else.

use ca::RevokeRequest;
use model::{CertificateStatus, IssuedCertificate, IssuerState, JournalPosition, RingName};
use store::{Store, certificates, journal_positions};
use x509::CrlReason;

use crate::bench::{Bench, eventually, memory, open};
use crate::revoking::revoke;

async fn all(store: &Store, bench: &Bench) -> Vec<IssuedCertificate> {
    let page = certificates::list(store, &Default::default(), bench.now(), None, 1000).await;
    let mut items = page.expect("a page").items;
    items.sort_by_key(|row| row.serial);
    items
}

/// What must be the same in an inventory that was made again.
fn facts(rows: &[IssuedCertificate]) -> Vec<impl PartialEq + std::fmt::Debug + use<>> {
    rows.iter()
        .map(|row| {
            (row.der.clone(), row.status, row.names.clone(), row.profile.clone(), row.journal)
        })
        .collect()
}

#[tokio::test]
async fn a_lost_database_is_made_again_from_the_journal() {
    let bench = Bench::start().await;
    let mut issued = Vec::new();
    for n in 0..20 {
        issued.push(bench.issue(&format!("h{n}.corp.example")).await.certificate);
    }
    let change = async |n: usize, reason| {
        bench.authority.revoke(revoke(&issued[n], reason)).await.expect("it changes")
    };
    change(1, CrlReason::KeyCompromise).await;
    change(2, CrlReason::CertificateHold).await;
    change(3, CrlReason::CertificateHold).await;
    change(3, CrlReason::RemoveFromCrl).await;

    let store = memory(&bench.ring).await;
    let authority = open(&bench.ring, &store).await;
    let report = authority.recover().await.expect("the journal is taken over");
    // The issuing CA's own certificate as well.
    assert_eq!((report.certificates, report.skipped), (20, 0));
    assert_eq!(report.changes, 2);
    assert_eq!(facts(&all(&store, &bench).await), facts(&all(&bench.store, &bench).await));
    let names: Vec<String> = authority.issuers().iter().map(|i| i.name.to_string()).collect();
    assert_eq!(names, ["issuing", "root"]);
    let position = journal_positions::get(&store, &RingName::default()).await.expect("a position");
    assert_eq!(position, JournalPosition(bench.ring.ledger().leaves.len() as u64));

    // It issues on, and a second look finds nothing new.
    authority.issue(crate::bench::request("new.corp.example")).await.expect("it is issued");
    let again = authority.recover().await.expect("again");
    assert_eq!((again.certificates, again.changes, again.issuers), (0, 0, 0));
}

#[tokio::test]
async fn a_certificate_without_a_row_is_recorded_when_nobody_will_any_more() {
    let bench = Bench::start().await;
    let _jobs = bench.authority.jobs();
    // Signed by the ring and recorded by nobody: as if the server had died in between.
    let orphan = orphan(&bench).await;
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    let find = async || {
        let rows = all(&bench.store, &bench).await;
        rows.into_iter().find(|row| row.serial == orphan)
    };
    assert_eq!(find().await, None);
    bench.ring.clock.pass(16);
    let row = eventually("the orphan", find).await;
    assert_eq!(row.requested_by, "recovery");
    assert_eq!(row.names, ["orphan.corp.example"]);
}

/// Has a second server with a database of its own issue; ours does not hear of it.
async fn orphan(bench: &Bench) -> x509::Serial {
    let store = memory(&bench.ring).await;
    let other = open(&bench.ring, &store).await;
    other.recover().await.expect("the journal is taken over");
    let issued = other.issue(crate::bench::request("orphan.corp.example")).await;
    issued.expect("it is issued").certificate.serial
}

#[tokio::test]
async fn a_change_that_another_server_made_arrives() {
    let bench = Bench::start().await;
    let issued = bench.issue("www.corp.example").await.certificate;
    let _jobs = bench.jobs().await;
    let store = memory(&bench.ring).await;
    let other = open(&bench.ring, &store).await;
    other.recover().await.expect("the journal is taken over");
    let there = certificates::get_by_serial(&store, other.issuers()[0].id, issued.serial).await;
    let there = there.expect("an answer").expect("recovered");
    let asked = RevokeRequest { id: there.id, ..revoke(&there, CrlReason::Superseded) };
    other.revoke(asked).await.expect("it is revoked");
    eventually("the revocation", async || {
        let row = bench.stored(&issued).await;
        matches!(row.status, CertificateStatus::Revoked { .. }).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_restored_ring_that_lacks_leaves_is_noticed() {
    let bench = Bench::start().await;
    let ring = RingName::default();
    let at = journal_positions::get(&bench.store, &ring).await.expect("a position");
    let beyond = JournalPosition(at.0 + 1_000);
    bench
        .store
        .write(move |tx| {
            Box::pin(async move { journal_positions::advance(tx, &ring, at, beyond).await })
        })
        .await
        .expect("advanced");
    let outcome = bench.authority.recover().await;
    assert!(matches!(outcome, Err(ca::RecoverError::Behind(position)) if position == beyond.0));
}

#[tokio::test]
async fn the_first_hierarchy_is_active_and_made_once() {
    let bench = Bench::start().await;
    for found in bench.authority.issuers().iter() {
        assert!(matches!(found.state, IssuerState::Active(_)), "{}", found.name);
    }
    let leaves = bench.ring.ledger().leaves.len();
    let plan = crate::bench::plan(&[]);
    let again = ca::ceremony::bootstrap(&bench.operator, &plan, bench.now()).await;
    let again = again.expect("nothing is wrong with what is there");
    assert!(!again.made);
    assert_eq!((again.root, again.issuing), (bench.made.root.clone(), bench.made.issuing.clone()));
    assert_eq!(bench.ring.ledger().leaves.len(), leaves);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_read_earlier_never_replaces_what_was_read_later() {
    let bench = Bench::start().await;
    let name: model::ProfileName = "tls-server".parse().expect("a name");
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let authority = bench.authority.clone();
            tokio::spawn(async move {
                loop {
                    authority.reload_profiles().await.expect("read");
                }
            })
        })
        .collect();
    for round in 0..400 {
        let profile = store::profiles::get(&bench.store, &name).await;
        let mut profile = profile.expect("the database").expect("built in");
        profile.enabled = round % 2 == 1;
        let (row, enabled) = (profile.clone(), profile.enabled);
        let write = bench
            .store
            .write(move |tx| Box::pin(async move { store::profiles::update(tx, &row).await }));
        write.await.expect("written");
        bench.authority.reload_profiles().await.expect("read");
        // Others may be between their reading and their putting it in place.
        for _ in 0..20 {
            tokio::task::yield_now().await;
            let asked =
                ca::IssueRequest { names: Some(vec![]), ..crate::bench::request("a.corp.example") };
            let expected = if enabled { "san-required" } else { "profile-unknown" };
            let found = crate::bench::rule(bench.authority.issue(asked).await);
            assert_eq!(found, expected, "round {round}");
        }
    }
    for reader in readers {
        reader.abort();
    }
}

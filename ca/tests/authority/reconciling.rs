//! Inventory and journal side by side: what somebody did to the database is found in one run.

use ca::{Finding, FindingKind, Reconciliation};
use model::{
    AuditAction, CertificateStatus, IssuedCertificate, JournalPosition, NewAuditEvent, RingName,
};
use store::testing::{fresh_postgres, tamper};
use store::{NewIssued, Recorded, audit, certificates};
use x509::{CertificateDer, CrlReason, Serial};

use crate::bench::Bench;
use crate::revoking::revoke;

/// Runs a test on both engines.
macro_rules! both_engines {
    ($($(#[$doc:meta])* async fn $name:ident($bench:ident: Bench) $body:block)*) => {$(
        $(#[$doc])*
        mod $name {
            use super::*;

            async fn body($bench: Bench) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                body(Bench::start().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgresql() {
                let Some(url) = fresh_postgres().await else { return };
                body(Bench::with(&[], Some(url)).await).await;
            }
        }
    )*};
}

/// Compares after everything that was issued is taken over.
async fn run(bench: &Bench) -> Reconciliation {
    bench.authority.recover().await.expect("the journal is taken over");
    let report = bench.authority.reconcile().await.expect("a comparison");
    (*report).clone()
}

fn kinds(report: &Reconciliation) -> Vec<(FindingKind, bool)> {
    report.findings.iter().map(|finding| (finding.kind, finding.repaired)).collect()
}

async fn alarms(bench: &Bench) -> usize {
    let filter = audit::Filter { action: Some(AuditAction::InventoryAlarm), ..Default::default() };
    audit::list(&bench.store, &filter, None, 1000).await.expect("the audit log").len()
}

/// Writes a row as somebody does who has the database.
async fn insert(bench: &Bench, certificate: IssuedCertificate) {
    let new = NewIssued {
        audit: NewAuditEvent {
            at: bench.now(),
            actor: "nobody".to_owned(),
            action: AuditAction::CertificateIssue,
            target: certificate.id.to_string(),
            detail: "{}".to_owned(),
            journal: None,
        },
        certificate,
        idempotency: None,
        ring: RingName::default(),
        order: None,
    };
    let recorded = bench.store.record_issued(new).await.expect("it is taken");
    assert_eq!(recorded, Recorded::New);
}

/// Makes a row of a certificate that was never signed, from one that was.
fn forged(honest: &IssuedCertificate, octet: u8) -> IssuedCertificate {
    let mut serial = honest.serial.as_bytes().to_vec();
    serial[5] ^= octet;
    IssuedCertificate {
        id: model::Id::from_parts(7, &[octet; 10]),
        serial: Serial::from_unsigned(&serial).expect("a serial"),
        der: CertificateDer::from_vec(vec![0x30, octet]),
        ..honest.clone()
    }
}

async fn delete(bench: &Bench, certificate: &IssuedCertificate) {
    let sql = format!("DELETE FROM certificates WHERE id = '{}'", certificate.id);
    assert_eq!(tamper(&bench.store, &sql).await, 1);
}

both_engines! {
    async fn an_honest_inventory_agrees(bench: Bench) {
        let mut issued = Vec::new();
        for n in 0..5 {
            issued.push(bench.issue(&format!("h{n}.corp.example")).await.certificate);
        }
        for (n, reason) in [
            (0, CrlReason::KeyCompromise),
            (1, CrlReason::CertificateHold),
            (2, CrlReason::CertificateHold),
            (2, CrlReason::RemoveFromCrl),
        ] {
            bench.authority.revoke(revoke(&issued[n], reason)).await.expect("it changes");
        }
        let report = run(&bench).await;
        assert!(report.agrees(), "{report:?}");
        // The issuing CA's certificate too; the root's own stands with the issuers.
        assert_eq!((report.certificates, report.rows), (7, 6));
        // Four changes; one row is held and one revoked.
        assert_eq!(report.statuses, 6);
        assert_eq!(report.leaves, bench.ring.ledger().leaves.len() as u64);
        assert_eq!(alarms(&bench).await, 0);
    }

    async fn a_row_that_was_never_signed_is_flagged_in_every_run_and_told_once(bench: Bench) {
        let honest = bench.issue("a.corp.example").await.certificate;
        let beyond = JournalPosition(1_000_000);
        for (octet, journal) in [(1, honest.journal), (2, JournalPosition(0)), (3, beyond)] {
            insert(&bench, IssuedCertificate { journal, ..forged(&honest, octet) }).await;
        }
        for _ in 0..2 {
            let report = run(&bench).await;
            assert_eq!(kinds(&report), [(FindingKind::NeverSigned, false); 3], "{report:?}");
            let positions: Vec<_> = report.findings.iter().map(|f| f.position).collect();
            let of_honest = i64::try_from(honest.journal.0).expect("small");
            assert_eq!(positions, [Some(0), Some(of_honest), Some(1_000_000)]);
            let named = report.findings.iter().all(|f| f.certificate.is_some());
            assert!(named && !report.agrees());
        }
        assert_eq!(alarms(&bench).await, 3);
        assert_eq!(bench.authority.reconciliation().alarms, 6);
        // A place before the journal is none.
        let sql = format!("UPDATE certificates SET journal = -5 WHERE id = '{}'", honest.id);
        assert_eq!(tamper(&bench.store, &sql).await, 1);
        let report = run(&bench).await;
        assert_eq!(report.findings[0].position, Some(-5));
        assert_eq!(report.counts, [4, 0, 1, 0]);
    }

    async fn a_row_that_was_deleted_is_flagged_and_put_back(bench: Bench) {
        let issued = bench.issue("a.corp.example").await.certificate;
        let gone = bench.issue("b.corp.example").await.certificate;
        let revoked = bench.issue("c.corp.example").await.certificate;
        let change = revoke(&revoked, CrlReason::KeyCompromise);
        bench.authority.revoke(change).await.expect("revoked");
        assert!(run(&bench).await.agrees());
        delete(&bench, &gone).await;
        delete(&bench, &revoked).await;
        let report = run(&bench).await;
        // The one that was revoked comes back as valid, and then as what it is.
        let found = [FindingKind::Missing, FindingKind::Missing, FindingKind::Status];
        assert_eq!(kinds(&report), found.map(|kind| (kind, true)), "{report:?}");
        let serials: Vec<_> = report.findings.iter().map(|f| f.serial.clone()).collect();
        let expected = [&gone, &revoked, &revoked].map(|row| Some(row.serial.to_hex()));
        assert_eq!(serials, expected);
        assert_eq!((report.repaired, alarms(&bench).await), (3, 3));

        let there = async |of: &IssuedCertificate| {
            let row = certificates::get_by_serial(&bench.store, of.issuer, of.serial).await;
            row.expect("an answer").expect("it is there")
        };
        assert_eq!(there(&gone).await.der, gone.der);
        assert_eq!(there(&gone).await.requested_by, "recovery");
        assert!(matches!(there(&revoked).await.status, CertificateStatus::Revoked { .. }));
        assert_eq!(there(&issued).await, issued);
        assert!(run(&bench).await.agrees());
    }

    async fn the_deleted_certificate_of_a_ca_is_put_back(bench: Bench) {
        let issuing = x509::Certificate::parse(bench.made.issuing.as_bytes()).expect("strict");
        let serial = issuing.tbs().serial;
        let root = bench.authority.issuers().iter().find(|i| !i.is_issuing).expect("a root").id;
        let row = certificates::get_by_serial(&bench.store, root, serial).await;
        delete(&bench, &row.expect("an answer").expect("it is there")).await;
        assert_eq!(kinds(&run(&bench).await), [(FindingKind::Missing, true)]);
        assert!(run(&bench).await.agrees());
    }

    async fn a_row_with_another_certificate_or_issuer_is_flagged(bench: Bench) {
        let swapped = bench.issue("a.corp.example").await.certificate;
        let moved = bench.issue("b.corp.example").await.certificate;
        let other = bench.issue("c.corp.example").await.certificate;
        let root = bench.authority.issuers().iter().find(|i| !i.is_issuing).expect("a root").id;
        for sql in [
            format!(
                "UPDATE certificates SET der = (SELECT der FROM certificates WHERE id = '{}')
                 WHERE id = '{}'",
                other.id, swapped.id
            ),
            format!("UPDATE certificates SET issuer = '{root}' WHERE id = '{}'", moved.id),
        ] {
            assert_eq!(tamper(&bench.store, &sql).await, 1);
        }
        let report = run(&bench).await;
        assert_eq!(kinds(&report), [(FindingKind::Differs, false); 2], "{report:?}");
        let details: Vec<&str> = report.findings.iter().map(|f| f.detail.as_str()).collect();
        let expected = [
            "the certificate is not the one that was signed",
            "the issuer is not the one whose key signed",
        ];
        assert_eq!(details, expected);
    }

    async fn a_status_that_is_not_the_signers_is_flagged(bench: Bench) {
        let hidden = bench.issue("a.corp.example").await.certificate;
        let slandered = bench.issue("b.corp.example").await.certificate;
        let change = revoke(&hidden, CrlReason::KeyCompromise);
        bench.authority.revoke(change).await.expect("revoked");
        assert!(run(&bench).await.agrees());
        for sql in [
            format!(
                "UPDATE certificates SET status = 0, status_at = NULL, reason = NULL
                 WHERE id = '{}'",
                hidden.id
            ),
            format!(
                "UPDATE certificates SET status = 2, status_at = 1800000000, reason = 1
                 WHERE id = '{}'",
                slandered.id
            ),
        ] {
            assert_eq!(tamper(&bench.store, &sql).await, 1);
        }
        let report = run(&bench).await;
        let expected = [(FindingKind::Status, true), (FindingKind::Status, false)];
        assert_eq!(kinds(&report), expected, "{report:?}");
        let details: Vec<&str> = report.findings.iter().map(|f| f.detail.as_str()).collect();
        let told = ["the inventory says valid, the signer revoked",
            "the inventory says revoked, the signer good"];
        assert_eq!(details, told);
        let there = bench.stored(&hidden).await.status;
        assert!(matches!(there, CertificateStatus::Revoked { .. }));
        // Revoked never changes, in the inventory too: somebody has to look at it.
        assert_eq!(kinds(&run(&bench).await), [(FindingKind::Status, false)]);
    }
}

#[tokio::test]
async fn what_is_not_taken_over_yet_is_no_difference() {
    let bench = Bench::start().await;
    // Signed and not recorded, as between the two steps of an issuance.
    let before = bench.authority.reconcile().await.expect("a comparison");
    assert!(before.agrees(), "{before:?}");
    let issued = bench.issue("a.corp.example").await.certificate;
    delete(&bench, &issued).await;
    let report = bench.authority.reconcile().await.expect("a comparison");
    assert!(report.agrees(), "{report:?}");
}

#[tokio::test]
async fn a_signer_that_is_away_fails_the_run_and_the_next_one_is_whole() {
    let mut bench = Bench::start().await;
    bench.ring.stop();
    assert!(bench.authority.reconcile().await.is_err());
    let standing = bench.authority.reconciliation();
    assert_eq!((standing.begun, standing.ended), (1, 1));
    assert!(standing.failure.is_some() && standing.last.is_none());
    bench.ring.try_open().expect("the ring opens");
    // It need not be unlocked: nothing is signed.
    let report: std::sync::Arc<Reconciliation> =
        bench.authority.reconcile().await.expect("a comparison");
    assert!(report.agrees() && report.run == 2);
    let none: &[Finding] = &report.findings;
    assert!(none.is_empty());
}

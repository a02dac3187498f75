//! What the core writes passes.

use std::path::Path;

use signer_verify::{Audit, Evidence, Report, audit};

fn check(journal: &Path, evidence: &Evidence) -> Report {
    audit(Audit { journal, evidence, threads: 2, progress: &mut |_| {} }).expect("a verdict")
}

#[test]
fn a_journal_of_every_kind_of_leaf_passes() {
    let gallery = verify_tests::gallery(300);
    let journal = gallery.ring.ring_dir().join("journal");
    let report = check(&journal, &Evidence::default());
    assert_eq!(report.fault, None);
    assert_eq!(report.leaves, gallery.leaves.len() as u64);
    assert!(report.leaves >= 300, "{}", report.leaves);
    for name in [
        "Genesis",
        "Opened",
        "UnlockAttempt",
        "KeyGenerated",
        "PolicySet",
        "KeyStateSet",
        "IssuanceFrozen",
        "CeremonyRecorded",
        "ValidationRecorded",
        "AuditAnchored",
        "CertificateSigned",
        "AuthoritySigned",
        "RequestSigned",
        "RevocationChanged",
        "CrlSigned",
        "OcspSigned",
        "Refused",
    ] {
        assert!(report.counts.contains_key(name), "{name} is not in the gallery");
    }
}

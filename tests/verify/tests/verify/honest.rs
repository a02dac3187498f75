//! What the core writes passes.

use std::collections::BTreeMap;
use std::path::Path;

use signer_verify::{Audit, Evidence, Report, audit};

fn check(journal: &Path, evidence: &Evidence) -> Report {
    audit(Audit { journal, evidence, threads: 2, progress: &mut |_| {} }).expect("a verdict")
}

#[test]
fn a_journal_of_every_kind_of_leaf_passes() {
    let mut counts = passes(&verify_tests::gallery(300));
    counts.extend(passes(&verify_tests::eventful(300)));
    // The two of them have every type of leaf.
    for name in [
        "Genesis",
        "Opened",
        "UnlockAttempt",
        "KeyGenerated",
        "PolicySet",
        "OperatorsSet",
        "KeyStateSet",
        "IssuanceFrozen",
        "CeremonyRecorded",
        "GapAccepted",
        "Promoted",
        "RingFollowed",
        "UnlockRotated",
        "KeyAdopted",
        "InventoryImported",
        "CertificateSigned",
        "AuthoritySigned",
        "RequestSigned",
        "SignIntended",
        "HandshakesSigned",
        "ValidationRecorded",
        "AuditAnchored",
        "RevocationChanged",
        "CrlSigned",
        "OcspSigned",
        "FollowedRead",
        "Refused",
    ] {
        assert!(counts.contains_key(name), "{name} is in neither gallery");
    }
}

fn passes(gallery: &verify_tests::Gallery) -> BTreeMap<&'static str, u64> {
    let journal = gallery.ring.ring_dir().join("journal");
    let report = check(&journal, &Evidence::default());
    assert_eq!(report.fault, None);
    assert_eq!(report.leaves, gallery.leaves.len() as u64);
    assert!(report.leaves >= 300, "{}", report.leaves);
    report.counts
}

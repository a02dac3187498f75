//! A restart finds what was there.

use signer::{DriverFamily, Environment, NewRing, OpenError, Signer, Start};
use signer_proto::{Describe, Leaf, OperatorKeys, ReadJournal, ReadPolicy, Revoke, Rule, Wire};
use x509::CrlReason;
use zeroize::Zeroizing;

use keystore::NewFactor;
use keystore_file::FileVault;

use super::workshop::{Workshop, label};

#[test]
fn a_restart_replays_to_the_same_state() {
    let mut workshop = Workshop::with_hierarchy();
    let serial = workshop.issue("a.corp.example").tbs().serial;
    workshop.issue("b.corp.example");
    let revoked = workshop.call(Revoke {
        key: label("issuing"),
        serial,
        reason: CrlReason::KeyCompromise,
        invalidity: Some(workshop.now()),
    });
    assert!(revoked.is_ok());
    let before = workshop.call(Describe).unwrap();
    let events = workshop.events();
    workshop.restart();
    assert_eq!(workshop.call(Describe).unwrap(), before);
    let after = workshop.events();
    assert_eq!(after[..events.len()], events);
    assert_eq!(after[events.len()..], ["Opened", "UnlockAttempt"]);
    let policy = workshop.call(ReadPolicy { key: label("issuing") }).unwrap();
    assert_eq!(policy.text.0, super::drafts::issuing_policy());
}

#[test]
fn the_journal_reads_from_any_position_to_its_end() {
    let workshop = Workshop::with_hierarchy();
    let all = workshop.leaves();
    assert_eq!(all[0].event.name(), "Genesis");
    let read = |from, limit| workshop.call(ReadJournal { from, limit });
    let slice = read(2, 3).unwrap();
    assert_eq!((slice.from, slice.size, slice.leaves.0.len()), (2, all.len() as u64, 3));
    assert_eq!(Leaf::from_wire(&slice.leaves.0[0].0).as_ref(), Ok(&all[2]));
    assert!(read(all.len() as u64, 1).unwrap().leaves.0.is_empty());
    assert_eq!(read(all.len() as u64 + 1, 1).unwrap_err().rule, Rule::PositionUnknown);
    assert_eq!(read(0, 0).unwrap_err().rule, Rule::FieldMalformed);
    assert_eq!(read(0, 4097).unwrap_err().rule, Rule::FieldMalformed);
}

fn open(dir: &std::path::Path) -> Result<Signer, OpenError> {
    let vault = std::sync::Arc::new(FileVault::at(dir));
    let start = Start { version: "test".to_owned(), report: String::new() };
    Signer::open(dir, vault, Environment::system(), &start)
}

#[test]
fn a_ring_has_one_signer_and_is_made_once() {
    let workshop = Workshop::new();
    assert!(matches!(open(&workshop.ring()), Err(OpenError::Directory(_))));
    let new = NewRing {
        driver: DriverFamily::File,
        server_uids: vec![],
        va_uids: vec![],
        admin_uids: vec![],
        server_gid: None,
        admin_gid: None,
        operators: OperatorKeys(vec![]),
        threshold: 0,
        made_by: String::new(),
    };
    let factor = NewFactor::Credential(Zeroizing::new(vec![1; 32]));
    let again = signer::create(
        &workshop.ring(),
        &new,
        &factor,
        |dir| Box::new(FileVault::at(dir)),
        &Environment::system(),
    );
    assert!(matches!(again, Err(signer::CreateError::Exists(_))));
}

#[test]
fn refuses_the_journal_of_another_ring() {
    let (mut one, mut two) = (Workshop::new(), Workshop::new());
    one.stop();
    two.stop();
    let (from, to) = (two.ring().join("journal"), one.ring().join("journal"));
    std::fs::remove_dir_all(&to).unwrap();
    std::fs::rename(from, to).unwrap();
    assert!(matches!(open(&one.ring()), Err(OpenError::Journal(_))));
}

#[test]
fn refuses_a_journal_that_is_gone() {
    let mut workshop = Workshop::new();
    workshop.stop();
    for entry in std::fs::read_dir(workshop.ring().join("journal")).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    assert!(matches!(open(&workshop.ring()), Err(OpenError::Journal(_))));
}

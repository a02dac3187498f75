//! The journal as a log: forged checkpoints, and a ring that was put back to what it was.

use std::path::Path;
use std::process::Command;

use kit::Ring;
use signer_proto::{
    Health, NoteBytes, ProofKind, ReadCheckpoint, ReadProof, ReadTile, Rule, ShowCheckpoint, Socket,
};

fn checkpoint(ring: &Ring) -> Vec<u8> {
    let least = ring.call(&Health).unwrap().position;
    ring.call(&ReadCheckpoint { least }).unwrap().newest.0
}

fn show(note: &[u8]) -> ShowCheckpoint {
    ShowCheckpoint { note: NoteBytes(note.to_vec()) }
}

/// Copies a directory with its owners and modes.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}

fn replace(dir: &Path, by: &Path) {
    std::fs::remove_dir_all(dir).unwrap();
    copy(by, dir);
}

#[test]
fn refuses_a_checkpoint_that_the_log_did_not_sign() {
    let ring = Ring::start();
    let honest = checkpoint(&ring);
    let text = String::from_utf8(honest.clone()).unwrap();
    let larger = {
        let size = text.lines().nth(1).unwrap();
        text.replacen(&format!("\n{size}\n"), "\n4000000000\n", 1)
    };
    let last = text.trim_end().len() - 8;
    let mut bent = honest.clone();
    bent[last] = if bent[last] == b'A' { b'B' } else { b'A' };
    let unsigned = text.split_once("\n\n").unwrap().0.to_owned() + "\n\n";
    let twice = format!("{text}{}", text.lines().last().unwrap());
    let elsewhere = checkpoint(&Ring::start());
    let mut assault = ring.assault();
    for (note, rule) in [
        (larger.into_bytes(), Rule::ProofRefused),
        (bent, Rule::ProofRefused),
        (elsewhere, Rule::ProofRefused),
        (unsigned.into_bytes(), Rule::FieldMalformed),
        (twice.into_bytes(), Rule::FieldMalformed),
        (b"chancery/00\n1\n".to_vec(), Rule::FieldMalformed),
        (vec![0xff; 64], Rule::FieldMalformed),
        (Vec::new(), Rule::FieldMalformed),
    ] {
        assault.refused(rule, ring.attack(Socket::Status, &show(&note)));
    }
    assault.assert_held();
    // Nobody stopped the ring by any of them, and the honest one is taken.
    let shown = ring.call(&show(&honest)).unwrap();
    assert_eq!(shown.taken, 0);
}

#[test]
fn refuses_proofs_and_tiles_of_what_is_not_there() {
    let ring = Ring::start();
    let size = ring.call(&Health).unwrap().position;
    let mut assault = ring.assault();
    for (kind, first, of) in [
        (ProofKind::Inclusion, size, size),
        (ProofKind::Inclusion, 0, size + 1000),
        (ProofKind::Inclusion, 0, u64::MAX),
        (ProofKind::Consistency, size, size - 1),
        (ProofKind::Consistency, 1, u64::MAX),
    ] {
        assault.refused_call(Rule::PositionUnknown, &ReadProof { kind, first, size: of });
    }
    for (level, index, width) in [
        (0, u64::MAX, 256),
        (7, 1, 1),
        (0, 0, 256),
        (63, 0, 1),
        (u8::MAX, u64::MAX, u16::MAX),
        (0, 0, 0),
        (0, 0, 257),
    ] {
        assault.refused_call(Rule::PositionUnknown, &ReadTile { level, index, width });
    }
    assault.refused_call(Rule::PositionUnknown, &ReadCheckpoint { least: u64::MAX });
    assault.assert_held();
}

/// Stops a ring and puts `older` in the place of a part of it, or of all.
fn put_back(ring: &mut Ring, part: Option<&str>, older: &Path) {
    ring.stop();
    copy(&ring.ring_dir(), &ring.dir().join("newer"));
    match part {
        Some(part) => replace(&ring.ring_dir().join(part), &older.join(part)),
        None => replace(&ring.ring_dir(), older),
    }
}

/// Nothing is signed, minted, revoked or unlocked; then the newer copy comes back, and all is well.
fn refuses_until_the_newer_one_is_back(ring: &mut Ring, order: &signer_proto::SignCertificate) {
    let signs = ring.counts.signs();
    assert_eq!(ring.unlock().unwrap_err().rule, Rule::StateRolledBack);
    let refusal = ring.call(order).unwrap_err();
    assert!(matches!(refusal.rule, Rule::StateRolledBack | Rule::Locked), "{refusal}");
    assert_eq!(ring.counts.signs(), signs);
    // The mark outlives a restart.
    ring.stop();
    ring.try_open().unwrap();
    assert_eq!(ring.unlock().unwrap_err().rule, Rule::StateRolledBack);
    ring.stop();
    let newer = ring.dir().join("newer");
    replace(&ring.ring_dir(), &newer);
    ring.try_open().unwrap();
    ring.unlock().unwrap();
    ring.call(order).unwrap();
    let _ = ring.issue();
}

#[test]
fn refuses_a_ring_restored_from_an_older_copy_to_whom_a_newer_checkpoint_is_shown() {
    let mut ring = Ring::start();
    let order = ring.order(&ring.leaf());
    ring.stop();
    let older = ring.dir().join("older");
    copy(&ring.ring_dir(), &older);
    ring.try_open().unwrap();
    ring.unlock().unwrap();
    let _ = ring.issue();
    let newest = checkpoint(&ring);
    put_back(&mut ring, None, &older);
    ring.try_open().unwrap();
    let refusal = ring.call(&show(&newest)).unwrap_err();
    assert_eq!(refusal.rule, Rule::StateRolledBack);
    refuses_until_the_newer_one_is_back(&mut ring, &order);
}

#[test]
fn refuses_a_journal_restored_from_an_older_copy_beside_a_newer_checkpoint() {
    let mut ring = Ring::start();
    let order = ring.order(&ring.leaf());
    ring.stop();
    let older = ring.dir().join("older");
    copy(&ring.ring_dir(), &older);
    ring.try_open().unwrap();
    ring.unlock().unwrap();
    let _ = ring.issue();
    // The ring keeps what it signs.
    let _ = checkpoint(&ring);
    put_back(&mut ring, Some("journal"), &older);
    ring.try_open().unwrap();
    refuses_until_the_newer_one_is_back(&mut ring, &order);
}

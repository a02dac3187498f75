//! The journal as a log: proofs, tiles, checkpoints.

use signer_log::merkle::{Hash, root};
use signer_log::proof::{verify_consistency, verify_inclusion};
use signer_log::segment::leaf_hash;
use signer_proto::{
    Digest, ProofKind, ReadJournal, ReadProof, ReadTile, Rule, Socket, TreeProof, Wire,
};

use super::workshop::Workshop;

/// Returns the encoded leaves.
fn leaves(workshop: &Workshop) -> Vec<Vec<u8>> {
    let slice = workshop.call(ReadJournal { from: 0, limit: 4096 }).unwrap();
    slice.leaves.0.into_iter().map(|leaf| leaf.0).collect()
}

fn proof(workshop: &Workshop, kind: ProofKind, first: u64, size: u64) -> TreeProof {
    workshop.call(ReadProof { kind, first, size }).unwrap()
}

fn hashes(proof: &TreeProof) -> Vec<Hash> {
    proof.hashes.0.iter().map(|hash| hash.0).collect()
}

#[test]
fn every_leaf_and_every_earlier_journal_is_proved() {
    let workshop = Workshop::with_hierarchy();
    (0..5).for_each(|n| drop(workshop.issue(&format!("n{n}.corp.example"))));
    let leaves = leaves(&workshop);
    let size = leaves.len() as u64;
    let whole = root(&leaves).0;
    for (index, leaf) in (0..size).zip(&leaves) {
        let found = proof(&workshop, ProofKind::Inclusion, index, size);
        assert_eq!(found.root, Digest(whole));
        let place = (index, size);
        verify_inclusion(&leaf_hash(leaf), place, &hashes(&found), &whole).unwrap();
        let found = proof(&workshop, ProofKind::Consistency, index, size);
        let old = root(&leaves[..usize::try_from(index).unwrap()]).0;
        verify_consistency((index, &old), (size, &whole), &hashes(&found)).unwrap();
    }
}

#[test]
fn tiles_are_read_on_every_socket_and_only_those_of_the_tree() {
    let workshop = Workshop::locked(|driver| driver);
    let leaves = leaves(&workshop);
    let width = u16::try_from(leaves.len()).unwrap();
    let expected: Vec<u8> = leaves.iter().flat_map(|leaf| leaf_hash(leaf)).collect();
    for socket in Socket::ALL {
        let asked = workshop.ask_on(*socket, &ReadTile { level: 0, index: 0, width });
        let tile = signer_proto::TileBytes::from_wire(&asked.recv().unwrap().unwrap()).unwrap();
        assert_eq!(tile.0, expected, "{socket}");
    }
    for (level, index, width) in [(0, 0, 0), (0, 0, 256), (0, 1, 1), (1, 0, 1), (9, 0, 1)] {
        let refused = workshop.call(ReadTile { level, index, width }).unwrap_err();
        assert_eq!(refused.rule, Rule::PositionUnknown, "{level} {index} {width}");
    }
}

#[test]
fn refuses_proofs_of_what_is_not_durable() {
    let workshop = Workshop::locked(|driver| driver);
    let size = leaves(&workshop).len() as u64;
    for (kind, first, of) in [
        (ProofKind::Inclusion, 0, u64::MAX),
        (ProofKind::Inclusion, size, size),
        (ProofKind::Inclusion, 0, 0),
        (ProofKind::Consistency, 0, u64::MAX),
        (ProofKind::Consistency, 2, 1),
    ] {
        let refused = workshop.call(ReadProof { kind, first, size: of }).unwrap_err();
        assert_eq!(refused.rule, Rule::PositionUnknown, "{kind} {first} {of}");
    }
    let reading = ["Genesis", "Opened", "Refused"];
    assert!(workshop.events().iter().all(|name| reading.contains(name)));
}

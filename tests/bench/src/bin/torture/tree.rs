//! The signer's journal as somebody outside remembers it: it only grows.

use std::collections::HashSet;

use kit::{Ledger, RawPeer, Stack};
use signer_log::merkle::CompactRange;
use signer_log::proof::verify_consistency;
use signer_log::segment::leaf_hash;
use signer_proto::{ProofKind, ReadJournal, ReadProof, Socket};

/// What was read of the journal up to now.
#[derive(Default)]
pub struct Tree {
    range: CompactRange,
    serials: HashSet<String>,
}

impl Tree {
    /// Reads on. The journal proves that what was read before is the beginning of what it is now,
    /// and its root is that of the leaves that it gave.
    pub fn read_on(&mut self, stack: &Stack) {
        let path = stack.run_dir().join(format!("{}.sock", Socket::Admin));
        let mut peer = RawPeer::connect(&path).expect("the signer listens");
        let (before, root) = (self.range.size(), self.range.root());
        loop {
            let read = ReadJournal { from: self.range.size(), limit: 4096 };
            let slice = peer.call(&read).expect("the journal is read");
            let octets: Vec<Vec<u8>> = slice.leaves.0.into_iter().map(|leaf| leaf.0).collect();
            octets.iter().for_each(|leaf| self.range.append(leaf_hash(leaf)));
            for serial in Ledger::new(0, octets).serials() {
                let is_new = self.serials.insert(serial.to_hex());
                assert!(is_new, "{serial} has two certificates in the journal");
            }
            if self.range.size() >= slice.size {
                break;
            }
        }
        let size = self.range.size();
        assert!(size >= before, "leaves are lost");
        if before == 0 {
            return;
        }
        let proof = ReadProof { kind: ProofKind::Consistency, first: before, size };
        let proof = peer.call(&proof).expect("a proof");
        assert_eq!(proof.root.0, self.range.root(), "another root than that of the leaves");
        let hashes: Vec<_> = proof.hashes.0.iter().map(|hash| hash.0).collect();
        verify_consistency((before, &root), (size, &proof.root.0), &hashes)
            .expect("the journal before the kill is the beginning of the one after it");
    }

    /// Returns the serials of every certificate.
    pub fn serials(&self) -> &HashSet<String> {
        &self.serials
    }

    /// Returns how many leaves there are.
    pub fn size(&self) -> u64 {
        self.range.size()
    }
}

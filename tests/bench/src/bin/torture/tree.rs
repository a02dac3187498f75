//! The signer's journal as somebody outside remembers it: it only grows.

use std::collections::HashSet;

use kit::{Ledger, RawPeer, Stack};
use signer_log::checkpoint::Checkpoint;
use signer_log::merkle::{CompactRange, Hash};
use signer_log::note::{Algorithm, Note, NoteKey};
use signer_log::proof::verify_consistency;
use signer_log::segment::leaf_hash;
use signer_proto::{
    Event, Genesis, ProofKind, Purpose, ReadCheckpoint, ReadJournal, ReadProof, Socket,
};

/// What was read of the journal up to now.
#[derive(Default)]
pub struct Tree {
    range: CompactRange,
    /// The log's key, as genesis names it.
    log: Option<NoteKey>,
    /// The newest checkpoint that it signed before.
    checkpoint: Option<Checkpoint>,
    serials: HashSet<String>,
}

impl Tree {
    /// Reads on. The journal proves that what was read before is the beginning of what it is now,
    /// and its root is that of the leaves that it gave.
    pub fn read_on(&mut self, stack: &Stack) {
        let path = stack.run_dir().join(format!("{}.sock", Socket::Admin));
        let mut peer = RawPeer::connect(&path).expect("the signer listens");
        let before = (self.range.size(), self.range.root());
        loop {
            let read = ReadJournal { from: self.range.size(), limit: 4096 };
            let slice = peer.call(&read).expect("the journal is read");
            let octets: Vec<Vec<u8>> = slice.leaves.0.into_iter().map(|leaf| leaf.0).collect();
            octets.iter().for_each(|leaf| self.range.append(leaf_hash(leaf)));
            let ledger = Ledger::new(0, octets);
            if let Some(Event::Genesis(genesis)) = ledger.events().next() {
                self.log = Some(log_key(genesis));
            }
            for serial in ledger.serials() {
                let is_new = self.serials.insert(serial.to_hex());
                assert!(is_new, "{serial} has two certificates in the journal");
            }
            if self.range.size() >= slice.size {
                break;
            }
        }
        self.continues(&mut peer, before);
        if let Some(Checkpoint { size, root, .. }) = self.checkpoint.take() {
            self.continues(&mut peer, (size, root));
        }
        let least = ReadCheckpoint { least: self.range.size() };
        let newest = peer.call(&least).expect("a checkpoint").newest;
        let note = Note::parse(&newest.0).expect("a note");
        let log = self.log.as_ref().expect("the journal begins with genesis");
        let checkpoint = Checkpoint::verify(&note, log).expect("the log signed it");
        if checkpoint.size == self.range.size() {
            assert_eq!(checkpoint.root, self.range.root(), "a checkpoint of another journal");
        }
        self.checkpoint = Some(checkpoint);
    }

    /// What was known of the journal before is the beginning of what it is now.
    fn continues(&self, peer: &mut RawPeer, (first, root): (u64, Hash)) {
        let size = self.range.size();
        assert!(size >= first, "leaves are lost: {first} were there, and {size} are");
        if first == 0 {
            return;
        }
        let proof = ReadProof { kind: ProofKind::Consistency, first, size };
        let proof = peer.call(&proof).expect("a proof");
        assert_eq!(proof.root.0, self.range.root(), "another root than that of the leaves");
        let hashes: Vec<_> = proof.hashes.0.iter().map(|hash| hash.0).collect();
        verify_consistency((first, &root), (size, &proof.root.0), &hashes)
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

fn log_key(genesis: &Genesis) -> NoteKey {
    let mut house = genesis.house_keys.0.iter();
    let key = house.find(|key| key.purpose == Purpose::Log).expect("a log key");
    let spki = key.spki.as_ref().expect("a public key");
    let name = signer_log::checkpoint::origin(genesis.instance);
    NoteKey::of_spki(&name, Algorithm::Ed25519, spki).expect("an Ed25519 key")
}

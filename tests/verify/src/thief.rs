//! An attacker who has the keys of the ring: what is left is what the journal must tell.

use std::path::Path;

use keystore::{Approved, KeyIdentity, Opened, UnlockFactor, Vault as _};
use keystore_file::FileVault;
use signer_log::checkpoint::{Checkpoint, origin};
use signer_log::note::{Algorithm, Note, NoteKey};
use signer_proto::{Digest, Event, Genesis, KeyGenerated, KeyId, KeyLabel, Leaf, Wire};
use x509::{Signature, SignatureScheme};
use zeroize::Zeroizing;

/// All keys of a ring.
pub struct Thief {
    opened: Opened,
    genesis: Genesis,
    keys: Vec<KeyGenerated>,
}

impl Thief {
    /// Opens the ring's key files with the credential of the tests.
    ///
    /// # Panics
    /// If they do not open.
    #[must_use]
    pub fn open(ring: &Path, leaves: &[Vec<u8>]) -> Self {
        let events = leaves.iter().map(|leaf| Leaf::from_wire(leaf).expect("a leaf").event);
        let (mut genesis, mut keys) = (None, Vec::new());
        for event in events {
            match event {
                Event::Genesis(found) => genesis = Some(found),
                Event::KeyGenerated(found) => keys.push(found),
                _ => {}
            }
        }
        let genesis = genesis.expect("a genesis");
        let house: Vec<KeyIdentity> = genesis
            .house_keys
            .0
            .iter()
            .map(|key| KeyIdentity {
                id: key.id,
                label: KeyLabel::new(key.purpose.as_str()).expect("a label"),
                purpose: key.purpose,
                spec: key.spec,
            })
            .collect();
        let factor = UnlockFactor::Credential(Zeroizing::new(kit::CREDENTIAL.to_vec()));
        let digest = Digest(x509::sha256(&leaves[0]));
        let opened = FileVault::at(ring).unlock(&factor, digest, &house).expect("it opens");
        Self { opened, genesis, keys }
    }

    /// Signs anything with a CA key.
    ///
    /// # Panics
    /// If there is no such key.
    #[must_use]
    pub fn sign(&self, key: KeyId, scheme: SignatureScheme, message: &[u8]) -> Signature {
        let key = self.keys.iter().find(|found| found.id == key).expect("a key");
        let identity = KeyIdentity {
            id: key.id,
            label: key.label.clone(),
            purpose: key.purpose,
            spec: key.spec,
        };
        let message = Approved::admitted(message);
        self.opened.driver.sign(&identity, scheme, message).expect("a signature")
    }

    /// Signs a checkpoint with the log key.
    ///
    /// # Panics
    /// If the key does not sign.
    #[must_use]
    pub fn checkpoint(&self, size: u64, root: [u8; 32]) -> Note {
        let origin = origin(self.genesis.instance);
        let spki = self.genesis.house_keys.0.iter().find_map(|key| key.spki.as_ref());
        let key = NoteKey::of_spki(&origin, Algorithm::Ed25519, spki.expect("a log key"));
        let text = Checkpoint { origin, size, root }.to_string();
        let signature = self.opened.house.sign_log(Approved::admitted(text.as_bytes()));
        let line = key.expect("a log key").line(signature.expect("it signs").as_bytes());
        Note { text, signatures: vec![line] }
    }
}

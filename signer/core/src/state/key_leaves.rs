//! The leaves by which keys come and are ruled.

use std::sync::Arc;

use keystore::KeyIdentity;
use signer_policy::RingKey;
use signer_proto::{Digest, KeyGenerated, KeyLabel, KeyState, PolicyRef, PolicySet};
use x509::{PublicKey, SpkiDer, sha256};

use super::State;
use super::error::StateError;
use super::key::{Key, KeyCard, Ruling};
use super::names::NameBudget;

impl State {
    /// Tells admission about a key.
    pub(super) fn list(&mut self, public: &PublicKey, key: RingKey) {
        Arc::make_mut(&mut self.ring_keys).insert(public, key);
    }

    pub(super) fn key_generated(&mut self, generated: &KeyGenerated) -> Result<(), StateError> {
        let label = &generated.label;
        let spki =
            generated.spki.as_ref().ok_or_else(|| StateError::PublicKeyMissing(label.clone()))?;
        let public = public_key(label, spki)?;
        let identity = KeyIdentity {
            id: generated.id,
            label: label.clone(),
            purpose: generated.purpose,
            spec: generated.spec,
        };
        self.add_key(KeyCard { identity, public, location: None }).map(drop)
    }

    /// Adds a key; its id and its label are new.
    pub(super) fn add_key(&mut self, card: KeyCard) -> Result<&mut Key, StateError> {
        let (id, label) = (card.identity.id, card.identity.label.clone());
        if self.by_label.contains_key(&label) || self.by_id.contains_key(&id) {
            return Err(StateError::KeyTwice(label));
        }
        let place = self.keys.len();
        self.by_label.insert(label.clone(), place);
        self.by_id.insert(id, place);
        self.list(&card.public, RingKey::new(label.clone(), card.identity.purpose));
        self.keys.push(Key::new(card));
        self.keys.get_mut(place).ok_or(StateError::KeyTwice(label))
    }

    pub(super) fn policy_set(&mut self, position: u64, set: &PolicySet) -> Result<(), StateError> {
        let key = self.known(position, set.key)?;
        let before = key.ruling.as_ref().map(|ruling| ruling.reference);
        let version = before.map_or(0, |reference| reference.version);
        let digest = Digest(sha256(set.text.0.as_bytes()));
        if set.previous != before.map(|reference| reference.digest)
            || Some(set.version) != version.checked_add(1)
            || key.state == KeyState::Destroyed
            || key.ruled.contains(&digest)
        {
            return Err(StateError::PolicyChain(position));
        }
        let card = Arc::clone(&key.card);
        let policy = card
            .read_policy(&set.text)
            .map_err(|source| StateError::Policy { position, source })?;
        let identity = &card.identity;
        let listed = RingKey {
            // An issuer in another ring is none of this ring's, whatever its label.
            speaks_for: policy
                .ocsp()
                .filter(|rules| rules.issuer_ring().is_none())
                .map(|rules| rules.issuer_key().clone()),
            serves: policy.tls().map(|rules| rules.names().clone()),
            ..RingKey::new(identity.label.clone(), identity.purpose)
        };
        key.ruling = Some(Arc::new(Ruling {
            reference: PolicyRef { version: set.version, digest },
            text: set.text.clone(),
            policy,
        }));
        key.ruled.insert(digest);
        if key.state == KeyState::PreActive {
            key.state = KeyState::Active;
        }
        if !key.counts_names() {
            key.names = NameBudget::default();
        }
        self.list(&card.public, listed);
        Ok(())
    }
}

pub(super) fn public_key(label: &KeyLabel, spki: &SpkiDer) -> Result<PublicKey, StateError> {
    PublicKey::parse(spki.as_bytes())
        .map_err(|source| StateError::PublicKey { label: label.clone(), source })
}

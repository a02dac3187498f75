//! Keys that were elsewhere before, and how much of what they issued there is here.

use keystore::KeyIdentity;
use signer_proto::{
    InventoryImported, KeyAdopted, KeySource, KeyState, Refusal, RevocationStatus, Rule,
};
use signer_quorum::{Inventory, adopted_ca};
use x509::{CrlReason, PublicKey, UnixTime};

use super::issued::Issued;
use super::key::{CrlLine, Key, KeyCard};
use super::revocations::Change;
use super::{State, StateError};

/// How a key was adopted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Adoption {
    /// Whether others may have it.
    imported: bool,
    /// What of its inventory is still to come.
    pub(crate) inventory: Inventory,
}

impl Key {
    /// Refuses a key whose inventory is not all here: what it issued is not known.
    pub(crate) fn check_inventory(&self) -> Result<(), Refusal> {
        match self.adoption.map_or(0, |adoption| adoption.inventory.missing()) {
            0 => Ok(()),
            missing => {
                let label = &self.card.identity.label;
                let detail = format!("{missing} certificates of {label} are still to be imported");
                Err(Refusal::new(Rule::AdoptionIncomplete, detail))
            }
        }
    }

    /// Refuses an adopted key that does not sign: its inventory is not all here, or others may
    /// have it and its policy does not say that it may sign all the same.
    pub(crate) fn check_adopted(&self) -> Result<(), Refusal> {
        self.check_inventory()?;
        let admits = self.ruling.as_ref().is_some_and(|ruling| ruling.policy.admits_imported());
        if admits || !self.adoption.is_some_and(|adoption| adoption.imported) {
            return Ok(());
        }
        let detail = format!("the policy of {} does not say imported", self.card.identity.label);
        Err(Refusal::new(Rule::ImportedRefused, detail))
    }
}

impl State {
    /// Returns whether a key that is not destroyed has this public half: under a second label it
    /// would not know what it issued and revoked under the first.
    pub(crate) fn has_public(&self, public: &PublicKey) -> bool {
        let mut keys = self.keys().iter().filter(|key| key.state != KeyState::Destroyed);
        keys.any(|key| key.card.public == *public)
    }

    pub(super) fn key_adopted(&mut self, at: u64, adopted: &KeyAdopted) -> Result<(), StateError> {
        let wrong = || StateError::Adoption(at);
        let ca = adopted_ca(&adopted.certificate).map_err(|_| wrong())?;
        let inventory = Inventory::begin(&adopted.inventory).ok_or_else(wrong)?;
        let public = ca.public_key().clone();
        let location = match &adopted.source {
            KeySource::Location(location) => Some(location.clone()),
            KeySource::File(_) => None,
        };
        if self.has_public(&public)
            || *public.spki() != adopted.spki
            || ca.spec != adopted.spec
            || !adopted.purpose.is_authority()
            || (location.is_none() && !adopted.imported)
        {
            return Err(wrong());
        }
        let (id, label) = (adopted.id, adopted.label.clone());
        let (purpose, spec) = (adopted.purpose, adopted.spec);
        let identity = KeyIdentity { id, label, purpose, spec };
        let key = self.add_key(KeyCard { identity, public, location })?;
        key.root = ca.root;
        // A CRL of theirs covers nothing of ours, and no interval counts from it.
        let line = CrlLine { number: adopted.crl_number, this_update: UnixTime(0), revocations: 0 };
        key.crl = (adopted.crl_number > 0).then_some(line);
        key.adoption = Some(Adoption { imported: adopted.imported, inventory });
        Ok(())
    }

    pub(super) fn inventory_imported(
        &mut self,
        position: u64,
        at: UnixTime,
        imported: &InventoryImported,
    ) -> Result<(), StateError> {
        let key = self.known(position, imported.key)?;
        let wrong = StateError::Adoption(position);
        let Some(adoption) = &mut key.adoption else { return Err(wrong) };
        adoption.inventory = adoption.inventory.take(&imported.chunk, at).map_err(|_| wrong)?;
        for old in &imported.chunk.certificates.0 {
            let (serial, not_after) = (old.serial, old.not_after);
            if !key.issued.insert(serial, Issued { position, not_after }) {
                return Err(StateError::SerialTwice(serial));
            }
            let Some(revoked) = old.revoked else { continue };
            let held = revoked.reason == CrlReason::CertificateHold;
            key.revocations.push(Change {
                serial,
                status: if held { RevocationStatus::Held } else { RevocationStatus::Revoked },
                reason: revoked.reason,
                at: revoked.at,
                invalidity: revoked.invalidity,
                position,
                not_after,
            });
        }
        Ok(())
    }
}

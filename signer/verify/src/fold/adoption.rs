//! Keys that were elsewhere before, and what they issued there.

use std::sync::Arc;

use signer_policy::{KeyPolicy, RingKey};
use signer_proto::{
    Digest, InventoryImported, KeyAdopted, KeySource, KeyState, OldCertificate, RevocationStatus,
    Wire,
};
use signer_quorum::adopted_ca;
use x509::{CrlReason, Serial, UnixTime, sha256};

use super::key::Key;
use super::status::{Change, CrlLine};
use super::{Fold, LIFT, Moment};
use crate::fault::{FaultKind, Wrong};

/// What is known of a key that was adopted.
#[derive(Debug)]
pub(super) struct Adoption {
    imported: bool,
    left: u64,
    next: Option<Digest>,
    last: Option<Serial>,
}

impl Key {
    /// What an adopted key issued is all here.
    pub(super) fn is_whole(&self) -> Result<(), Wrong> {
        match &self.adoption {
            Some(adoption) if adoption.left > 0 => {
                let why = format!("{} certificates of {} are missing", adoption.left, self.label);
                Wrong::because(FaultKind::Adoption, why)
            }
            _ => Ok(()),
        }
    }

    /// An adopted key signs when what it issued is all here; one that others may have, only under
    /// a policy that says so.
    pub(super) fn signs(&self, moment: Moment) -> Result<(), Wrong> {
        self.is_whole()?;
        let imported = self.adoption.as_ref().is_some_and(|adoption| adoption.imported);
        if imported && !self.says(moment, KeyPolicy::admits_imported) {
            let why = format!("the policy of {} does not say imported", self.label);
            return Wrong::because(FaultKind::Adoption, why);
        }
        Ok(())
    }
}

impl Fold {
    pub(super) fn key_adopted(&mut self, adopted: &KeyAdopted) -> Result<(), Wrong> {
        let wrong = |why: String| Wrong(FaultKind::Adoption, why);
        let KeyAdopted { id, label, purpose, spec, inventory, .. } = adopted;
        let ca = adopted_ca(&adopted.certificate)
            .map_err(|refusal| Wrong(FaultKind::Key, refusal.to_string()))?;
        if *ca.public_key().spki() != adopted.spki || ca.spec != *spec {
            let why = format!("{label} is not the key of its certificate");
            return Wrong::because(FaultKind::Key, why);
        }
        if !purpose.is_authority() || (inventory.certificates == 0) != inventory.first.is_none() {
            return Err(wrong(format!("{label} is for {purpose}, or its inventory is none")));
        }
        if matches!(adopted.source, KeySource::File(_)) && !adopted.imported {
            return Err(wrong(format!("{label} came as a file, which others may have")));
        }
        if self.by_id.contains_key(id) || !self.labels.insert(label.clone()) {
            let why = format!("{label} ({id}) is there already");
            return Wrong::because(FaultKind::Key, why);
        }
        let public = ca.public_key().clone();
        let mut kept = self.keys.iter().filter(|key| key.state != KeyState::Destroyed);
        if kept.any(|key| *key.public == public) {
            return Err(wrong(format!("the key of {label} is in the ring already")));
        }
        self.list(&public, RingKey::new(label.clone(), *purpose));
        self.by_id.insert(*id, self.keys.len());
        let mut key = Key::new(*id, label.clone(), (*purpose, *spec), Arc::new(public));
        key.root = ca.root;
        if adopted.crl_number > 0 {
            let this_update = UnixTime(0);
            key.crl = Some(CrlLine { number: adopted.crl_number, this_update, covered: 0 });
        }
        key.adoption = Some(Adoption {
            imported: adopted.imported,
            left: inventory.certificates,
            next: inventory.first,
            last: None,
        });
        self.keys.push(key);
        Ok(())
    }

    pub(super) fn inventory_imported(
        &mut self,
        moment: Moment,
        imported: &InventoryImported,
    ) -> Result<(), Wrong> {
        let key = self.known(imported.key)?;
        let wrong = |why: &str| Wrong(FaultKind::Adoption, why.to_owned());
        let adoption = key.adoption.as_mut().ok_or_else(|| wrong("the key was not adopted"))?;
        let chunk = &imported.chunk;
        if adoption.next != Some(Digest(sha256(&chunk.to_wire()))) {
            return Err(wrong("a part of the inventory that was not approved"));
        }
        for old in &chunk.certificates.0 {
            if adoption.last.is_some_and(|last| old.serial <= last) {
                return Err(wrong("serials of the inventory do not ascend"));
            }
            adoption.last = Some(old.serial);
            adoption.left = adoption.left.checked_sub(1).ok_or_else(|| wrong("too many"))?;
        }
        if (adoption.left == 0) != chunk.next.is_none() || chunk.certificates.0.is_empty() {
            return Err(wrong("the inventory has another number of certificates"));
        }
        adoption.next = chunk.next;
        for old in &chunk.certificates.0 {
            take_up(key, moment, old)?;
        }
        Ok(())
    }
}

fn take_up(key: &mut Key, moment: Moment, old: &OldCertificate) -> Result<(), Wrong> {
    let serial = old.serial;
    if key.issued.insert(serial, old.not_after).is_some() {
        let why = format!("{serial} of {} has two certificates", key.label);
        return Wrong::because(FaultKind::Serial, why);
    }
    let Some(revoked) = old.revoked else { return Ok(()) };
    let was = |time: UnixTime| time.0 >= 0 && time <= moment.at().plus_seconds(LIFT);
    let held = revoked.reason == CrlReason::CertificateHold;
    let invalidity_fits = revoked.invalidity.is_none_or(|since| !held && was(since));
    if revoked.reason == CrlReason::RemoveFromCrl || !was(revoked.at) || !invalidity_fits {
        let why = format!("{serial} was revoked at {} for {}", revoked.at, revoked.reason);
        return Wrong::because(FaultKind::Revocation, why);
    }
    let index = key.changes.len();
    Arc::make_mut(&mut key.changes).push(Change {
        serial,
        status: if held { RevocationStatus::Held } else { RevocationStatus::Revoked },
        reason: revoked.reason,
        at: revoked.at,
        invalidity: revoked.invalidity,
        not_after: old.not_after,
        superseded_by: None,
    });
    key.latest.insert(serial, (index, 0));
    Ok(())
}

//! What is under way: reserved under the state lock, not durable yet.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use signer_proto::{Digest, IdempotencyKey, KeyId, KeyLabel, Reason, Rule};
use x509::Serial;

use super::State;
use super::names::NameKey;
use crate::calls::Asked;
use crate::keeper::Keeper;

/// A certificate that is being signed.
pub(crate) struct Signing {
    /// SHA-256 over everything that makes the request the same.
    pub(crate) body: Digest,
    /// SHA-256 of the TBS.
    pub(crate) tbs: Digest,
    /// What it is counted by besides, where the policy limits names.
    pub(crate) names: Vec<NameKey>,
    /// What makes a retry the same request.
    pub(crate) idempotency: IdempotencyKey,
    /// The same request again: answered with the first.
    pub(crate) waiters: Vec<Asked>,
}

/// A change of revocation that waits for the one before it. It tells whether it took up the
/// reservation and wrote; else the next one may.
pub(crate) type Deferred = Box<dyn FnOnce(&Arc<Keeper>) -> bool + Send>;

/// Reservations. None of them survives a restart, and none needs to: what was not durable was
/// not released.
#[derive(Default)]
pub(crate) struct Pending {
    signings: HashMap<(KeyId, Serial), Signing>,
    idempotency: HashMap<IdempotencyKey, (KeyId, Serial)>,
    in_flight: HashMap<KeyId, u64>,
    names: HashMap<(KeyId, NameKey), u64>,
    changes: HashMap<(KeyId, Serial), VecDeque<Deferred>>,
    crls: HashSet<KeyId>,
    labels: HashSet<KeyLabel>,
    anchoring: bool,
}

impl Pending {
    /// Returns the signing of this serial.
    pub(crate) fn by_serial(&mut self, key: KeyId, serial: Serial) -> Option<&mut Signing> {
        self.signings.get_mut(&(key, serial))
    }

    /// Returns the signing that this idempotency key asked for.
    pub(crate) fn by_idempotency(&mut self, asked: &IdempotencyKey) -> Option<&mut Signing> {
        let slot = self.idempotency.get(asked)?;
        self.signings.get_mut(slot)
    }

    /// Returns how many certificates of a key are being signed.
    pub(crate) fn in_flight(&self, key: KeyId) -> u64 {
        self.in_flight.get(&key).copied().unwrap_or(0)
    }

    /// Returns how many certificates of a key with this name are being signed.
    pub(crate) fn in_flight_for(&self, key: KeyId, name: NameKey) -> u64 {
        self.names.get(&(key, name)).copied().unwrap_or(0)
    }

    /// Reserves a serial, its idempotency key and one certificate of the budget.
    pub(crate) fn begin_signing(&mut self, key: KeyId, serial: Serial, signing: Signing) {
        self.idempotency.insert(signing.idempotency, (key, serial));
        *self.in_flight.entry(key).or_default() += 1;
        for name in &signing.names {
            *self.names.entry((key, *name)).or_default() += 1;
        }
        self.signings.insert((key, serial), signing);
    }

    /// Ends a signing, done or not, and returns who waits for it.
    pub(crate) fn end_signing(&mut self, key: KeyId, serial: Serial) -> Vec<Asked> {
        let Some(signing) = self.signings.remove(&(key, serial)) else {
            return Vec::new();
        };
        self.idempotency.remove(&signing.idempotency);
        if let Some(count) = self.in_flight.get_mut(&key) {
            *count = count.saturating_sub(1);
        }
        for name in signing.names {
            if let Entry::Occupied(mut count) = self.names.entry((key, name)) {
                *count.get_mut() = count.get().saturating_sub(1);
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
        signing.waiters
    }

    /// Returns whether a change of this serial is under way.
    pub(crate) fn is_changing(&self, key: KeyId, serial: Serial) -> bool {
        self.changes.contains_key(&(key, serial))
    }

    /// Reserves a serial for one change.
    pub(crate) fn begin_change(&mut self, key: KeyId, serial: Serial) {
        self.changes.entry((key, serial)).or_default();
    }

    /// Puts something off until the change of this serial is durable.
    pub(crate) fn after_change(&mut self, key: KeyId, serial: Serial, then: Deferred) {
        self.changes.entry((key, serial)).or_default().push_back(then);
    }

    /// Ends a change, done or not. The reservation passes to what waited longest, so that nothing
    /// overtakes it; it ends if nothing waits.
    pub(crate) fn end_change(&mut self, key: KeyId, serial: Serial) -> Option<Deferred> {
        let next = self.changes.get_mut(&(key, serial))?.pop_front();
        if next.is_none() {
            self.changes.remove(&(key, serial));
        }
        next
    }

    /// Reserves the next CRL number of a key; false if it is reserved.
    pub(crate) fn begin_crl(&mut self, key: KeyId) -> bool {
        self.crls.insert(key)
    }

    /// Ends a CRL, done or not.
    pub(crate) fn end_crl(&mut self, key: KeyId) {
        self.crls.remove(&key);
    }

    /// Reserves the next audit anchor; false if it is reserved.
    pub(crate) fn begin_anchor(&mut self) -> bool {
        !std::mem::replace(&mut self.anchoring, true)
    }

    /// Ends an audit anchor, done or not.
    pub(crate) fn end_anchor(&mut self) {
        self.anchoring = false;
    }

    /// Reserves a label; false if it is reserved.
    pub(crate) fn begin_label(&mut self, label: &KeyLabel) -> bool {
        self.labels.insert(label.clone())
    }

    /// Ends the making of a key, done or not.
    pub(crate) fn end_label(&mut self, label: &KeyLabel) {
        self.labels.remove(label);
    }
}

/// Everything behind the one state lock.
#[derive(Default)]
pub(crate) struct Live {
    /// The fold of the durable leaves.
    pub(crate) state: State,
    /// What is not durable yet.
    pub(crate) pending: Pending,
    /// Keys that are set aside until a restart, and why.
    pub(crate) quarantine: HashMap<KeyId, Rule>,
    /// Why nothing is released any more, once something is broken.
    pub(crate) broken: Option<Rule>,
    /// The tripwire that was touched; its leaf is on its way.
    pub(crate) tripped: Option<Reason>,
}

impl Live {
    /// Returns why nothing is issued, if issuance stands still.
    pub(crate) fn frozen(&self) -> Option<&Reason> {
        self.state.frozen().or(self.tripped.as_ref())
    }
}

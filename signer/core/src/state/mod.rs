//! The signer's own truth: a fold of the journal's leaves, and what is under way.
//!
//! [`State`] changes by [`State::apply`] alone, leaf by leaf in the journal's order, at a
//! restart as while running. [`Pending`] holds what was reserved and is not durable yet.

mod adoption;
mod anchors;
mod approved;
mod budget;
mod error;
mod fold;
mod glance;
mod idempotency;
mod issued;
mod key;
mod key_leaves;
mod names;
mod pending;
mod revocations;
mod rings;
mod sharded;
mod status_leaves;
mod unlock_line;
mod validations;

use std::collections::HashMap;
use std::sync::Arc;

use signer_proto::{AuditAnchored, Digest, Genesis, IdempotencyKey, KeyId, KeyLabel, Reason};

use signer_policy::RingKeys;
use signer_quorum::Quorum;

pub(crate) use anchors::{Intents, OpenIntent, continues};
pub(crate) use error::StateError;
pub(crate) use glance::glance;
pub(crate) use key::{CrlLine, Key, KeyCard, Ruling, house_label};
pub(crate) use names::{NameKey, name_keys};
pub(crate) use pending::{Live, Pending, Signing};
pub(crate) use revocations::{Change, Snapshot};
pub(crate) use rings::{Followed, Gap, Rings};
pub(crate) use status_leaves::follows;

use idempotency::IdempotencyIndex;
use unlock_line::UnlockLine;
use validations::Validations;

/// What genesis fixed.
#[derive(Debug, Clone)]
pub(crate) struct RingIdentity {
    /// The leaf itself.
    pub(crate) genesis: Genesis,
    /// SHA-256 of its encoding.
    pub(crate) digest: Digest,
}

/// Failed unlock attempts in a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct UnlockFailures {
    /// How many since the last one that opened.
    pub(crate) count: u32,
    /// When the last of them was, in milliseconds since 1970.
    pub(crate) last_ms: i64,
}

/// The fold of the leaves.
#[derive(Debug, Default)]
pub(crate) struct State {
    ring: Option<RingIdentity>,
    keys: Vec<Key>,
    by_label: HashMap<KeyLabel, usize>,
    by_id: HashMap<KeyId, usize>,
    ring_keys: Arc<RingKeys>,
    quorum: Option<Arc<Quorum>>,
    idempotency: IdempotencyIndex,
    validations: Validations,
    /// Before this time no names are counted: they are of no budget any more.
    names_since_ms: i64,
    intents: Intents,
    audit_anchor: Option<(u64, AuditAnchored)>,
    newest_ms: i64,
    size: u64,
    unlock_failures: UnlockFailures,
    unlock_line: UnlockLine,
    rings: Rings,
}

impl State {
    /// Starts with no leaf, at a time by which budgets of names are told.
    pub(crate) fn starting_at(now_ms: i64) -> Self {
        Self { names_since_ms: now_ms.saturating_sub(names::SPAN_MS), ..Self::default() }
    }

    /// Returns what genesis fixed; none before the first leaf.
    pub(crate) fn ring(&self) -> Option<&RingIdentity> {
        self.ring.as_ref()
    }

    /// Returns the keys in the order of their making, house keys not among them.
    pub(crate) fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Returns the key with a label.
    pub(crate) fn key(&self, label: &KeyLabel) -> Option<&Key> {
        self.keys.get(*self.by_label.get(label)?)
    }

    /// Returns the key with an identity.
    pub(crate) fn key_by_id(&self, id: KeyId) -> Option<&Key> {
        self.keys.get(*self.by_id.get(&id)?)
    }

    /// Returns the key with an identity, to be changed.
    pub(crate) fn key_by_id_mut(&mut self, id: KeyId) -> Option<&mut Key> {
        self.keys.get_mut(*self.by_id.get(&id)?)
    }

    /// Returns the public keys of the ring, as admission needs to know them.
    pub(crate) fn ring_keys(&self) -> &Arc<RingKeys> {
        &self.ring_keys
    }

    /// Returns the position of the signature that was made for an idempotency key.
    pub(crate) fn position_of(&self, idempotency: &IdempotencyKey) -> Option<u64> {
        self.idempotency.get(idempotency)
    }

    /// Returns the newest validation records.
    pub(crate) fn validations(&self) -> &Validations {
        &self.validations
    }

    /// Returns how many leaves were applied.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Returns why issuance stands still; none while it goes on.
    pub(crate) fn frozen(&self) -> Option<&Reason> {
        self.quorum.as_ref().and_then(|quorum| quorum.frozen())
    }

    /// Returns the signatures that were intended and are not in the journal.
    pub(crate) fn intents(&self) -> &Intents {
        &self.intents
    }

    /// Returns the newest anchor of the audit log and the position of its leaf.
    pub(crate) fn audit_anchor(&self) -> Option<(u64, AuditAnchored)> {
        self.audit_anchor
    }

    /// Returns when the newest leaf was written, in milliseconds since 1970.
    pub(crate) fn newest_ms(&self) -> i64 {
        self.newest_ms
    }

    /// Returns what the journal says of the unlock file.
    pub(crate) fn unlock_line(&self) -> &UnlockLine {
        &self.unlock_line
    }

    /// Returns the failed unlock attempts since the last one that opened.
    pub(crate) fn unlock_failures(&self) -> UnlockFailures {
        self.unlock_failures
    }
}

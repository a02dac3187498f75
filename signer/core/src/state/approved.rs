//! What operators approved, as the leaves tell: who they are, where keys stand.

use std::sync::Arc;

use signer_policy::{ChangeKind, KeyPolicy, compare};
use signer_proto::{
    Act, AuthoritySigned, Digest, Event, Genesis, KeyId, KeyLabel, KeyStateSet, OperatorsSet,
    PolicyInForce, PolicyText, Refusal,
};
use signer_quorum::{Decision, Facts, KeyFacts, PolicyChange, Quorum};
use x509::{TbsCertificate, UnixTime};

use super::{Key, State, StateError};

impl State {
    /// Returns who may approve; none before genesis.
    pub(crate) fn quorum(&self) -> Option<&Arc<Quorum>> {
        self.quorum.as_ref()
    }

    /// Returns what a proposal of this act speaks of, to be looked at without the lock.
    pub(crate) fn known_for(&self, act: &Act) -> Known {
        let key = match act {
            Act::SetPolicy(call) => Some(&call.key),
            Act::SignAuthority(call) => Some(&call.key),
            Act::SignCaRequest(call) => Some(&call.key),
            Act::SetKeyState(call) => Some(&call.key),
            _ => None,
        };
        Known {
            quorum: self.quorum.clone(),
            key: key.and_then(|label| self.key(label)).map(Key::facts),
        }
    }

    pub(super) fn found_quorum(
        &mut self,
        genesis: &Genesis,
        digest: Digest,
    ) -> Result<(), StateError> {
        let quorum = Quorum::at_genesis(genesis, digest)
            .map_err(|source| StateError::Unapproved { position: 0, source })?;
        self.quorum = Some(Arc::new(quorum));
        Ok(())
    }

    /// Holds the warrant of a leaf against the operators before it.
    pub(super) fn confirm(
        &self,
        position: u64,
        at_ms: i64,
        event: &Event,
    ) -> Result<Option<Decision>, StateError> {
        signer_quorum::confirm(self, event, UnixTime(at_ms.div_euclid(1000)))
            .map_err(|source| StateError::Unapproved { position, source })
    }

    /// Lets the quorum take up what the leaf changed of it.
    pub(super) fn take_up(
        &mut self,
        position: u64,
        at_ms: i64,
        event: &Event,
        decision: Option<&Decision>,
    ) -> Result<(), StateError> {
        if decision.is_none() && !matches!(event, Event::IssuanceFrozen(_)) {
            return Ok(());
        }
        let Some(quorum) = &mut self.quorum else { return Ok(()) };
        Arc::make_mut(quorum)
            .apply(event, decision, UnixTime(at_ms.div_euclid(1000)))
            .map_err(|source| StateError::Unapproved { position, source })
    }

    pub(super) fn operators_set(
        &mut self,
        position: u64,
        set: &OperatorsSet,
    ) -> Result<(), StateError> {
        let follows = self.quorum.as_ref().is_some_and(|before| {
            set.previous == before.set().digest()
                && Some(set.version) == before.version().checked_add(1)
        });
        if follows { Ok(()) } else { Err(StateError::OperatorChain(position)) }
    }

    pub(super) fn key_state_set(
        &mut self,
        position: u64,
        set: &KeyStateSet,
    ) -> Result<(), StateError> {
        let key = self.known(position, set.key)?;
        if key.state != set.from || !signer_quorum::may_become(set.from, set.to) {
            return Err(StateError::KeyState(position));
        }
        key.state = set.to;
        Ok(())
    }

    /// Notes that a key signed its own certificate.
    pub(super) fn note_root(
        &mut self,
        position: u64,
        signed: &AuthoritySigned,
    ) -> Result<(), StateError> {
        let key = self.known(position, signed.key)?;
        let own = TbsCertificate::parse(signed.tbs.as_bytes())
            .is_ok_and(|tbs| tbs.public_key == key.card.public);
        key.root |= own;
        Ok(())
    }
}

impl Facts for State {
    fn key(&self, label: &KeyLabel) -> Option<KeyFacts> {
        Self::key(self, label).map(Key::facts)
    }

    fn label(&self, id: KeyId) -> Option<KeyLabel> {
        self.key_by_id(id).map(|key| key.card.identity.label.clone())
    }

    fn quorum(&self) -> Option<&Quorum> {
        self.quorum.as_deref()
    }

    fn change(&self, before: &PolicyText, after: &PolicyText) -> Result<PolicyChange, Refusal> {
        change(before, after)
    }
}

/// What an act's proposal speaks of, at one moment.
pub(crate) struct Known {
    /// Who may approve.
    pub(crate) quorum: Option<Arc<Quorum>>,
    key: Option<KeyFacts>,
}

impl Facts for Known {
    fn key(&self, label: &KeyLabel) -> Option<KeyFacts> {
        self.key.clone().filter(|key| key.label == *label)
    }

    fn label(&self, id: KeyId) -> Option<KeyLabel> {
        self.key.as_ref().filter(|key| key.id == id).map(|key| key.label.clone())
    }

    fn quorum(&self) -> Option<&Quorum> {
        self.quorum.as_deref()
    }

    fn change(&self, before: &PolicyText, after: &PolicyText) -> Result<PolicyChange, Refusal> {
        change(before, after)
    }
}

impl Key {
    fn facts(&self) -> KeyFacts {
        let identity = &self.card.identity;
        KeyFacts {
            id: identity.id,
            label: identity.label.clone(),
            purpose: identity.purpose,
            spec: identity.spec,
            public: self.card.public.clone(),
            state: self.state,
            root: self.root,
            policy: self.ruling.as_ref().map(|ruling| PolicyInForce {
                reference: ruling.reference,
                text: ruling.text.clone(),
            }),
        }
    }
}

fn change(before: &PolicyText, after: &PolicyText) -> Result<PolicyChange, Refusal> {
    let change = compare(&KeyPolicy::parse(&before.0)?, &KeyPolicy::parse(&after.0)?);
    let words = match change.kind {
        ChangeKind::Same => vec!["the same in meaning".to_owned()],
        ChangeKind::Narrowing | ChangeKind::Widening => change.words,
    };
    Ok(PolicyChange { narrows: change.kind != ChangeKind::Widening, words })
}

//! Who may make authority, where keys stand, whether issuance stands still.

use signer_policy::{ChangeKind, KeyPolicy, compare};
use signer_proto::{
    Event, IssuanceFrozen, KeyId, KeyLabel, KeyState, KeyStateSet, OperatorsSet, PolicyInForce,
    PolicyRef, PolicyText, Refusal,
};
use signer_quorum::{Decision, Facts, KeyFacts, PolicyChange, Quorum};

use super::key::Key;
use super::{Fold, Moment};
use crate::fault::{FaultKind, Wrong};

impl Fold {
    /// Holds the warrant of an act against the operators before it, and its proposal against the
    /// journal that it was written for.
    pub(super) fn approved(
        &self,
        moment: Moment,
        event: &Event,
    ) -> Result<Option<Decision>, Wrong> {
        let wrong = |why: String| Wrong(FaultKind::Approval, why);
        let decision = signer_quorum::confirm(self, event, moment.at())
            .map_err(|refusal| wrong(refusal.to_string()))?;
        if let Some(written) = decision.as_ref().and_then(|decision| decision.moment)
            && self.history.root_at(written.size) != Some(written.root)
        {
            let why = format!("the proposal is of another journal of {} leaves", written.size);
            return Err(wrong(why));
        }
        Ok(decision)
    }

    /// Lets the quorum take up what a leaf changed of it.
    pub(super) fn take_up(
        &mut self,
        moment: Moment,
        event: &Event,
        decision: Option<&Decision>,
    ) -> Result<(), Wrong> {
        let Some(quorum) = &mut self.quorum else { return Ok(()) };
        if decision.is_none() && !matches!(event, Event::IssuanceFrozen(_)) {
            return Ok(());
        }
        quorum
            .apply(event, decision, moment.at())
            .map_err(|refusal| Wrong(FaultKind::Operators, refusal.to_string()))
    }

    pub(super) fn operators_set(&self, set: &OperatorsSet) -> Result<(), Wrong> {
        let before = self.quorum.as_ref();
        let follows = before.is_some_and(|before| {
            set.previous == before.set().digest()
                && Some(set.version) == before.version().checked_add(1)
        });
        if follows {
            return Ok(());
        }
        let why = format!("set {} does not follow the one before it", set.version);
        Wrong::because(FaultKind::Operators, why)
    }

    pub(super) fn key_state_set(&mut self, set: &KeyStateSet) -> Result<(), Wrong> {
        let key = self.known(set.key)?;
        if key.state != set.from || !signer_quorum::may_become(set.from, set.to) {
            let why = format!("{} becomes {} and is {}", key.label, set.to, key.state);
            return Wrong::because(FaultKind::KeyState, why);
        }
        key.state = set.to;
        Ok(())
    }

    pub(super) fn issuance_frozen(&self, change: &IssuanceFrozen) -> Result<(), Wrong> {
        let is_frozen = self.quorum.as_ref().is_some_and(|quorum| quorum.frozen().is_some());
        if is_frozen == change.frozen {
            let why = format!("frozen: {} after {is_frozen}", change.frozen);
            return Wrong::because(FaultKind::Frozen, why);
        }
        Ok(())
    }

    /// Certificates are signed by active keys, and not while issuance stands still.
    pub(super) fn may_issue(&self, key: &Key) -> Result<(), Wrong> {
        if let Some(reason) = self.quorum.as_ref().and_then(Quorum::frozen) {
            return Wrong::because(FaultKind::Frozen, format!("issuance is frozen: {}", reason.0));
        }
        key.is_in(&[KeyState::Active])
    }
}

impl Facts for Fold {
    fn key(&self, label: &KeyLabel) -> Option<KeyFacts> {
        self.keys.iter().find(|key| key.label == *label).map(facts)
    }

    fn label(&self, id: KeyId) -> Option<KeyLabel> {
        self.keys.iter().find(|key| key.id == id).map(|key| key.label.clone())
    }

    fn quorum(&self) -> Option<&Quorum> {
        self.quorum.as_ref()
    }

    fn change(&self, before: &PolicyText, after: &PolicyText) -> Result<PolicyChange, Refusal> {
        let change = compare(&KeyPolicy::parse(&before.0)?, &KeyPolicy::parse(&after.0)?);
        Ok(PolicyChange {
            narrows: change.kind != ChangeKind::Widening,
            words: match change.kind {
                ChangeKind::Same => vec!["the same in meaning".to_owned()],
                ChangeKind::Narrowing | ChangeKind::Widening => change.words,
            },
        })
    }
}

fn facts(key: &Key) -> KeyFacts {
    KeyFacts {
        id: key.id,
        label: key.label.clone(),
        purpose: key.purpose,
        spec: key.spec,
        public: key.public.as_ref().clone(),
        state: key.state,
        root: key.root,
        policy: key.ruling.as_ref().map(|ruling| PolicyInForce {
            reference: PolicyRef { version: ruling.version, digest: ruling.digest },
            text: ruling.text.clone(),
        }),
    }
}

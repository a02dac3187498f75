//! What an act says to the people who approve it. One file an act.
//!
//! To add one: a file here with `subject`, an arm in [`subject`], and an arm in [`of_leaf`].

mod adopt_key;
mod generate_key;
mod record_ceremony;
mod rings;
mod set_freeze;
mod set_key_state;
mod set_operators;
mod set_policy;
mod sign_authority;
mod sign_ca_request;

pub use adopt_key::{AdoptedCa, adopted_ca};
pub use rings::followed_genesis;

use signer_proto::{
    AcceptGap, Act, AdoptKey, CrlFloor, CrlFloors, CrlNumberSeen, Event, FileGiven, Follow,
    GenerateKey, KeyId, KeyLabel, KeySpec, KeyState, PolicyInForce, PolicyText, Promote, Purpose,
    RecordCeremony, Refusal, Rule, SetFreeze, SetKeyState, SetOperators, SetPolicy, SignAuthority,
    SignCaRequest, Warrant,
};
use x509::{PublicKey, UnixTime};

use crate::proposal::{self, Reading, Subject};
use crate::quorum::{Decision, Quorum};

/// What is known of a key.
#[derive(Debug, Clone)]
pub struct KeyFacts {
    /// Its identity for ever.
    pub id: KeyId,
    /// Its name.
    pub label: KeyLabel,
    /// What it signs.
    pub purpose: Purpose,
    /// Its algorithm.
    pub spec: KeySpec,
    /// Its public half.
    pub public: PublicKey,
    /// Where it stands in its life.
    pub state: KeyState,
    /// Whether it signed a certificate for itself.
    pub root: bool,
    /// The policy in force.
    pub policy: Option<PolicyInForce>,
}

/// A ring after some leaf, as far as proposals speak of it.
pub trait Facts {
    /// Returns what is known of a key.
    fn key(&self, label: &KeyLabel) -> Option<KeyFacts>;
    /// Returns the name of a key.
    fn label(&self, id: KeyId) -> Option<KeyLabel>;
    /// Returns who may approve; none before genesis.
    fn quorum(&self) -> Option<&Quorum>;
    /// Tells what a policy changes of the one before: this crate knows no policies.
    ///
    /// # Errors
    /// `policy-malformed`.
    fn change(&self, before: &PolicyText, after: &PolicyText) -> Result<PolicyChange, Refusal>;
}

/// What a policy changes of the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyChange {
    /// Whether it is proven that nothing is admitted that was refused before.
    pub narrows: bool,
    /// What changes, one thing a line.
    pub words: Vec<String>,
}

/// Returns what an act is, in words and by digest.
///
/// # Errors
/// `key-unknown`, and what makes the act one that cannot be.
pub fn subject(facts: &dyn Facts, act: &Act) -> Result<Subject, Refusal> {
    match act {
        Act::GenerateKey(call) => Ok(generate_key::subject(call)),
        Act::SetPolicy(call) => set_policy::subject(facts, call),
        Act::SignAuthority(call) => sign_authority::subject(facts, call),
        Act::SignCaRequest(call) => sign_ca_request::subject(facts, call),
        Act::SetOperators(call) => set_operators::subject(facts, call),
        Act::SetKeyState(call) => set_key_state::subject(facts, call),
        Act::SetFreeze(call) => Ok(set_freeze::subject(call)),
        Act::RecordCeremony(call) => Ok(record_ceremony::subject(call)),
        Act::AcceptGap(call) => Ok(rings::gap(call)),
        Act::Promote(call) => Ok(rings::promote(call)),
        Act::Follow(call) => rings::follow(call),
        Act::AdoptKey(call) => adopt_key::subject(call),
    }
}

/// Returns the act that a leaf is the outcome of; none for a leaf that needs no approval.
///
/// # Errors
/// `key-unknown` for a leaf of a key that was never generated.
pub fn of_leaf(facts: &dyn Facts, event: &Event) -> Result<Option<Act>, Refusal> {
    let label = |id: &KeyId| facts.label(*id).ok_or_else(|| unknown(id));
    Ok(Some(match event {
        Event::KeyGenerated(leaf) => {
            let (label, purpose, spec) = (leaf.label.clone(), leaf.purpose, leaf.spec);
            GenerateKey { label, purpose, spec, warrant: leaf.warrant.clone() }.into()
        }
        Event::PolicySet(leaf) => {
            let (key, previous, text) = (label(&leaf.key)?, leaf.previous, leaf.text.clone());
            SetPolicy { key, previous, text, warrant: leaf.warrant.clone() }.into()
        }
        Event::AuthoritySigned(leaf) => SignAuthority {
            key: label(&leaf.key)?,
            policy: leaf.policy,
            tbs: leaf.tbs.clone(),
            idempotency: leaf.idempotency,
            warrant: leaf.warrant.clone(),
        }
        .into(),
        Event::RequestSigned(leaf) => {
            let (key, info) = (label(&leaf.key)?, leaf.info.clone());
            SignCaRequest { key, info, warrant: leaf.warrant.clone() }.into()
        }
        Event::OperatorsSet(leaf) => SetOperators {
            previous: leaf.previous,
            operators: leaf.operators.clone(),
            thresholds: leaf.thresholds.clone(),
            warrant: leaf.warrant.clone(),
        }
        .into(),
        Event::KeyStateSet(leaf) => {
            let (key, from, to) = (label(&leaf.key)?, leaf.from, leaf.to);
            SetKeyState { key, from, to, warrant: leaf.warrant.clone() }.into()
        }
        Event::IssuanceFrozen(leaf) => {
            let (frozen, reason) = (leaf.frozen, leaf.reason.clone());
            SetFreeze { frozen, reason, warrant: leaf.warrant.clone() }.into()
        }
        Event::CeremonyRecorded(leaf) => {
            let (plan, transcript) = (leaf.plan, leaf.transcript.clone());
            RecordCeremony { plan, transcript, warrant: leaf.warrant.clone() }.into()
        }
        Event::GapAccepted(leaf) => {
            let floor = |seen: &CrlNumberSeen| {
                label(&seen.key).map(|key| CrlFloor { key, number: seen.number })
            };
            let floors = leaf.crl_numbers.0.iter().map(floor).collect::<Result<Vec<_>, _>>()?;
            AcceptGap {
                seen_size: leaf.seen_size,
                seen_root: leaf.seen_root,
                serial_prefix: leaf.serial_prefix,
                crl_floors: CrlFloors(floors),
                warrant: leaf.warrant.clone(),
            }
            .into()
        }
        Event::Promoted(leaf) => {
            let (serial_prefix, fence) = (leaf.serial_prefix, leaf.fence.clone());
            Promote { serial_prefix, fence, warrant: leaf.warrant.clone() }.into()
        }
        Event::RingFollowed(leaf) => {
            let genesis = leaf.genesis.clone();
            Follow { genesis, warrant: leaf.warrant.clone() }.into()
        }
        Event::KeyAdopted(leaf) => AdoptKey {
            label: leaf.label.clone(),
            purpose: leaf.purpose,
            certificate: leaf.certificate.clone(),
            source: leaf.source.clone(),
            crl_number: leaf.crl_number,
            inventory: leaf.inventory,
            file: FileGiven(None),
            warrant: leaf.warrant.clone(),
        }
        .into(),
        _ => return Ok(None),
    }))
}

/// Returns the warrant of a leaf; none for a leaf that needs no approval.
#[must_use]
pub fn warrant_of(event: &Event) -> Option<&Warrant> {
    Some(match event {
        Event::KeyGenerated(leaf) => &leaf.warrant,
        Event::PolicySet(leaf) => &leaf.warrant,
        Event::AuthoritySigned(leaf) => &leaf.warrant,
        Event::RequestSigned(leaf) => &leaf.warrant,
        Event::OperatorsSet(leaf) => &leaf.warrant,
        Event::KeyStateSet(leaf) => &leaf.warrant,
        Event::IssuanceFrozen(leaf) => &leaf.warrant,
        Event::CeremonyRecorded(leaf) => &leaf.warrant,
        Event::GapAccepted(leaf) => &leaf.warrant,
        Event::Promoted(leaf) => &leaf.warrant,
        Event::RingFollowed(leaf) => &leaf.warrant,
        Event::KeyAdopted(leaf) => &leaf.warrant,
        _ => return None,
    })
}

/// Holds the warrant of a leaf against the quorum before that leaf, as every restart and every
/// verifier does. None: the leaf needs no approval. The caller holds the root of the decision's
/// moment against the journal.
///
/// # Errors
/// Those of [`Quorum::decide`].
pub fn confirm(
    facts: &dyn Facts,
    event: &Event,
    at: UnixTime,
) -> Result<Option<Decision>, Refusal> {
    let Some(act) = of_leaf(facts, event)? else { return Ok(None) };
    if let Event::IssuanceFrozen(leaf) = event
        && leaf.frozen
        && leaf.warrant.is_none()
    {
        // The signer stopped by itself.
        return Ok(None);
    }
    let quorum =
        facts.quorum().ok_or_else(|| Refusal::new(Rule::StateCorrupt, "there is no genesis"))?;
    if quorum.set().is_empty() {
        // Nobody may approve, and so nobody must.
        return quorum.without_operators(act.warrant()).map(Some);
    }
    let mut subject = subject(facts, &act)?;
    subject.action = acted(&act, &subject);
    quorum.decide(&subject, act.warrant(), at, Reading::Replay).map(Some)
}

/// Whether a policy narrowed is what the signer of that time could prove: a later version may
/// prove more or less.
fn acted(act: &Act, subject: &Subject) -> signer_proto::Action {
    use signer_proto::Action::{Narrow, Widen};
    let Warrant { proposal, .. } = act.warrant();
    match (subject.action, proposal::action(proposal)) {
        (Narrow | Widen, Some(found @ (Narrow | Widen))) => found,
        (action, _) => action,
    }
}

fn known(facts: &dyn Facts, label: &KeyLabel) -> Result<KeyFacts, Refusal> {
    facts.key(label).ok_or_else(|| unknown(label))
}

fn unknown(key: impl core::fmt::Display) -> Refusal {
    Refusal::new(Rule::KeyUnknown, format!("there is no key {key} in this ring"))
}

impl Subject {
    /// Adds which key it is about.
    fn key(self, key: &KeyFacts) -> Self {
        self.line("Key", &key.label)
            .line("Key id", key.id)
            .line("Key purpose", key.purpose)
            .line("Public key", signer_proto::Digest(key.public.spki_sha256()))
    }
}

//! One key as the journal tells it.

use std::collections::HashSet;
use std::sync::{Arc, RwLock};

use keystore::{KeyIdentity, KnownKey};
use signer_proto::{
    Digest, KeyDescription, KeyLabel, KeyLocation, KeyState, PolicyRef, PolicyText, Purpose,
    Refusal,
};
use x509::{PublicKey, UnixTime};

use super::adoption::Adoption;
use super::budget::Budget;
use super::issued::IssuedIndex;
use super::names::NameBudget;
use super::revocations::RevocationSet;
use signer_policy::KeyPolicy;

/// What never changes about a key.
#[derive(Debug)]
pub(crate) struct KeyCard {
    /// Which key.
    pub(crate) identity: KeyIdentity,
    /// Its public half.
    pub(crate) public: PublicKey,
    /// Where it is, if it was adopted from there.
    pub(crate) location: Option<KeyLocation>,
}

impl KeyCard {
    /// Returns what a driver is told of it.
    pub(crate) fn known(&self) -> KnownKey {
        let public = self.public.spki().clone();
        let location = self.location.clone();
        KnownKey { identity: self.identity.clone(), public, location }
    }

    /// Reads a policy for this key: it parses, is for this purpose, and names an algorithm that
    /// the key can sign with.
    pub(crate) fn read_policy(&self, text: &PolicyText) -> Result<KeyPolicy, Refusal> {
        let policy = KeyPolicy::parse(&text.0)?;
        policy.check_key(self.identity.purpose, self.public.kind())?;
        Ok(policy)
    }
}

/// A policy in force.
#[derive(Debug)]
pub(crate) struct Ruling {
    /// Version and digest.
    pub(crate) reference: PolicyRef,
    /// The text that was hashed.
    pub(crate) text: PolicyText,
    /// Its meaning.
    pub(crate) policy: KeyPolicy,
}

/// The last CRL of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CrlLine {
    /// Its number.
    pub(crate) number: u64,
    /// Its thisUpdate.
    pub(crate) this_update: UnixTime,
    /// How many changes it covers.
    pub(crate) revocations: u64,
}

/// One key.
#[derive(Debug)]
pub(crate) struct Key {
    /// What never changes.
    pub(crate) card: Arc<KeyCard>,
    /// Where it stands in its life.
    pub(crate) state: KeyState,
    /// Whether it signed a certificate for itself.
    pub(crate) root: bool,
    /// The policy in force; none before the first.
    pub(crate) ruling: Option<Arc<Ruling>>,
    /// Every policy that ever was in force.
    pub(crate) ruled: HashSet<Digest>,
    /// Held to read from the check of the policy until the signature is queued, and to write
    /// while a policy changes: no leaf signed under the old policy follows the new one.
    pub(crate) gate: Arc<RwLock<()>>,
    /// Its certificates.
    pub(crate) issued: IssuedIndex,
    /// What was revoked of them.
    pub(crate) revocations: RevocationSet,
    /// The last CRL.
    pub(crate) crl: Option<CrlLine>,
    /// What it signed lately.
    pub(crate) budget: Budget,
    /// For which names, while its policy limits that.
    pub(crate) names: NameBudget,
    /// Where it was before; none for a key that was made here.
    pub(crate) adoption: Option<Adoption>,
}

impl Key {
    /// Starts a key that was just generated.
    pub(crate) fn new(card: KeyCard) -> Self {
        Self {
            card: Arc::new(card),
            state: KeyState::PreActive,
            root: false,
            ruling: None,
            ruled: HashSet::new(),
            gate: Arc::default(),
            issued: IssuedIndex::default(),
            revocations: RevocationSet::default(),
            crl: None,
            budget: Budget::default(),
            names: NameBudget::default(),
            adoption: None,
        }
    }

    /// Returns whether the policy in force limits certificates by their names.
    pub(crate) fn counts_names(&self) -> bool {
        let budget = self.ruling.as_ref().and_then(|ruling| ruling.policy.budget());
        budget.is_some_and(|budget| budget.per_name_per_day.is_some())
    }

    /// Describes the key as far as anybody may know.
    pub(crate) fn describe(&self) -> KeyDescription {
        let identity = &self.card.identity;
        KeyDescription {
            id: identity.id,
            label: identity.label.clone(),
            purpose: identity.purpose,
            spec: identity.spec,
            state: self.state,
            spki: Some(self.card.public.spki().clone()),
            policy: self.ruling.as_ref().map(|ruling| ruling.reference),
            crl_number: self.crl.map_or(0, |line| line.number),
            revocations: self.revocations.len(),
            issued: self.issued.len(),
        }
    }
}

/// Returns the label under which a house key is described; no other key may have it.
pub(crate) fn house_label(purpose: Purpose) -> Option<KeyLabel> {
    let text = purpose.is_house().then(|| purpose.as_str())?;
    KeyLabel::new(text).ok()
}

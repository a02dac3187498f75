//! One key as the leaves tell it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use signer_policy::{KeyPolicy, RingKeys};
use signer_proto::{Digest, KeyId, KeyLabel, KeySpec, KeyState, PolicyText, Purpose};
use x509::{PublicKey, Serial, UnixTime};

use super::adoption::Adoption;
use super::budget::Budgets;
use super::status::{Change, CrlLine};
use super::{LATENCY, Moment};
use crate::fault::{FaultKind, Wrong};

/// A policy in force.
#[derive(Debug, Clone)]
pub(super) struct Ruling {
    pub(super) version: u32,
    pub(super) digest: Digest,
    pub(super) text: PolicyText,
    pub(super) since_ms: i64,
    pub(super) policy: Arc<KeyPolicy>,
}

/// Who signs, with what was in force: all that a check needs.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    pub(crate) label: KeyLabel,
    pub(crate) purpose: Purpose,
    pub(crate) public: Arc<PublicKey>,
    pub(crate) policy: Option<Arc<KeyPolicy>>,
    pub(crate) ring: Arc<RingKeys>,
}

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) id: KeyId,
    pub(super) label: KeyLabel,
    pub(super) purpose: Purpose,
    pub(super) spec: KeySpec,
    /// Where it stands in its life.
    pub(super) state: KeyState,
    /// Whether it signed a certificate for itself.
    pub(super) root: bool,
    pub(super) public: Arc<PublicKey>,
    pub(super) ruling: Option<Ruling>,
    /// The policy before the one in force.
    pub(super) last_ruling: Option<Ruling>,
    /// Every policy that ever was in force.
    pub(super) ruled: HashSet<Digest>,
    /// notAfter of each certificate.
    pub(super) issued: HashMap<Serial, UnixTime>,
    /// Positions and serials of its certificates, in order.
    pub(super) serials: Vec<(u64, Serial)>,
    /// All changes of revocation in order; checks of CRLs share them.
    pub(super) changes: Arc<Vec<Change>>,
    /// Where the latest change of a serial is, and how often it was released.
    pub(super) latest: HashMap<Serial, (usize, u32)>,
    pub(super) crl: Option<CrlLine>,
    pub(super) budgets: Budgets,
    /// Where it was before; none for a key that was made here.
    pub(super) adoption: Option<Adoption>,
}

impl Key {
    /// Starts a key that is new in the ring.
    pub(super) fn new(
        id: KeyId,
        label: KeyLabel,
        (purpose, spec): (Purpose, KeySpec),
        public: Arc<PublicKey>,
    ) -> Self {
        Self {
            id,
            label,
            purpose,
            spec,
            state: KeyState::PreActive,
            root: false,
            public,
            ruling: None,
            last_ruling: None,
            ruled: HashSet::new(),
            issued: HashMap::new(),
            serials: Vec::new(),
            changes: Arc::default(),
            latest: HashMap::new(),
            crl: None,
            budgets: Budgets::default(),
            adoption: None,
        }
    }

    /// Demands that the key is in one of these states.
    pub(super) fn is_in(&self, states: &[KeyState]) -> Result<(), Wrong> {
        if states.contains(&self.state) {
            return Ok(());
        }
        Wrong::because(FaultKind::KeyState, format!("{} is {}", self.label, self.state))
    }

    /// Returns the policy in force.
    pub(super) fn ruling(&self) -> Result<&Ruling, Wrong> {
        self.ruling
            .as_ref()
            .ok_or_else(|| Wrong(FaultKind::KeyState, format!("{} has no policy yet", self.label)))
    }

    /// Returns the policy in force, which the leaf names.
    pub(super) fn ruling_named(&self, digest: Digest) -> Result<&Ruling, Wrong> {
        let ruling = self.ruling()?;
        if ruling.digest == digest {
            return Ok(ruling);
        }
        let why = format!("{digest} instead of {} (version {})", ruling.digest, ruling.version);
        Wrong::because(FaultKind::PolicyNotInForce, why)
    }

    /// Returns whether the policy in force says something, or the one that was in force when the
    /// act may have been admitted: not every act keeps the policy from changing under it.
    pub(super) fn says(&self, moment: Moment, what: impl Fn(&KeyPolicy) -> bool) -> bool {
        let Some(ruling) = &self.ruling else { return false };
        let lately = moment.at_ms.saturating_sub(ruling.since_ms) <= LATENCY * 1000;
        let before = self.last_ruling.as_ref().filter(|_| lately);
        what(&ruling.policy) || before.is_some_and(|before| what(&before.policy))
    }

    /// Returns who signs.
    pub(super) fn signer(&self, ring: &Arc<RingKeys>) -> Signer {
        Signer {
            label: self.label.clone(),
            purpose: self.purpose,
            public: Arc::clone(&self.public),
            policy: self.ruling.as_ref().map(|ruling| Arc::clone(&ruling.policy)),
            ring: Arc::clone(ring),
        }
    }
}

//! A key as a call sees it, after the lock is released.

use std::sync::{Arc, RwLock};

use signer_policy::RingKeys;
use signer_proto::{KeyState, Refusal, Rule};

use crate::state::{KeyCard, Ruling};

/// A key as a call sees it, after the lock is released.
pub(crate) struct KeyView {
    /// What never changes.
    pub(crate) card: Arc<KeyCard>,
    /// See [`Key::gate`].
    pub(crate) gate: Arc<RwLock<()>>,
    /// All keys of the ring.
    pub(crate) ring: Arc<RingKeys>,
    /// The first octet of every serial.
    pub(crate) serial_prefix: u8,
    /// Where it stands in its life.
    pub(crate) state: KeyState,
    /// The policy in force; none before the first.
    pub(crate) ruling: Option<Arc<Ruling>>,
}

impl KeyView {
    /// Refuses a key whose state is none of these.
    pub(crate) fn check_state(&self, allowed: &[KeyState]) -> Result<(), Refusal> {
        check_state(&self.card, self.state, allowed)
    }

    /// Returns the policy in force, or refuses because there is none yet.
    pub(crate) fn ruling(&self) -> Result<&Arc<Ruling>, Refusal> {
        self.ruling.as_ref().ok_or_else(|| {
            let label = &self.card.identity.label;
            Refusal::new(Rule::KeyNotActive, format!("{label} has no policy yet"))
        })
    }
}

/// Refuses a key whose state is none of these.
pub(crate) fn check_state(
    card: &KeyCard,
    state: KeyState,
    allowed: &[KeyState],
) -> Result<(), Refusal> {
    if allowed.contains(&state) {
        return Ok(());
    }
    let detail = format!("{} is {state}", card.identity.label);
    Err(Refusal::new(Rule::KeyNotActive, detail))
}

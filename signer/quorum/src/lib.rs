//! Who may make authority: operators, thresholds, proposals and their OpenSSH signatures.
//!
//! Pure functions over octets: no key, no disk, no clock. The signer decides by them, and every
//! verifier decides again by the same ones.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod act;
mod armour;
mod decide;
mod inventory;
mod key;
mod key_state;
mod operator;
mod proposal;
mod quorum;
mod ssh;
mod sshsig;

pub use act::{
    AdoptedCa, Facts, KeyFacts, PolicyChange, adopted_ca, confirm, followed_genesis, of_leaf,
    subject, warrant_of,
};
pub use armour::close as armour;
pub use decide::{Approver, NAMESPACE, decide};
pub use inventory::Inventory;
pub use key::{Presence, SshKey, USER_PRESENT, USER_VERIFIED};
pub use key_state::{action_to, may_become};
pub use operator::{Operator, OperatorSet};
pub use proposal::{FIRST_LINE, MAX_LIFE, MAX_PROPOSAL, Moment, Reading, Subject};
pub use quorum::{Decision, Quorum};
pub use sshsig::{MAX_SIGNATURE, SignatureFault, SshSignature};

/// Octets that are no key or signature of a kind that is taken, and why. Malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

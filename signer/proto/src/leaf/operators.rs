//! Who may approve, where keys stand, whether issuance stands still.

use super::OperatorKeys;
use crate::action::Thresholds;
use crate::call::{CeremonyTranscript, Reason, Warrant};
use crate::codec::wire_struct;
use crate::field::{Digest, KeyId, KeyState};

wire_struct! {
    /// Another set of operators came into force.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OperatorsSet {
        /// Counts from 1, the set of genesis: this is 2 or more.
        pub version: u32,
        /// The digest of the set before.
        pub previous: Digest,
        /// All operators.
        pub operators: OperatorKeys,
        /// How many of them each action needs.
        pub thresholds: Thresholds,
        /// What was approved, and by whom.
        pub warrant: Warrant,
    }
}

wire_struct! {
    /// A key went to another state.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct KeyStateSet {
        /// Which key.
        pub key: KeyId,
        /// The state that it was in.
        pub from: KeyState,
        /// The state that it is in.
        pub to: KeyState,
        /// What was approved, and by whom.
        pub warrant: Warrant,
    }
}

wire_struct! {
    /// Issuance stopped or goes on.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct IssuanceFrozen {
        /// Whether it stopped.
        pub frozen: bool,
        /// Why.
        pub reason: Reason,
        /// What was approved, and by whom; empty where the signer stopped by itself.
        pub warrant: Warrant,
    }
}

wire_struct! {
    /// What was done in a ceremony.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct CeremonyRecorded {
        /// SHA-256 of the input file that was reviewed.
        pub plan: Digest,
        /// What was done.
        pub transcript: CeremonyTranscript,
        /// What was approved, and by whom.
        pub warrant: Warrant,
    }
}

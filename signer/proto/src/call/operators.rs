//! Operators, the states of keys, the freeze, and the record of a ceremony.

use super::{KeyDescription, Warrant, call, wire_newtype};
use crate::action::Thresholds;
use crate::codec::{Reader, Wire, WireError, Writer, wire_struct};
use crate::field::{Digest, KeyLabel, KeyState};
use crate::leaf::OperatorKeys;

/// Asks who the operators are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOperators;
impl Wire for ReadOperators {
    fn put(&self, _: &mut Writer) {}
    fn take(_: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self)
    }
}
wire_newtype!(
    /// Why something was done, for people.
    Reason, text 512, "reason"
);
wire_struct! {
    /// Who may approve.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OperatorsInForce {
        /// Counts from 1, the set of genesis.
        pub version: u32,
        /// SHA-256 over operators and thresholds.
        pub digest: Digest,
        /// The operators' keys; empty: whoever reaches admin.sock.
        pub operators: OperatorKeys,
        /// How many of them each action needs.
        pub thresholds: Thresholds,
        /// Why issuance is frozen; none while it is not.
        pub frozen: Option<Reason>,
    }
}
call!(ReadOperators => OperatorsInForce);

wire_struct! {
    /// Puts another set of operators in force. It also needs a signature by every new key.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SetOperators {
        /// The digest of the set in force.
        pub previous: Digest,
        /// All operators from now on.
        pub operators: OperatorKeys,
        /// How many of them each action needs from now on.
        pub thresholds: Thresholds,
        /// What operators approved.
        pub warrant: Warrant,
    }
}
call!(SetOperators => OperatorsInForce);

wire_struct! {
    /// Takes a key to another state of its life.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SetKeyState {
        /// Which key.
        pub key: KeyLabel,
        /// The state that it is in.
        pub from: KeyState,
        /// The state that it goes to.
        pub to: KeyState,
        /// What operators approved.
        pub warrant: Warrant,
    }
}
call!(SetKeyState => KeyDescription);

wire_struct! {
    /// Stops all issuance of the ring, or lets it go on. CRLs, OCSP and revocation never stop.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SetFreeze {
        /// Whether to stop.
        pub frozen: bool,
        /// Why.
        pub reason: Reason,
        /// What operators approved.
        pub warrant: Warrant,
    }
}
call!(SetFreeze => OperatorsInForce);

wire_newtype!(
    /// What was done in a ceremony, for people: at most 32 KiB.
    CeremonyTranscript, text 32 * 1024, "transcript"
);
wire_struct! {
    /// Writes the transcript of a ceremony into the journal.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RecordCeremony {
        /// SHA-256 of the input file that was reviewed.
        pub plan: Digest,
        /// What was done.
        pub transcript: CeremonyTranscript,
        /// What operators approved.
        pub warrant: Warrant,
    }
}
wire_struct! {
    /// A leaf that is durable.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Recorded {
        /// Its position.
        pub position: u64,
    }
}
call!(RecordCeremony => Recorded);

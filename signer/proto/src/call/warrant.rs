//! What stands behind an act that makes authority: a proposal and its operators' signatures.

use super::wire_newtype;
use crate::codec::wire_struct;
use crate::leaf::Proposal;

wire_newtype!(
    /// An operator's signature over a proposal: an armoured SSHSIG (OpenSSH's PROTOCOL.sshsig).
    Approval, bytes 4096, "approval"
);
wire_newtype!(
    /// The approvals of one act.
    Approvals, list Approval, 16, "approvals"
);

wire_struct! {
    /// A proposal as the signer wrote it, and who signed it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Warrant {
        /// The text that was signed, octet by octet.
        pub proposal: Proposal,
        /// Operators' signatures.
        pub approvals: Approvals,
    }
}

impl Warrant {
    /// Returns the empty warrant: the only one that a ring without operators takes.
    #[must_use]
    pub fn none() -> Self {
        Self { proposal: Proposal(String::new()), approvals: Approvals(Vec::new()) }
    }

    /// Returns whether this is the empty warrant.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.proposal.0.is_empty() && self.approvals.0.is_empty()
    }
}

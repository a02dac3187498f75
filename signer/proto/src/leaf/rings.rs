//! Rings beside each other.

use crate::call::{LeafBytes, Reason, Warrant};
use crate::codec::{Reader, Wire, WireError, Writer, wire_struct};
use crate::field::{Digest, InstanceId, KeyId};

wire_struct! {
    /// The CRL numbers of a key go on above this one.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct CrlNumberSeen {
        /// Whose CRLs.
        pub key: KeyId,
        /// The highest number that anybody saw.
        pub number: u64,
    }
}

/// Where CRL numbers go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrlNumbersSeen(pub Vec<CrlNumberSeen>);

impl Wire for CrlNumbersSeen {
    fn put(&self, w: &mut Writer) {
        w.list(&self.0);
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        r.list("CRL numbers", 256).map(Self)
    }
}

wire_struct! {
    /// Operators accepted that the end of the journal is lost.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct GapAccepted {
        /// The size of the checkpoint that showed the loss.
        pub seen_size: u64,
        /// Its root.
        pub seen_root: Digest,
        /// The first octet of every serial from now on.
        pub serial_prefix: u8,
        /// Where the CRL numbers of each key go on.
        pub crl_numbers: CrlNumbersSeen,
        /// What was approved, and by whom.
        pub warrant: Warrant,
    }
}

wire_struct! {
    /// A standby became the active ring.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Promoted {
        /// The first octet of every serial from now on.
        pub serial_prefix: u8,
        /// How the ring that was active is kept from going on.
        pub fence: Reason,
        /// What was approved, and by whom.
        pub warrant: Warrant,
    }
}

wire_struct! {
    /// Another ring's journal is followed from now on.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RingFollowed {
        /// Its genesis leaf.
        pub genesis: LeafBytes,
        /// What was approved, and by whom.
        pub warrant: Warrant,
    }
}

wire_struct! {
    /// Leaves of a followed journal were taken in.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct FollowedRead {
        /// Whose.
        pub instance: InstanceId,
        /// How many leaves are here.
        pub size: u64,
        /// Their root.
        pub root: Digest,
    }
}

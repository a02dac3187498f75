//! Rings beside each other: one that lost the end of its journal, one that stands by for another,
//! one that follows another's journal.

use x509::UnixTime;

use super::{Description, LeafBytes, Leaves, NoteBytes, ProofHashes, Reason, Warrant};
use super::{call, wire_newtype};
use crate::codec::wire_struct;
use crate::field::{Digest, InstanceId, KeyLabel};

wire_struct! {
    /// The CRL numbers of a key go on above this one.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct CrlFloor {
        /// Whose CRLs.
        pub key: KeyLabel,
        /// The highest number that anybody saw.
        pub number: u64,
    }
}
wire_newtype!(
    /// Where CRL numbers go on.
    CrlFloors, list CrlFloor, 256, "CRL floors"
);
wire_struct! {
    /// Accepts that the end of the journal is lost: the ring goes on from what it has, under
    /// another serial prefix and with CRL numbers above any that was seen.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct AcceptGap {
        /// The size of the checkpoint that showed the loss.
        pub seen_size: u64,
        /// Its root.
        pub seen_root: Digest,
        /// The first octet of every serial from now on; none that was used before.
        pub serial_prefix: u8,
        /// Where the CRL numbers of each key go on.
        pub crl_floors: CrlFloors,
        /// What operators approved.
        pub warrant: Warrant,
    }
}
call!(AcceptGap => Description);

wire_struct! {
    /// Makes a standby the active ring. The one before must be kept from its keys first.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Promote {
        /// The first octet of every serial from now on; none that was used before.
        pub serial_prefix: u8,
        /// How the ring that was active is kept from going on, for people.
        pub fence: Reason,
        /// What operators approved.
        pub warrant: Warrant,
    }
}
call!(Promote => Description);

wire_struct! {
    /// Takes up another ring, whose journal is followed from now on.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Follow {
        /// Its genesis leaf: it names the instance and the `log` key.
        pub genesis: LeafBytes,
        /// What operators approved.
        pub warrant: Warrant,
    }
}
call!(Follow => FollowedRing);

wire_struct! {
    /// Brings leaves of a journal that is followed, or that this ring stands by for. Whoever
    /// brings them is not believed: the checkpoint is signed, and the leaves lead to it. Leaves from
    /// elsewhere than its end are left alone, and the answer says where it ends: with none, from 0,
    /// the call asks just that.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Courier {
        /// Whose journal.
        pub instance: InstanceId,
        /// The position of the first leaf.
        pub from: u64,
        /// The leaves.
        pub leaves: Leaves,
        /// A checkpoint under that ring's `log` key.
        pub checkpoint: NoteBytes,
        /// Leads from the tree that ends with these leaves to the checkpoint's
        /// (RFC 9162 §2.1.4); empty where it is the same tree.
        pub proof: ProofHashes,
    }
}
wire_struct! {
    /// How far a journal was followed.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct FollowedRing {
        /// Whose.
        pub instance: InstanceId,
        /// The leaves that are here.
        pub size: u64,
        /// The size of the newest checkpoint that was seen.
        pub newest: u64,
        /// When that checkpoint was signed; none before the first.
        pub as_of: Option<UnixTime>,
    }
}
call!(Courier => FollowedRing);

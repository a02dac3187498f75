//! What every socket speaks: health, description, policy, journal.

use super::{call, wire_newtype};
use crate::codec::{Reader, Wire, WireError, Writer, wire_enum, wire_struct};
use crate::field::{Digest, InstanceId, KeyId, KeyLabel, KeySpec, KeyState, Purpose};
use x509::{SpkiDer, UnixTime};

/// Asks how the signer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health;
/// Asks what the ring holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Describe;

impl Wire for Health {
    fn put(&self, _: &mut Writer) {}
    fn take(_: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self)
    }
}
impl Wire for Describe {
    fn put(&self, _: &mut Writer) {}
    fn take(_: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self)
    }
}

wire_enum! {
    /// What the signer can do now.
    pub enum SignerState: u8 {
        /// The unlock factor was not given yet.
        Locked = 1, "locked",
        /// Signs.
        Ready = 2, "ready",
        /// The journal cannot be written: nothing is signed until a restart.
        JournalFailed = 3, "journal-failed",
        /// The journal is an older copy or another one: nothing is signed until operators accept
        /// the gap.
        RolledBack = 4, "rolled-back",
    }
}

wire_struct! {
    /// How the signer is.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct HealthReport {
        /// What it can do.
        pub state: SignerState,
        /// Which ring this is.
        pub instance: InstanceId,
        /// The number of durable leaves: the position of the next one.
        pub position: u64,
        /// The signer's clock.
        pub now: UnixTime,
    }
}
call!(Health => HealthReport);

wire_struct! {
    /// The policy in force for a key.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct PolicyRef {
        /// Counts from 1.
        pub version: u32,
        /// SHA-256 of the policy text.
        pub digest: Digest,
    }
}

wire_struct! {
    /// A key of the ring, as far as anybody may know.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct KeyDescription {
        /// Its identity for ever.
        pub id: KeyId,
        /// Its name in this ring.
        pub label: KeyLabel,
        /// What it signs.
        pub purpose: Purpose,
        /// Its algorithm.
        pub spec: KeySpec,
        /// Where it stands in its life.
        pub state: KeyState,
        /// The public key; none for the symmetric house keys.
        pub spki: Option<SpkiDer>,
        /// The policy in force; none while pre-active.
        pub policy: Option<PolicyRef>,
        /// The last CRL number; zero before the first.
        pub crl_number: u64,
        /// The number of changes in the key's revocation set.
        pub revocations: u64,
        /// How many certificates it signed.
        pub issued: u64,
    }
}

wire_newtype!(
    /// The keys of a ring.
    Keys, list KeyDescription, 4096, "keys"
);

wire_struct! {
    /// What the ring holds.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Description {
        /// Which ring this is.
        pub instance: InstanceId,
        /// SHA-256 of the genesis leaf.
        pub genesis: Digest,
        /// The first octet of every serial that it mints.
        pub serial_prefix: u8,
        /// Its keys, house keys too.
        pub keys: Keys,
    }
}
call!(Describe => Description);

wire_struct! {
    /// Asks for the policy text in force.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ReadPolicy {
        /// Whose policy.
        pub key: KeyLabel,
    }
}
wire_newtype!(
    /// A policy: TOML text of at most 32 KiB.
    PolicyText, text 32 * 1024, "policy"
);
wire_struct! {
    /// The policy in force.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct PolicyInForce {
        /// Version and digest.
        pub reference: PolicyRef,
        /// The text that was hashed.
        pub text: PolicyText,
    }
}
call!(ReadPolicy => PolicyInForce);

wire_struct! {
    /// Reads durable leaves from a position on.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ReadJournal {
        /// The first leaf wanted; a position past the end gives an empty slice only at the end.
        pub from: u64,
        /// Stop before more than this many leaves (1 to 4096).
        pub limit: u32,
    }
}
wire_newtype!(
    /// An encoded [`crate::Leaf`], at most 65,535 octets.
    LeafBytes, bytes 65_535, "leaf"
);
wire_newtype!(
    /// Consecutive leaves.
    Leaves, list LeafBytes, 4096, "leaves"
);
wire_struct! {
    /// Consecutive durable leaves.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct JournalSlice {
        /// The position of the first leaf.
        pub from: u64,
        /// The number of durable leaves in the whole journal.
        pub size: u64,
        /// The leaves: as many as fit 8 MiB.
        pub leaves: Leaves,
    }
}
call!(ReadJournal => JournalSlice);

//! How a ring began, and how its keys and policies came to be.

use x509::SpkiDer;

use super::{HouseKeys, OperatorKeys, Report, Version};
use crate::call::{PolicyText, Warrant};
use crate::codec::wire_struct;
use crate::field::{Digest, InstanceId, KeyId, KeyLabel, KeySpec, Purpose};

wire_struct! {
    /// A house key as genesis fixes it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct HouseKey {
        /// Its identity for ever.
        pub id: KeyId,
        /// `log`, `serial` or `seal`.
        pub purpose: Purpose,
        /// Its algorithm.
        pub spec: KeySpec,
        /// The public key of `log`; none for the symmetric ones.
        pub spki: Option<SpkiDer>,
    }
}

wire_struct! {
    /// The first leaf. SHA-256 of its encoding is the genesis digest, bound into every key file.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Genesis {
        /// Which ring this is.
        pub instance: InstanceId,
        /// The first octet of every serial: 0x01 to 0x7f.
        pub serial_prefix: u8,
        /// The house keys.
        pub house_keys: HouseKeys,
        /// Who may approve; empty: whoever reaches admin.sock.
        pub operators: OperatorKeys,
        /// How many of them must; zero with an empty set.
        pub threshold: u8,
        /// The program that made the ring.
        pub made_by: Version,
    }
}

wire_struct! {
    /// The signer started.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Opened {
        /// The program that runs.
        pub version: Version,
        /// Its self-check.
        pub report: Report,
        /// Octets of a torn write that were cut off the journal's end at this start.
        pub cut: u64,
    }
}

wire_struct! {
    /// Somebody gave an unlock factor.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct UnlockAttempt {
        /// Whether it opened the ring.
        pub opened: bool,
        /// How many attempts failed since the last leaf of this kind.
        pub failed: u32,
    }
}

wire_struct! {
    /// A key was generated.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct KeyGenerated {
        /// Its identity for ever.
        pub id: KeyId,
        /// Its name.
        pub label: KeyLabel,
        /// What it signs.
        pub purpose: Purpose,
        /// Its algorithm.
        pub spec: KeySpec,
        /// The public key.
        pub spki: Option<SpkiDer>,
        /// What was approved, and by whom.
        pub warrant: Warrant,
    }
}

wire_struct! {
    /// A policy came into force.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct PolicySet {
        /// Whose.
        pub key: KeyId,
        /// Counts from 1.
        pub version: u32,
        /// The digest of the version before; none for the first.
        pub previous: Option<Digest>,
        /// The text; its SHA-256 is the policy's digest.
        pub text: PolicyText,
        /// What was approved, and by whom.
        pub warrant: Warrant,
    }
}

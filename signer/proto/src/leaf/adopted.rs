//! A CA that was elsewhere before, and what it issued there.

use x509::{CertificateDer, SpkiDer};

use crate::call::{InventoryChunk, InventoryDigest, KeySource, Warrant};
use crate::codec::wire_struct;
use crate::field::{KeyId, KeyLabel, KeySpec, Purpose};

wire_struct! {
    /// A CA's key was taken over.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct KeyAdopted {
        /// Its identity for ever.
        pub id: KeyId,
        /// Its name.
        pub label: KeyLabel,
        /// What it signs.
        pub purpose: Purpose,
        /// Its algorithm.
        pub spec: KeySpec,
        /// The public key.
        pub spki: SpkiDer,
        /// Where it came from.
        pub source: KeySource,
        /// Whether others may have it: it came as a file, or its store could have given it away.
        pub imported: bool,
        /// The CA's certificate.
        pub certificate: CertificateDer,
        /// The highest CRL number that anybody saw.
        pub crl_number: u64,
        /// What it issued.
        pub inventory: InventoryDigest,
        /// What was approved, and by whom.
        pub warrant: Warrant,
    }
}

wire_struct! {
    /// A part of an adopted key's inventory was taken over.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct InventoryImported {
        /// Whose.
        pub key: KeyId,
        /// The part: the one that was approved by digest.
        pub chunk: InventoryChunk,
    }
}

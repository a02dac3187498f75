//! The journal as a log: its proofs, its tiles. Every socket speaks them.

use super::{call, wire_newtype};
use crate::codec::{wire_enum, wire_struct};
use crate::field::Digest;

wire_enum! {
    /// What is to be proved.
    pub enum ProofKind: u8 {
        /// That a leaf is in a tree (RFC 9162 §2.1.3).
        Inclusion = 1, "inclusion",
        /// That a tree is the beginning of another (RFC 9162 §2.1.4).
        Consistency = 2, "consistency",
    }
}
wire_struct! {
    /// Asks for a proof about trees of durable leaves.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ReadProof {
        /// What is to be proved.
        pub kind: ProofKind,
        /// The leaf's position, or the size of the older tree.
        pub first: u64,
        /// The size of the tree.
        pub size: u64,
    }
}
wire_newtype!(
    /// The hashes of a proof, lowest first.
    ProofHashes, list Digest, 64, "proof hashes"
);
wire_struct! {
    /// A proof.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct TreeProof {
        /// The root of the tree of that size.
        pub root: Digest,
        /// The hashes.
        pub hashes: ProofHashes,
    }
}
call!(ReadProof => TreeProof);

wire_struct! {
    /// Asks for a hash tile (C2SP tlog-tiles).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ReadTile {
        /// Its level: 0 to 7.
        pub level: u8,
        /// Its place in the level.
        pub index: u64,
        /// How many hashes: 256 for a full tile.
        pub width: u16,
    }
}
wire_newtype!(
    /// The hashes of a tile one after the other.
    TileBytes, bytes 8192, "tile"
);
call!(ReadTile => TileBytes);

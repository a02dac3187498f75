//! The journal as a log: its signed checkpoints, its proofs, its tiles.

use super::{call, wire_newtype};
use crate::codec::{wire_enum, wire_struct};
use crate::field::Digest;
use crate::leaf::AuditAnchored;

wire_newtype!(
    /// A signed note (C2SP signed-note), at most 64 KiB.
    NoteBytes, bytes 64 * 1024, "note"
);

wire_struct! {
    /// Asks for the newest signed checkpoint.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ReadCheckpoint {
        /// It must cover at least so many leaves; with fewer it may be a second old.
        pub least: u64,
    }
}
wire_struct! {
    /// What the log and its witnesses say of the journal.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Checkpoints {
        /// The newest checkpoint under the `log` key, with the cosignatures that it has.
        pub newest: NoteBytes,
        /// The newest one that a witness cosigned, with all cosignatures that it has.
        pub cosigned: Option<NoteBytes>,
    }
}
call!(ReadCheckpoint => Checkpoints);

wire_struct! {
    /// Shows a checkpoint: a witness' cosignature is kept, and one that this journal cannot have
    /// made stops the ring.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ShowCheckpoint {
        /// The note, signed by the log or by a pinned witness.
        pub note: NoteBytes,
    }
}
wire_struct! {
    /// The checkpoint is of this journal.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct CheckpointShown {
        /// Its number of leaves.
        pub size: u64,
        /// How many of its cosignatures are newer than those before, and kept.
        pub taken: u16,
    }
}
call!(ShowCheckpoint => CheckpointShown);

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

wire_struct! {
    /// Anchors the server's audit log, or asks for the newest anchor.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct AnchorAudit {
        /// What to write; none to ask.
        pub anchor: Option<AuditAnchored>,
    }
}
wire_struct! {
    /// An anchor and its leaf.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct AuditAnchor {
        /// The position of its leaf.
        pub position: u64,
        /// What the leaf says.
        pub anchored: AuditAnchored,
    }
}
wire_struct! {
    /// The newest anchor; none before the first.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct NewestAnchor {
        /// The anchor.
        pub anchor: Option<AuditAnchor>,
    }
}
call!(AnchorAudit => NewestAnchor);

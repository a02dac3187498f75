//! Why the journal cannot be opened, written or read.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why the journal cannot be opened, written or read.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The disk said no.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// Bytes are not what was written, and it is no torn write at the end.
    #[error("segment {segment} is corrupt at octet {offset}: {why}")]
    Corrupt {
        /// The segment's file name.
        segment: String,
        /// The octet where the first wrong record or header starts.
        offset: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// There are no leaves where a ring with keys has some.
    #[error("the journal is gone: the ring's keys belong to genesis {expected}")]
    Missing {
        /// The digest that the keys are bound to.
        expected: signer_proto::Digest,
    },
    /// The journal is that of another ring.
    #[error("the journal starts with genesis {found}, the ring's keys belong to {expected}")]
    AnotherGenesis {
        /// The digest that the keys are bound to.
        expected: signer_proto::Digest,
        /// SHA-256 of the first leaf.
        found: signer_proto::Digest,
    },
    /// The state does not take a leaf that the journal has.
    #[error("leaf {position} cannot be: {why}")]
    LeafRefused {
        /// The leaf's position.
        position: u64,
        /// What is wrong with it.
        why: String,
    },
    /// A write or sync failed, this one or one before: nothing is released until a restart.
    #[error("the journal failed and takes nothing until a restart")]
    Failed,
    /// The leaf has more than 65,535 octets.
    #[error("a leaf of {length} octets is over the limit of 65535")]
    LeafTooLong {
        /// Octets of the leaf.
        length: usize,
    },
    /// The hashes of the tree's earlier leaves are not there, or are not what they should be. A
    /// start makes them again.
    #[error("the tree's stored hashes cannot be used: {0}")]
    Tree(String),
    /// There is no leaf at this position yet.
    #[error("position {from} is past the end at {size}")]
    PastTheEnd {
        /// The position asked for.
        from: u64,
        /// The number of durable leaves.
        size: u64,
    },
}

impl JournalError {
    /// Names what was tried on which path.
    pub(super) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}

//! The journal: leaves in segments on disk, one writer, group commit, recovery.
//!
//! It is the write-ahead log of everything that the signer releases: a leaf is reported as
//! committed only after the fdatasync that covers it. After a failed write or sync nothing is
//! reported any more until a restart, because what a failed fdatasync left behind is unknown.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod disk;
mod error;
mod group;
mod inbox;
mod open;
mod reader;
mod scan;
mod tree;
mod view;
mod writer;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod power_cuts;
#[cfg(test)]
mod speed;

pub use disk::{Disk, DiskFile, RealDisk};
pub use error::JournalError;
pub use open::{OnLeaf, OpenReport};
pub use tree::TreeView;
pub use view::View;
pub use writer::{Committed, Done, Held, Journal, Options};

//! The journal as a log that anybody can check: segments, RFC 9162 trees, checkpoints, proofs.
//!
//! Pure functions over octets: no key, no disk. The signer writes by them, verifiers, followers
//! and witnesses check by them.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod checkpoint;
pub mod merkle;
pub mod note;
pub mod proof;
pub mod segment;
pub mod tile;

//! The keeper of the seal: accepts, permits, admits by policy, signs, journals.
//!
//! The core is synchronous: threads, blocking I/O, no runtime. Its truth is the journal; its
//! state is a fold of the journal's leaves.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod journal;
pub mod listen;
pub mod policy;

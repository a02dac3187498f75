//! Checks a signer's journal from the first leaf to the last, without any secret.
//!
//! A fold of its own: nothing here is the signer's state. What the two share are the dictionary
//! (`signer-proto`), the pure functions that decide (`signer-policy`, `signer-log`,
//! `signer-quorum`) and X.509.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod audit;
mod checks;
mod fault;
mod fold;
mod history;
mod published;
mod report;
mod segments;
pub mod witness;

pub use audit::{Audit, AuditError, Evidence, audit};
pub use fault::{Fault, FaultKind};
pub use report::{CheckpointSeen, Report};

//! The keeper of the seal: accepts, permits, admits by policy, signs, journals.
//!
//! The core is synchronous: threads, blocking I/O, no runtime. Its truth is the journal; its
//! state is a fold of the journal's leaves.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

#[cfg(test)]
extern crate self as signer;

mod acting;
mod approve;
mod calls;
mod clock;
mod crl;
mod floor;
mod followed;
mod handshakes;
mod keeper;
mod key_view;
mod ledger;
mod ocsp;
mod refusals;
mod ring;
mod serial;
mod standby;
mod state;
mod tripwires;
mod writing;

pub use signer_journal as journal;
pub use signer_listen as listen;

pub use clock::{Clock, Entropy, NoEntropy, SystemClock, SystemEntropy};
pub use ledger::LedgerError;
pub use ring::{
    ConfigError, CreateError, DirectoryError, DriverFamily, Environment, HeldRing, NewRing,
    OldFactor, OpenError, ReplayedRing, RingConfig, RotateError, ServeError, Signer, Start, create,
    read_journal, rotate_unlock,
};
pub use signer_proto::stub;

#[cfg(test)]
#[path = "../tests/ring/simulated.rs"]
mod simulated;

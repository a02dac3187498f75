//! Process hardening: what a Chancery process gives up before it does anything else.
//!
//! [`lock_down`] is the first call of every main: no core dumps, no debugger, no new privileges.
//! [`keep_out_of`] closes directories to the server where everything runs under one uid.
//! Both act on the calling thread and what it starts later, so they come before the first thread.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod capabilities;
mod descriptors;
mod keep_out;
mod lock_down;
mod memory;
mod report;
mod threads;

pub use keep_out::{Enforcement, KeepOutError, LandlockStatus, keep_out_of, keep_out_of_all};
pub use lock_down::lock_down;
pub use report::{Item, Report, Role};

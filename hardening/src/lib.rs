//! Process hardening: what a Chancery process gives up, and when.
//!
//! [`lock_down`] is the first call of every main: no core dumps, no debugger, no new privileges,
//! and none of the calls that it never needs. The signer goes on: [`confine`] closes every path but
//! its own once its sockets are there, [`seal`] leaves it only the calls of its steady state, and
//! [`SelfCheck`] reads back what the kernel says of it. [`keep_out_of`] closes directories to the
//! server where everything runs under one uid.
//! All but [`seal`] act on the calling thread and what it starts later, so they come before the
//! first thread.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod capabilities;
mod confine;
mod descriptors;
mod keep_out;
mod lock_down;
mod memory;
mod report;
pub mod seccomp;
mod self_check;
mod threads;

pub use confine::{Reach, confine, confine_module, confine_to};
pub use keep_out::{Enforcement, KeepOutError, LandlockStatus, keep_out_of, keep_out_of_all};
pub use lock_down::lock_down;
pub use report::{Item, Report, Role};
pub use seccomp::{SocketReach, seal};
pub use self_check::SelfCheck;

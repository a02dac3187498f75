//! Memory for the few short secrets that open a ring: the credential, unlock key and data key.
//!
//! Where the kernel has memfd_secret(2) the pages are taken out of its own map of memory: another
//! process reads nothing of them, root's /proc/PID/mem and a core dump included, and they are
//! never swapped. Elsewhere they are locked and left out of dumps, as far as the limits allow, and
//! [`kind`] says so.
//!
//! This is the one crate with unsafe code: the call has no safe form, as it gives raw pages.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

#[allow(unsafe_code)]
mod arena;
mod secret;
mod slots;

pub use arena::{Kind, kind};
pub use secret::{NoRoom, Secret};

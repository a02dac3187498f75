//! Keys in a cloud KMS: AWS and Google, a folder each over one trait ([`cloud`]).
//!
//! The one driver with a runtime and the one with egress. Credentials come by each vendor's
//! standard chain and stay in this process, which is the signer's.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod aws;
mod backoff;
mod bucket;
mod calls;
mod causes;
mod cloud;
mod config;
mod driver;
mod google;
mod key;
mod prehash;
mod start;
#[cfg(feature = "testing")]
pub mod testing;
mod watch;

pub use config::{Config, ConfigFaults};
pub use driver::KmsDriver;
pub use start::StartError;

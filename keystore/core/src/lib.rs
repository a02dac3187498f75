//! What a key driver is, and the bytes that it may sign.
//!
//! A driver holds keys or reaches them; it decides nothing. [`Approved`] marks bytes that policy
//! admitted, so that a signature over anything else does not compile.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod adopt;
mod approved;
#[cfg(feature = "conformance")]
pub mod conformance;
mod digest;
mod driver;
mod house;
mod identity;
mod known;
mod unlock;

pub use adopt::{Adopt, AdoptSource, Adopted, Unwrap};
pub use approved::{Approved, Urgency};
pub use digest::{DigestAlgorithm, Digested, digest};
pub use driver::{Destroy, DriverError, KeyDriver};
pub use house::{Founder, Founding, House, Opened, Rotation, Rotator, Vault};
pub use identity::KeyIdentity;
pub use known::{KeyLocation, KnownKey, ReportLine};
pub use unlock::{
    Custodian, NewFactor, Opener, Share, ShareOffer, UnlockError, UnlockFactor, UnlockKind,
};

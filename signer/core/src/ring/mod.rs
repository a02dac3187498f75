//! A ring on disk: one directory, one process, one family of drivers.
//!
//! ```text
//! ring/                  0700, the signer's uid
//!   ring.toml            what kind of ring this is, and who may connect
//!   unlock, keys/        the keys, sealed
//!   journal/             the journal's segments
//!   lock                 flock: one signer a ring
//! ```

mod config;
mod create;
mod directory;
mod open;
mod rotate;
mod signer;

pub use config::{ConfigError, DriverFamily, RingConfig};
pub use create::{CreateError, NewRing, create};
pub use directory::DirectoryError;
pub use open::{Environment, HeldRing, OpenError, ReplayedRing, Start, read_journal};
pub use rotate::{OldFactor, RotateError, rotate_unlock};
pub use signer::{ServeError, Signer};

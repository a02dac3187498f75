//! A witness on a second host: it remembers the largest checkpoint that it saw of a log, cosigns
//! only what is consistent with it (C2SP tlog-cosignature), and keeps the hashes of all leaves,
//! so that an auditor can name the leaf that was replaced.

mod alarm;
mod follow;
mod http;
mod key;
mod source;
mod state;

pub use alarm::Alarm;
pub use follow::{Followed, Witness, WitnessError};
pub use key::{CosignerError, CosignerKey};
pub use source::{Source, SourceError};
pub use state::{State, StateError};

//! Keys of a ring as its journal has them, and where they are.

pub use signer_proto::KeyLocation;
use x509::SpkiDer;

use crate::KeyIdentity;

/// A key of the ring: the public key is pinned, wherever the private one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKey {
    /// What it is.
    pub identity: KeyIdentity,
    /// Its public key, as the journal has it.
    pub public: SpkiDer,
    /// Where it was when it was adopted; none: the driver made it.
    pub location: Option<KeyLocation>,
}

/// A line of what a driver tells of itself. Never a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportLine {
    /// What it is about: a module, a token, a key.
    pub subject: String,
    /// The property.
    pub name: String,
    /// Its value.
    pub value: String,
}

//! Profiles as they are kept; their text is read by crate `ca`.

use x509::UnixTime;

use crate::ProfileName;

/// Is a profile's current version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The name that requests give.
    pub name: ProfileName,
    /// The canonical TOML text.
    pub body: String,
    /// SHA-256 of `body`.
    pub digest: [u8; 32],
    /// Counts the versions from 1.
    pub revision: i64,
    /// Came with the program and cannot be deleted.
    pub builtin: bool,
    /// May be issued from.
    pub enabled: bool,
    /// The time of the last change.
    pub updated_at: UnixTime,
}

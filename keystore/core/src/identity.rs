//! Which key.

use signer_proto::{KeyId, KeyLabel, KeySpec, Purpose};

/// What a key is, fixed when it is generated; the journal says so and drivers are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyIdentity {
    /// Its identity for ever.
    pub id: KeyId,
    /// Its name in this ring.
    pub label: KeyLabel,
    /// What it signs.
    pub purpose: Purpose,
    /// Its algorithm.
    pub spec: KeySpec,
}

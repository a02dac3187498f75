//! Which key.

use signer_proto::{KeyId, KeyLabel, KeySpec, Purpose};
use x509::SignatureScheme;

use crate::DriverError;

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

impl KeyIdentity {
    /// Checks that the key signs by a scheme.
    ///
    /// # Errors
    /// [`DriverError::SchemeMismatch`].
    pub fn check_scheme(&self, scheme: SignatureScheme) -> Result<(), DriverError> {
        let fits = self.spec.kind().is_some_and(|kind| scheme.fits(kind));
        if fits { Ok(()) } else { Err(DriverError::SchemeMismatch) }
    }
}

//! Bytes that policy admitted.

/// Bytes that policy admitted, complete and not yet hashed.
///
/// Only `signer` makes one, in a single place, after admission; `cargo xtask tidy` counts the
/// calls of [`Approved::admitted`].
#[derive(Clone, Copy)]
pub struct Approved<'a>(&'a [u8]);

impl<'a> Approved<'a> {
    /// Marks bytes as admitted. See the type: this call stands in one place.
    #[must_use]
    pub fn admitted(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes to sign.
    #[must_use]
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

//! Bytes that policy admitted.

use std::time::Instant;

/// Bytes that policy admitted, complete and not yet hashed.
///
/// Only `signer` makes one, in a single place, after admission; `cargo xtask tidy` counts the
/// calls of [`Approved::admitted`].
#[derive(Clone, Copy)]
pub struct Approved<'a> {
    bytes: &'a [u8],
    urgency: Urgency,
    deadline: Option<Instant>,
}

/// What waits for what, where a driver can sign only so much: never a reason to sign or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Certificates and requests: they wait.
    Issuance,
    /// CRLs, OCSP responses and handshakes: what is there stops working without them.
    Status,
}

impl<'a> Approved<'a> {
    /// Marks bytes as admitted. See the type: this call stands in one place.
    #[must_use]
    pub fn admitted(bytes: &'a [u8]) -> Self {
        Self { bytes, urgency: Urgency::Issuance, deadline: None }
    }

    /// Says how urgent it is.
    #[must_use]
    pub fn with_urgency(self, urgency: Urgency) -> Self {
        Self { urgency, ..self }
    }

    /// Says from when on nobody waits for the signature.
    #[must_use]
    pub fn with_deadline(self, deadline: Option<Instant>) -> Self {
        Self { deadline, ..self }
    }

    /// Returns the bytes to sign.
    #[must_use]
    pub fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Returns how urgent it is.
    #[must_use]
    pub fn urgency(self) -> Urgency {
        self.urgency
    }

    /// Returns from when on nobody waits for the signature.
    #[must_use]
    pub fn deadline(self) -> Option<Instant> {
        self.deadline
    }
}

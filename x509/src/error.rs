//! Why strict DER is refused.

use crate::{DnsNameError, KeyError, Oid, SchemeError, SerialError};

/// Says why bytes are no acceptable DER of the expected type.
///
/// Every variant blames the bytes (or, when encoding, the fields): *malformed*.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DerError {
    /// Breaks X.690 itself: a length, a tag or a primitive value.
    #[error("not DER: {why}")]
    NotDer {
        /// The rule that is broken.
        why: &'static str,
    },
    /// Carries octets after the end of the value.
    #[error("trailing octets after the value")]
    Trailing,
    /// Decodes, but its encoding is not the one that DER prescribes.
    #[error("not the canonical encoding")]
    NonCanonical,
    /// Exceeds the size cap of its type.
    #[error("larger than {limit} octets")]
    TooLarge {
        /// The cap, in octets.
        limit: usize,
    },
    /// Nests constructed values deeper than the cap.
    #[error("nested too deep")]
    TooDeep,
    /// Holds the same extension twice (RFC 5280 §4.2).
    #[error("extension {0} appears twice")]
    DuplicateExtension(Oid),
    /// Is well-formed and uses something that this crate does not support.
    #[error("{what} is not supported")]
    Unsupported {
        /// The thing that is not supported.
        what: &'static str,
    },
    /// Breaks a rule of its type.
    #[error("{path}: {why}")]
    Field {
        /// The field's ASN.1 name.
        path: &'static str,
        /// The rule that is broken.
        why: &'static str,
    },
    /// Carries a serial number that is not acceptable.
    #[error("the serial number is refused")]
    Serial(#[source] SerialError),
    /// Carries a dNSName that is not acceptable.
    #[error("a dNSName is refused")]
    DnsName(#[source] DnsNameError),
    /// Uses a signature algorithm that is not one of ours, or its parameters are not exact.
    #[error("the signature algorithm is refused")]
    Scheme(#[source] SchemeError),
    /// Carries a public key that is not acceptable.
    #[error("the public key is refused")]
    Key(#[source] KeyError),
}

impl DerError {
    pub(crate) const fn field(path: &'static str, why: &'static str) -> Self {
        Self::Field { path, why }
    }
}

impl From<SerialError> for DerError {
    fn from(error: SerialError) -> Self {
        Self::Serial(error)
    }
}

impl From<DnsNameError> for DerError {
    fn from(error: DnsNameError) -> Self {
        Self::DnsName(error)
    }
}

impl From<KeyError> for DerError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

impl From<SchemeError> for DerError {
    fn from(error: SchemeError) -> Self {
        Self::Scheme(error)
    }
}

//! Names that were validated.

use crate::codec::wire_struct;
use crate::field::Digest;
use crate::identifier::{Identifier, ValidationMethod};

wire_struct! {
    /// Control over an identifier was validated; when, is the leaf's time.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ValidationRecorded {
        /// What was validated.
        pub identifier: Identifier,
        /// How.
        pub method: ValidationMethod,
        /// For whom: SHA-256 of the account key's JWK (RFC 7638).
        pub account: Digest,
    }
}

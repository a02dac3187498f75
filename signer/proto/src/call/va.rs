//! What va.sock speaks: that names were validated.

use super::call;
use crate::codec::wire_struct;
use crate::field::Digest;
use crate::identifier::{Identifier, ValidationMethod};
use x509::UnixTime;

wire_struct! {
    /// Records that control over an identifier was validated just now. Only va.sock speaks it:
    /// whoever asks for certificates cannot say that names were validated.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RecordValidation {
        /// What was validated.
        pub identifier: Identifier,
        /// How.
        pub method: ValidationMethod,
        /// For whom: SHA-256 of the account key's JWK (RFC 7638).
        pub account: Digest,
    }
}
wire_struct! {
    /// A record that is durable.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ValidationRecord {
        /// The position of its leaf: what evidence names it by.
        pub position: u64,
        /// When: the signer's clock.
        pub validated_at: UnixTime,
    }
}
call!(RecordValidation => ValidationRecord);

//! The handshakes that a `tls` key signed.

use crate::codec::wire_struct;
use crate::field::{Digest, KeyId};

wire_struct! {
    /// Handshakes were signed: at most a second's worth of one key.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct HandshakesSigned {
        /// The `tls` key.
        pub key: KeyId,
        /// How many, at least one.
        pub count: u32,
        /// Merkle root (RFC 9162 §2.1.1) over what was signed, in order: each CertificateVerify
        /// content (RFC 8446 §4.4.3).
        pub root: Digest,
    }
}

//! What the server's own TLS asks of issue.sock: the signature of a handshake.

use super::call;
use crate::codec::{Reader, Wire, WireError, Writer, wire_struct};
use crate::field::KeyLabel;
use x509::{Signature, SignatureScheme};

/// The hash of a handshake's transcript (RFC 8446 §4.4.1), at most 64 octets.
///
/// It is no digest to sign: the signer puts it into the one frame of RFC 8446 §4.4.3 and signs
/// that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript(pub Vec<u8>);
impl Wire for Transcript {
    fn put(&self, w: &mut Writer) {
        w.string(&self.0);
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        r.string("transcript hash", 64).map(|b| Self(b.to_vec()))
    }
}

wire_struct! {
    /// Asks for the signature of the server's CertificateVerify in TLS 1.3.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SignHandshake {
        /// The `tls` key.
        pub key: KeyLabel,
        /// The algorithm that client and server agreed on: the policy's, or it is refused.
        pub scheme: SignatureScheme,
        /// The hash of the transcript up to Certificate: 32 or 48 octets, as the cipher suites
        /// have it.
        pub transcript: Transcript,
    }
}
wire_struct! {
    /// A signature of CertificateVerify. Its leaf comes later, with others.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SignedHandshake {
        /// The content of CertificateVerify's signature field.
        pub signature: Signature,
    }
}
call!(SignHandshake => SignedHandshake);

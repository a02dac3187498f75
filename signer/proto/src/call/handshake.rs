//! What the server's own TLS asks of issue.sock: the signature of a handshake.

use super::call;
use crate::codec::wire_enum;
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

/// The random of a hello (RFC 5246 §7.4.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HelloRandom(pub [u8; 32]);
impl Wire for HelloRandom {
    fn put(&self, w: &mut Writer) {
        w.raw(&self.0);
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        r.array().map(Self)
    }
}

wire_enum! {
    /// A named group of an ephemeral key, by its number in TLS (RFC 8422 §5.1.1).
    pub enum NamedGroup: u16 {
        /// P-256.
        Secp256r1 = 23, "secp256r1",
        /// P-384.
        Secp384r1 = 24, "secp384r1",
        /// Curve25519.
        X25519 = 29, "x25519",
    }
}

/// The server's ephemeral public key, at most 133 octets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EphemeralKey(pub Vec<u8>);
impl Wire for EphemeralKey {
    fn put(&self, w: &mut Writer) {
        w.string(&self.0);
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        r.string("ephemeral key", 133).map(|b| Self(b.to_vec()))
    }
}

wire_struct! {
    /// Asks for the signature of the server's key exchange in TLS 1.2, where the policy allows it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SignKeyExchange {
        /// The `tls` key.
        pub key: KeyLabel,
        /// The algorithm that client and server agreed on: the policy's, or it is refused.
        pub scheme: SignatureScheme,
        /// The client's random.
        pub client_random: HelloRandom,
        /// The server's random.
        pub server_random: HelloRandom,
        /// The group of the ephemeral key.
        pub group: NamedGroup,
        /// The server's ephemeral public key.
        pub ephemeral: EphemeralKey,
    }
}
call!(SignKeyExchange => SignedHandshake);

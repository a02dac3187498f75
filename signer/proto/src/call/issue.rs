//! What issue.sock speaks: serials, certificates, sealing.

use super::{EvidenceList, call, wire_newtype};
use crate::codec::{Reader, Wire, WireError, Writer, wire_struct};
use crate::field::{Digest, IdempotencyKey, KeyLabel};
use x509::{Serial, Signature, TbsCertificateDer, UnixTime};

wire_struct! {
    /// Mints serials that authenticate themselves.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct MintSerials {
        /// For which issuing key.
        pub key: KeyLabel,
        /// How many (1 to 1024).
        pub count: u32,
    }
}
wire_newtype!(
    /// Fresh serials.
    Serials, list Serial, 1024, "serials"
);
call!(MintSerials => Serials);

wire_struct! {
    /// Asks for the signature over a leaf certificate.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SignCertificate {
        /// The issuing key.
        pub key: KeyLabel,
        /// The policy that the server prepared against; another one in force refuses.
        pub policy: Digest,
        /// The server's profile, for the record; the signer does not know profiles.
        pub profile: Digest,
        /// The whole to-be-signed certificate.
        pub tbs: TbsCertificateDer,
        /// What stands for it.
        pub evidence: EvidenceList,
        /// What makes a retry the same request.
        pub idempotency: IdempotencyKey,
    }
}
wire_struct! {
    /// A signature that is durable in the journal.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SignedCertificate {
        /// The position of its leaf.
        pub position: u64,
        /// When it was signed.
        pub signed_at: UnixTime,
        /// Whether it was signed before and is only repeated here.
        pub replayed: bool,
        /// The content of signatureValue.
        pub signature: Signature,
    }
}
call!(SignCertificate => SignedCertificate);

wire_newtype!(
    /// Where a sealed value belongs: sealed in one context, it does not open in another.
    SealContext, bytes 256, "seal context"
);
/// A small secret of the server, at most 64 KiB. It is wiped when dropped and never shown.
pub struct Plaintext(pub zeroize::Zeroizing<Vec<u8>>);
impl Wire for Plaintext {
    fn put(&self, w: &mut Writer) {
        w.string(&self.0);
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        r.string("plaintext", 64 * 1024).map(|b| Self(zeroize::Zeroizing::new(b.to_vec())))
    }
}
impl core::fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Plaintext({} octets)", self.0.len())
    }
}
wire_newtype!(
    /// A sealed value.
    Sealed, bytes 65 * 1024, "sealed value"
);
wire_struct! {
    /// Seals a small secret (AES-256-GCM under the ring's `seal` key).
    #[derive(Debug)]
    pub struct Seal {
        /// Where it belongs.
        pub context: SealContext,
        /// The secret.
        pub plaintext: Plaintext,
    }
}
call!(Seal => Sealed);
wire_struct! {
    /// Opens a sealed value.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Unseal {
        /// Where it belongs.
        pub context: SealContext,
        /// What [`Seal`] answered.
        pub sealed: Sealed,
    }
}
call!(Unseal => Plaintext);

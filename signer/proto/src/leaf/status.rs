//! What became of certificates, and what relying parties were told.

use x509::{CrlReason, Serial, Signature, SignatureScheme, UnixTime};

use crate::codec::wire_struct;
use crate::field::{Digest, KeyId, RevocationStatus};

wire_struct! {
    /// A certificate was revoked, held or released.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RevocationChanged {
        /// The issuer's key.
        pub key: KeyId,
        /// Which certificate.
        pub serial: Serial,
        /// What it is now.
        pub status: RevocationStatus,
        /// Why.
        pub reason: CrlReason,
        /// Since when the key is believed to be known to others.
        pub invalidity: Option<UnixTime>,
    }
}

wire_struct! {
    /// A CRL was signed: DONE. A verifier builds its bytes again from these fields.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct CrlSigned {
        /// The issuer's key.
        pub key: KeyId,
        /// Zero: the full CRL.
        pub shard: u16,
        /// The CRL number.
        pub number: u64,
        /// thisUpdate.
        pub this_update: UnixTime,
        /// nextUpdate.
        pub next_update: UnixTime,
        /// How many changes of the key's revocation set it covers.
        pub revocations: u64,
        /// SHA-256 of the to-be-signed bytes.
        pub tbs_digest: Digest,
        /// By which algorithm.
        pub scheme: SignatureScheme,
        /// The signature.
        pub signature: Signature,
    }
}

wire_struct! {
    /// A batch of OCSP responses was signed: DONE.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OcspSigned {
        /// The responder's key.
        pub responder: KeyId,
        /// The issuer's key.
        pub issuer: KeyId,
        /// thisUpdate of all.
        pub this_update: UnixTime,
        /// nextUpdate of all.
        pub next_update: UnixTime,
        /// How many changes of the issuer's revocation set they cover.
        pub revocations: u64,
        /// How many responses were signed.
        pub count: u32,
        /// Merkle root (RFC 9162 §2.1.1) over the DER of each ResponseData in order.
        pub root: Digest,
    }
}

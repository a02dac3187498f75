//! Certificates and requests that were signed.

use x509::{CertificationRequestInfoDer, Signature, SignatureScheme, TbsCertificateDer};

use super::EvidenceRecords;
use crate::call::Warrant;
use crate::codec::wire_struct;
use crate::field::{Digest, IdempotencyKey, KeyId};

wire_struct! {
    /// What stood for a certificate, by digest. The bodies are the server's to keep.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct EvidenceRecord {
        /// The kind's number: 1 to 5.
        pub kind: u8,
        /// 1, 4, 5: SHA-256 of the CSR, of the list of positions as it was sent, of the officer's
        /// signature. 3: the first 24 octets of SHA-256 of the renewal as it was sent, then the
        /// position of the certificate that was renewed.
        pub digest: Digest,
    }
}

wire_struct! {
    /// A certificate was signed: DONE. The serial, the names and the dates are in the TBS.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct CertificateSigned {
        /// The issuer's key.
        pub key: KeyId,
        /// The policy in force.
        pub policy: Digest,
        /// The server's profile, as it said.
        pub profile: Digest,
        /// What makes a retry the same request.
        pub idempotency: IdempotencyKey,
        /// What stood for it.
        pub evidence: EvidenceRecords,
        /// What was signed.
        pub tbs: TbsCertificateDer,
        /// By which algorithm.
        pub scheme: SignatureScheme,
        /// The signature.
        pub signature: Signature,
    }
}

wire_struct! {
    /// A CA certificate was signed: DONE.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct AuthoritySigned {
        /// The issuer's key.
        pub key: KeyId,
        /// The policy in force.
        pub policy: Digest,
        /// What makes a retry the same request.
        pub idempotency: IdempotencyKey,
        /// What was signed.
        pub tbs: TbsCertificateDer,
        /// By which algorithm.
        pub scheme: SignatureScheme,
        /// The signature.
        pub signature: Signature,
        /// What was approved, and by whom.
        pub warrant: Warrant,
    }
}

wire_struct! {
    /// A CSR for a key of this ring was signed: DONE.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RequestSigned {
        /// Whose CSR.
        pub key: KeyId,
        /// What was signed.
        pub info: CertificationRequestInfoDer,
        /// By which algorithm.
        pub scheme: SignatureScheme,
        /// The signature.
        pub signature: Signature,
        /// What was approved, and by whom.
        pub warrant: Warrant,
    }
}

//! What admin.sock speaks: whatever makes authority.

use super::{
    HealthReport, KeyDescription, Plaintext, PolicyRef, PolicyText, SignedCertificate, Warrant,
    call,
};
use crate::codec::wire_struct;
use crate::field::{Digest, IdempotencyKey, KeyLabel, KeySpec, Purpose};
use x509::{CertificationRequestInfoDer, TbsCertificateDer};

wire_struct! {
    /// Unlocks the ring with a passphrase.
    #[derive(Debug)]
    pub struct Unlock {
        /// At most 1 KiB in use; wiped when dropped.
        pub passphrase: Plaintext,
    }
}
call!(Unlock => HealthReport);

wire_struct! {
    /// Generates a key.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct GenerateKey {
        /// Its name in the ring.
        pub label: KeyLabel,
        /// What it will sign.
        pub purpose: Purpose,
        /// Its algorithm.
        pub spec: KeySpec,
        /// What operators approved.
        pub warrant: Warrant,
    }
}
call!(GenerateKey => KeyDescription);

wire_struct! {
    /// Puts a policy in force.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SetPolicy {
        /// Whose policy.
        pub key: KeyLabel,
        /// The digest of the policy in force; none for the first.
        pub previous: Option<Digest>,
        /// The text.
        pub text: PolicyText,
        /// What operators approved.
        pub warrant: Warrant,
    }
}
call!(SetPolicy => PolicyRef);

wire_struct! {
    /// Asks for the signature over a CA certificate (cA TRUE), self-signed
    /// ones too.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SignAuthority {
        /// The issuer's key.
        pub key: KeyLabel,
        /// The policy in force.
        pub policy: Digest,
        /// The whole to-be-signed certificate.
        pub tbs: TbsCertificateDer,
        /// What makes a retry the same request.
        pub idempotency: IdempotencyKey,
        /// What operators approved.
        pub warrant: Warrant,
    }
}
call!(SignAuthority => SignedCertificate);

wire_struct! {
    /// Asks for the signature over the CSR of a key of this ring.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SignCaRequest {
        /// Whose CSR.
        pub key: KeyLabel,
        /// The whole certification request information (RFC 2986 §4.1).
        pub info: CertificationRequestInfoDer,
        /// What operators approved.
        pub warrant: Warrant,
    }
}
call!(SignCaRequest => SignedCertificate);

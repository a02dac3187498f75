//! Acts on admin.sock that make authority: an operator's tool runs them, never the server. The
//! server learns of them from the journal.
//!
//! Every ceremony can be run again after it was interrupted: what is done already is found and
//! left as it is.

mod across;
mod adopt;
mod bootstrap;
mod ends;
mod execute;
mod operator;
mod renew;
mod ring;
mod sign_request;
mod succession;
mod take_over;
mod tls;

pub use across::{Across, execute_across, renew_across};
pub use adopt::{adopt, end_at, request_renewal};
pub use bootstrap::{AuthorityPlan, BootstrapPlan, Bootstrapped, bootstrap};
pub use execute::{Executed, Parent, execute};
pub use operator::{ActError, Granting, NoOperators, Operator, WarrantError, Warrants};
pub use renew::{Renewal, renew};
pub use ring::certificate_of;
pub use sign_request::{RequestWish, sign_request};
pub use succession::{close, has_policy, is_closed, succeed};
pub use take_over::{TakeOver, TakenOver, inventory_chunks, take_over};
pub use tls::tls_key;

use signer_client::CallError;
use signer_proto::WireError;
use x509::{DerError, VerifyError, WeakKey};

use crate::hierarchy::{CaRequestError, HierarchyError};

/// Why a ceremony stopped.
#[derive(Debug, thiserror::Error)]
pub enum CeremonyError {
    /// The signer refused or did not answer.
    #[error("{act}")]
    Call {
        /// What was asked for, in words.
        act: String,
        /// What came of it.
        #[source]
        source: CallError,
    },
    /// Operators have not approved it.
    #[error("{act}")]
    Warrant {
        /// What was to be done, in words.
        act: String,
        /// What is missing.
        #[source]
        source: WarrantError,
    },
    /// The certificate does not fit where it is to stand.
    #[error(transparent)]
    Hierarchy(#[from] HierarchyError),
    /// The wish itself.
    #[error(transparent)]
    Request(#[from] CaRequestError),
    /// A text is no label or name.
    #[error("`{0}` is no label of a key")]
    Label(String),
    /// A key with this label is there and is another kind of key.
    #[error("the ring has a key `{label}` already, and it is {what}")]
    OtherKey {
        /// The label.
        label: String,
        /// What it is.
        what: String,
    },
    /// A key that must be there is not.
    #[error("the ring has no key `{0}`")]
    NoKey(String),
    /// A key that must be under a policy is not.
    #[error("the key `{0}` is under no policy")]
    NoPolicy(String),
    /// A certificate is for another name than the key's policy is.
    #[error("the certificate's subject, {0}, is not the one that was asked for")]
    OtherSubject(String),
    /// A policy's text does not say who the issuer is, or until when it lasts.
    #[error("the policy of `{0}` does not read")]
    Policy(String),
    /// A CSR's key is weak.
    #[error("the CSR's key is weak: {0}")]
    WeakKey(WeakKey),
    /// A CSR's own signature does not verify (RFC 2986 §4.2).
    #[error("the CSR's own signature does not verify")]
    CsrSignature(#[source] VerifyError),
    /// A CSR is not for a CA.
    #[error("the CSR is not for a CA: {0}")]
    NotACa(&'static str),
    /// The key of a CSR that somebody else is to have is in this ring.
    #[error("the CSR's key is `{0}` of this very ring: `chancery ca sign` makes such CAs")]
    KeyOfThisRing(String),
    /// A leaf of the journal does not read.
    #[error("the leaf at {position} cannot be read")]
    Leaf {
        /// Where it stands.
        position: u64,
        /// What is wrong with it.
        #[source]
        source: WireError,
    },
    /// A certificate does not read.
    #[error("a certificate cannot be read")]
    Certificate(#[source] DerError),
    /// The signer's signature does not verify.
    #[error("the signer's signature does not verify")]
    Signature(#[source] VerifyError),
}

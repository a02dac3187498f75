//! What can go wrong with an issuer's life.

use model::{IssuerName, RingName, TransitionError};
use signer_client::CallError;
use store::StoreError;
use x509::{Deviation, VerifyError};

use super::{CaRequestError, HierarchyError};

/// Why an issuer is not made, imported or retired.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// The wish itself. Malformed.
    #[error(transparent)]
    Request(#[from] CaRequestError),
    /// It does not fit below the parent. Refused.
    #[error(transparent)]
    Hierarchy(#[from] HierarchyError),
    /// The name is an issuer's already. Refused.
    #[error("there is an issuer `{0}` already")]
    NameTaken(IssuerName),
    /// There is no such issuer.
    #[error("there is no issuer `{0}`")]
    NotFound(IssuerName),
    /// The parent is not there, not active, or signs only leaves. Refused.
    #[error("`{0}` is no active CA of ours that signs CAs")]
    Parent(IssuerName),
    /// The ring is none of this server's. Refused.
    #[error("this server has no ring `{0}`")]
    Ring(RingName),
    /// The certificate is not the one that was asked for. Refused.
    #[error(transparent)]
    Import(#[from] ImportFault),
    /// The issuer is not in a state for it. Refused.
    #[error("{0}")]
    State(String),
    /// The signer does not answer. Unavailable.
    #[error("the signer does not answer: {0}")]
    SignerUnavailable(String),
    /// The database.
    #[error("the database did not take it")]
    Store(#[from] StoreError),
}

/// Why a certificate is not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportFault {
    /// The certificate is for another key.
    #[error("the certificate is for another key than the issuer's")]
    OtherKey,
    /// The certificate is for another name than was asked for.
    #[error("the certificate's subject is not the one that was asked for")]
    OtherSubject,
    /// The certificate is no CA's.
    #[error("the certificate is no CA's: {0}")]
    NoCa(&'static str),
    /// The certificate is not valid now.
    #[error("the certificate is not valid now")]
    NotNow,
    /// A certificate of the path does not follow from the next.
    #[error("certificate {0} of the path is not signed by the next one")]
    Chain(usize, #[source] Option<VerifyError>),
    /// The certificate is not what we would issue, and nobody has confirmed that.
    #[error("the certificate deviates from what we would issue: {}", listed(.0))]
    Deviates(Vec<Deviation>),
}

fn listed(deviations: &[Deviation]) -> String {
    let words: Vec<String> = deviations.iter().map(ToString::to_string).collect();
    words.join("; ")
}

impl IssuerError {
    /// Returns a stable name of the rule that was broken, in kebab-case.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Request(_) => "ca-request-malformed",
            Self::Hierarchy(error) => error.rule(),
            Self::NameTaken(_) => "issuer-exists",
            Self::NotFound(_) => "not-found",
            Self::Parent(_) => "parent-unsuitable",
            Self::Ring(_) => "ring-unknown",
            Self::Import(fault) => fault.rule(),
            Self::State(_) => "state",
            Self::SignerUnavailable(_) => "signer-unavailable",
            Self::Store(_) => "store",
        }
    }
}

impl ImportFault {
    fn rule(&self) -> &'static str {
        match self {
            Self::OtherKey => "import-other-key",
            Self::OtherSubject => "import-other-subject",
            Self::NoCa(_) => "import-no-ca",
            Self::NotNow => "import-not-valid-now",
            Self::Chain(..) => "import-chain",
            Self::Deviates(_) => "import-deviates",
        }
    }
}

impl From<TransitionError> for IssuerError {
    fn from(error: TransitionError) -> Self {
        Self::State(error.to_string())
    }
}

impl From<CallError> for IssuerError {
    fn from(error: CallError) -> Self {
        Self::SignerUnavailable(error.to_string())
    }
}

//! Issuing one certificate, in the steps of docs/ISSUANCE.md.

mod draft;
mod flow;
mod order;
mod prepare;
mod renew;
mod request;
mod turns;

pub use draft::{Draft, DraftError, DraftOrder, DraftRequest};
pub(crate) use flow::{Recording, Standing, names_of};
pub use order::{CheckedOrder, OrderRequest};
pub use prepare::{Assembled, IssuerFacts, Prepared, Wanted};
pub use request::{Idempotency, IssueRequest, Issued};
pub(crate) use turns::Turns;

use signer_client::CallError;
use signer_proto::Refusal;
use store::StoreError;
use x509::{DerError, UnixTime, VerifyError, WeakKey};

use crate::lint::Finding;
use crate::profile::ProfileViolation;

/// Why a certificate was not issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// There is no such profile, or it is switched off.
    #[error("there is no profile `{0}` that is switched on")]
    NoProfile(String),
    /// No issuer can do it.
    #[error("{0}")]
    NoIssuer(String),
    /// The CSR's own signature does not verify (RFC 2986 §4.2).
    #[error("the CSR's own signature does not verify")]
    CsrSignature(#[source] VerifyError),
    /// The key is weak.
    #[error("the key is weak: {0}")]
    WeakKey(WeakKey),
    /// The profile does not admit it.
    #[error("{0}")]
    Profile(ProfileViolation),
    /// A lint of severity error.
    #[error("the certificate would break a standard: {}", first(.0))]
    Lint(Vec<Finding>),
    /// What was asked for cannot be encoded.
    #[error("the certificate cannot be encoded: {0}")]
    Encode(DerError),
    /// The signer refused: its policy is the ceiling.
    #[error("the signer's policy refuses: {0}")]
    Refused(Refusal),
    /// The signer refused for want of evidence, or evidence that does not hold.
    #[error("the signer's policy refuses: {refusal}")]
    Evidence {
        /// What it said.
        refusal: Refusal,
        /// By which commands the evidence is made, for whoever has the tool.
        advice: String,
    },
    /// The same idempotency key came with another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyConflict,
    /// The signer does not answer.
    #[error("the signer does not answer: {0}")]
    SignerUnavailable(String),
    /// The signer answered with something that does not verify.
    #[error("the signer's answer does not verify")]
    SignerFaulty,
    /// A date of compromise that is none.
    #[error("the invalidity date {0} lies in the future or before 1970")]
    InvalidityDate(UnixTime),
    /// There is no certificate with this id.
    #[error("there is no certificate with this id")]
    NotFound,
    /// The certificate is not in a state for it.
    #[error("{0}")]
    State(String),
    /// A draft that is not issued.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// The old key did not sign the request.
    #[error(
        "{0}: the key of the certificate that is renewed signs what `chancery cert \
         renewal-message --csr FILE` writes"
    )]
    RenewalProof(String),
    /// The database.
    #[error("the database did not take it")]
    Store(#[source] StoreError),
}

fn first(findings: &[Finding]) -> String {
    findings
        .iter()
        .max_by_key(|finding| finding.severity)
        .map(ToString::to_string)
        .unwrap_or_default()
}

impl IssueError {
    /// Returns a stable name of the rule that was broken, in kebab-case.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Self::NoProfile(_) => "profile-unknown",
            Self::NoIssuer(_) => "no-issuer",
            Self::CsrSignature(_) => "csr-signature",
            Self::WeakKey(_) => "weak-key",
            Self::Profile(violation) => violation.rule,
            Self::Lint(findings) => findings
                .iter()
                .max_by_key(|finding| finding.severity)
                .map_or("lint", |finding| finding.lint),
            Self::Encode(_) => "not-encodable",
            Self::Refused(refusal) | Self::Evidence { refusal, .. } => refusal.rule.as_str(),
            Self::IdempotencyConflict => "idempotency-conflict",
            Self::SignerUnavailable(_) => "signer-unavailable",
            Self::SignerFaulty => "signer-faulty",
            Self::InvalidityDate(_) => "invalidity-date",
            Self::NotFound => "not-found",
            Self::State(_) => "state",
            Self::Draft(error) => error.rule(),
            Self::RenewalProof(_) => "renewal-proof",
            Self::Store(_) => "store",
        }
    }
}

impl From<CallError> for IssueError {
    fn from(error: CallError) -> Self {
        use signer_proto::Blame;
        match error {
            CallError::Refused(refusal) => match refusal.rule.blame() {
                Blame::Unavailable | Blame::Corrupt => Self::SignerUnavailable(refusal.to_string()),
                Blame::Refused | Blame::Malformed => Self::Refused(refusal),
            },
            other => Self::SignerUnavailable(other.to_string()),
        }
    }
}

impl From<StoreError> for IssueError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            other => Self::Store(other),
        }
    }
}

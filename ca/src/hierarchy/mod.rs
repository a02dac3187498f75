//! CAs above and below one another.

mod adopted;
mod build;
mod constraints;
mod error;
mod import;
mod pending;
mod policy_text;
pub(crate) mod request;
mod retire;

pub use adopted::Completed;
pub use build::{CaWish, root, subordinate};
pub use error::{ImportFault, IssuerError};
pub use policy_text::{AuthorityPolicy, NameScope, NotAScope, tls_policy};
pub use request::{CaRequest, CaRequestError, permitted};

pub(crate) use build::{BACKDATE, check_path_length};
pub(crate) use constraints::within;

use x509::DerError;

use crate::lint::Finding;

/// Why a CA's certificate is not built.
#[derive(Debug, thiserror::Error)]
pub enum HierarchyError {
    /// The parent may not sign.
    #[error("the parent is no CA")]
    ParentIsNoCa,
    /// The parent's time is over.
    #[error("the parent has expired: renew it first")]
    ParentExpired,
    /// The path length does not tighten.
    #[error("the path length {wanted:?} is not below the parent's {limit}")]
    PathLength {
        /// What was asked for.
        wanted: Option<u8>,
        /// What the parent has.
        limit: u8,
    },
    /// Two CAs of one name cannot be told apart when a path is built.
    #[error("the subject is the parent's own")]
    SubjectIsParents,
    /// A key stands for one CA.
    #[error("the key is the parent's own")]
    KeyIsParents,
    /// Name constraints do not tighten.
    #[error("the permitted subtree {0} is wider than the parent's")]
    ConstraintsWidened(String),
    /// A lint of severity error.
    #[error("the CA certificate would break a standard: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Lint(Vec<Finding>),
    /// What was asked for cannot be encoded.
    #[error("the CA certificate cannot be encoded: {0}")]
    Encode(DerError),
}

impl HierarchyError {
    /// Returns a stable name of the rule that was broken, in kebab-case.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Self::ParentIsNoCa => "parent-is-no-ca",
            Self::ParentExpired => "parent-expired",
            Self::PathLength { .. } => "path-length",
            Self::SubjectIsParents => "subject-is-parents",
            Self::KeyIsParents => "key-is-parents",
            Self::ConstraintsWidened(_) => "constraints-widened",
            Self::Lint(findings) => findings
                .iter()
                .max_by_key(|finding| finding.severity)
                .map_or("lint", |finding| finding.lint),
            Self::Encode(_) => "not-encodable",
        }
    }
}

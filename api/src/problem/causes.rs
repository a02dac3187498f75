//! What each error of the layers below is on the wire.

use acme::ExternalKeyError;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use ca::hierarchy::{HierarchyError, ImportFault, IssuerError};
use ca::profile::ProfileError;
use ca::{DraftError, IssueError};
use http::StatusCode;
use signer_proto::{Blame, Refusal, Rule};
use store::StoreError;

use super::{Kind, Problem, chain, internal};
use crate::auth::RevokeTokenError;

impl From<IssueError> for Problem {
    fn from(error: IssueError) -> Self {
        let rule = error.rule();
        let detail = error.to_string();
        let kind = match &error {
            // The rule has a member of its own.
            IssueError::Profile(violation) => {
                return Self::new(Kind::Refused, rule, violation.detail.clone());
            }
            IssueError::NoProfile(_)
            | IssueError::Lint(_)
            | IssueError::WeakKey(_)
            | IssueError::Draft(DraftError::Altered)
            | IssueError::RenewalProof(_) => Kind::Refused,
            IssueError::CsrSignature(_) | IssueError::Encode(_) | IssueError::InvalidityDate(_) => {
                Kind::Malformed
            }
            IssueError::NoIssuer(_) | IssueError::State(_) | IssueError::Draft(_) => Kind::Conflict,
            IssueError::Refused(refusal) => return refusal.clone().into(),
            IssueError::Evidence { refusal, advice } => {
                let mut problem = Self::from(refusal.clone());
                problem.0.detail += &format!("; {advice}");
                return problem;
            }
            IssueError::IdempotencyConflict => Kind::Reused,
            IssueError::SignerUnavailable(_) => Kind::Unavailable,
            IssueError::SignerFaulty => Kind::Internal,
            IssueError::NotFound => Kind::NotFound,
            IssueError::Store(why) => return why.clone().into(),
        };
        if kind == Kind::Internal {
            return internal(&error);
        }
        Self::new(kind, rule, detail)
    }
}

impl From<IssuerError> for Problem {
    fn from(error: IssuerError) -> Self {
        let mut errors = Vec::new();
        let kind = match &error {
            IssuerError::Request(_) => Kind::Malformed,
            IssuerError::Hierarchy(HierarchyError::ParentExpired) => Kind::Conflict,
            IssuerError::Hierarchy(HierarchyError::Lint(findings)) => {
                errors = findings.iter().map(ToString::to_string).collect();
                Kind::Refused
            }
            IssuerError::Hierarchy(_) | IssuerError::Parent(_) => Kind::Refused,
            IssuerError::NameTaken(_) | IssuerError::State(_) | IssuerError::Ring(_) => {
                Kind::Conflict
            }
            IssuerError::NotFound(_) => Kind::NotFound,
            IssuerError::Import(ImportFault::Deviates(deviations)) => {
                errors = deviations.iter().map(ToString::to_string).collect();
                Kind::Refused
            }
            IssuerError::Import(_) => Kind::Refused,
            IssuerError::SignerUnavailable(_) => Kind::Unavailable,
            IssuerError::Store(why) => return why.clone().into(),
        };
        let mut problem = Self::new(kind, error.rule(), chain(&error));
        problem.0.errors = errors;
        problem
    }
}

impl From<ExternalKeyError> for Problem {
    fn from(error: ExternalKeyError) -> Self {
        match error {
            ExternalKeyError::NoProfile(_) => {
                Self::new(Kind::Refused, "profile-not-offered", error.to_string())
            }
            ExternalKeyError::Names(_) => Self::malformed("names-malformed", error.to_string()),
            ExternalKeyError::NoRandomness => internal(&error),
            ExternalKeyError::Seal(why) => why.into(),
            ExternalKeyError::Store(why) => why.into(),
        }
    }
}

impl From<RevokeTokenError> for Problem {
    fn from(error: RevokeTokenError) -> Self {
        match error {
            RevokeTokenError::LastAdmin => {
                Self::new(Kind::Conflict, "last-admin", error.to_string())
            }
            RevokeTokenError::Store(StoreError::NotFound) => Self::not_found("token"),
            RevokeTokenError::Store(why) => why.into(),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal.rule.blame() {
            Blame::Unavailable | Blame::Corrupt => Kind::Unavailable,
            // What we sent was not what it should be.
            Blame::Malformed => return internal(&refusal),
            Blame::Refused => match refusal.rule {
                Rule::KindNotPermitted | Rule::PeerNotAdmitted => return internal(&refusal),
                Rule::BudgetExhausted => Kind::TooMany,
                Rule::KeyUnknown
                | Rule::PurposeMismatch
                | Rule::KeyNotActive
                | Rule::KeyExists
                | Rule::IdempotencyConflict
                | Rule::SerialUsed
                | Rule::PolicyDigestUnknown
                | Rule::PolicyPredecessor
                | Rule::NeverIssued
                | Rule::AlreadyRevoked
                | Rule::HoldNotAllowed
                | Rule::NotHeld => Kind::Conflict,
                _ => Kind::Refused,
            },
        };
        let rule = refusal.rule.as_str();
        Self::new(kind, rule, format!("the signer refuses: {}", refusal.detail))
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::new(Kind::Conflict, "conflict", error.to_string()),
            StoreError::NotFound => Self::new(Kind::NotFound, "not-found", error.to_string()),
            StoreError::Malformed(why) => Self::new(Kind::Malformed, "argument-malformed", why),
            StoreError::Unavailable(_) => {
                tracing::error!(error = chain(&error), "the database failed");
                Self::new(Kind::Unavailable, "database-unavailable", error.to_string())
            }
            StoreError::Corrupt { .. } => internal(&error),
        }
    }
}

impl From<ProfileError> for Problem {
    fn from(error: ProfileError) -> Self {
        let mut problem =
            Self::new(Kind::Malformed, "profile-malformed", "the profile is not usable");
        problem.0.errors = error.0;
        problem
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            let detail = format!("a body has at most {} octets", crate::limits::BODY);
            return Self::new(Kind::TooLarge, "body-too-large", detail);
        }
        Self::malformed("body-incomplete", "the body could not be read")
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::malformed("path-malformed", rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::malformed("query-malformed", rejection.body_text())
    }
}

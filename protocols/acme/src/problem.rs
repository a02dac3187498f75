//! Problem documents (RFC 8555 §6.7, RFC 9457): every error becomes one here and nowhere else.

use axum::http::header::{CONTENT_TYPE, LINK, LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ca::IssueError;
use model::{AcmeErrorKind, AcmeFailure, AcmeIdentifier};
use serde::Serialize;
use store::StoreError;

use crate::jose::SignatureAlgorithm;

/// What stands before an error type.
const URN: &str = "urn:ietf:params:acme:error:";
/// Seconds after which an outage is worth another try.
const OUTAGE: u32 = 2;
/// Seconds after which a used-up budget of the signer is worth another try.
const BUDGET: u32 = 60;

/// Is a problem on its way to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem(Box<Fields>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Fields {
    kind: AcmeErrorKind,
    status: StatusCode,
    detail: String,
    subproblems: Vec<Subproblem>,
    retry_after: Option<u32>,
    location: Option<String>,
    terms: Option<String>,
}

/// Is what is wrong with one identifier (RFC 8555 §6.7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subproblem {
    pub(crate) kind: AcmeErrorKind,
    pub(crate) detail: String,
    /// Type and value as the client wrote them.
    pub(crate) identifier: (String, String),
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: String,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identifier: Option<Named<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    algorithms: Option<[&'static str; 5]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subproblems: Vec<Document<'a>>,
}

#[derive(Serialize)]
struct Named<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    value: &'a str,
}

/// Gives the status that belongs to an error type.
const fn status_of(kind: AcmeErrorKind) -> StatusCode {
    use AcmeErrorKind as K;
    match kind {
        K::AccountDoesNotExist
        | K::AlreadyRevoked
        | K::BadCsr
        | K::BadNonce
        | K::BadPublicKey
        | K::BadRevocationReason
        | K::BadSignatureAlgorithm
        | K::Compound
        | K::Connection
        | K::Dns
        | K::IncorrectResponse
        | K::InvalidContact
        | K::InvalidProfile
        | K::Malformed
        | K::RejectedIdentifier
        | K::Tls
        | K::UnsupportedContact
        | K::UnsupportedIdentifier => StatusCode::BAD_REQUEST,
        K::Caa
        | K::ExternalAccountRequired
        | K::OrderNotReady
        | K::Unauthorized
        | K::UserActionRequired => StatusCode::FORBIDDEN,
        K::AlreadyReplaced => StatusCode::CONFLICT,
        K::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        K::ServerInternal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl Problem {
    /// Makes a problem; the detail is for a person and holds no secret.
    pub(crate) fn new(kind: AcmeErrorKind, detail: impl Into<String>) -> Self {
        Self(Box::new(Fields {
            kind,
            status: status_of(kind),
            detail: detail.into(),
            subproblems: Vec::new(),
            retry_after: None,
            location: None,
            terms: None,
        }))
    }

    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(AcmeErrorKind::Malformed, detail)
    }

    pub(crate) fn bad_algorithm(detail: impl Into<String>) -> Self {
        Self::new(AcmeErrorKind::BadSignatureAlgorithm, detail)
    }

    pub(crate) fn bad_public_key(detail: impl Into<String>) -> Self {
        Self::new(AcmeErrorKind::BadPublicKey, detail)
    }

    pub(crate) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(AcmeErrorKind::Unauthorized, detail)
    }

    /// Says that there is no such thing, or that it is somebody else's: which, is nobody's business.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::malformed(format!("there is no such {what}")).with_status(StatusCode::NOT_FOUND)
    }

    pub(crate) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(error = chain(error), "an ACME request met an error of our own");
        Self::new(AcmeErrorKind::ServerInternal, "the server failed")
    }

    /// Says that something that we need is away.
    pub(crate) fn unavailable(error: &dyn std::error::Error) -> Self {
        tracing::warn!(error = chain(error), "an ACME request met an outage");
        Self::new(AcmeErrorKind::ServerInternal, "not available now: try again")
            .with_status(StatusCode::SERVICE_UNAVAILABLE)
            .retry_after(OUTAGE)
    }

    pub(crate) fn rate_limited(detail: impl Into<String>, seconds: u32) -> Self {
        Self::new(AcmeErrorKind::RateLimited, detail).retry_after(seconds.max(1))
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    pub(crate) fn at(mut self, location: String) -> Self {
        self.0.location = Some(location);
        self
    }

    /// Names the terms that must be agreed to (RFC 8555 §7.3.3).
    pub(crate) fn with_terms(mut self, terms: String) -> Self {
        self.0.terms = Some(terms);
        self
    }

    /// Puts what is wrong with each identifier under one problem; none if nothing is.
    pub(crate) fn of_identifiers(mut faults: Vec<Subproblem>) -> Option<Self> {
        let first = faults.first()?;
        let same = faults.iter().all(|fault| fault.kind == first.kind);
        let kind = if same { first.kind } else { AcmeErrorKind::Compound };
        if faults.len() == 1 {
            let only = faults.remove(0);
            let mut problem = Self::new(kind, only.detail.clone());
            problem.0.subproblems = vec![only];
            return Some(problem);
        }
        let mut problem = Self::new(kind, format!("{} identifiers are refused", faults.len()));
        problem.0.subproblems = faults;
        Some(problem)
    }

    #[cfg(test)]
    pub(crate) fn kind(&self) -> AcmeErrorKind {
        self.0.kind
    }

    #[cfg(test)]
    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Gives the status.
    pub(crate) fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Gives what an order keeps of it; none for outages, which decide nothing.
    pub(crate) fn failure(&self) -> Option<AcmeFailure> {
        let settled = !self.0.status.is_server_error() && self.0.kind != AcmeErrorKind::RateLimited;
        settled.then(|| AcmeFailure::new(self.0.kind, self.0.detail.clone()))
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::unavailable(&error),
            StoreError::Malformed(why) => Self::malformed(why),
            StoreError::Conflict => {
                Self::malformed("the state changed meanwhile").with_status(StatusCode::CONFLICT)
            }
            StoreError::NotFound => Self::not_found("resource"),
            StoreError::Corrupt { .. } => Self::internal(&error),
        }
    }
}

impl From<IssueError> for Problem {
    fn from(error: IssueError) -> Self {
        use AcmeErrorKind as K;
        match &error {
            IssueError::Profile(violation) => match violation.rule {
                "san-not-admitted" | "wildcard-not-offered" | "dns-name-malformed" => {
                    Self::new(K::RejectedIdentifier, violation.detail.clone())
                }
                _ => Self::new(K::BadCsr, violation.detail.clone()),
            },
            IssueError::CsrSignature(_)
            | IssueError::WeakKey(_)
            | IssueError::Lint(_)
            | IssueError::Encode(_) => Self::new(K::BadCsr, error.to_string()),
            // Nobody makes such evidence by ACME: the advice is not for this client.
            IssueError::Refused(_) | IssueError::Evidence { .. } => of_refusal(&error),
            IssueError::SignerUnavailable(_) => Self::unavailable(&error),
            IssueError::NotFound => Self::not_found("certificate"),
            IssueError::State(why) => Self::malformed(why.clone()),
            IssueError::InvalidityDate(_) => Self::malformed(error.to_string()),
            IssueError::Store(inner) => Self::from(inner.clone()),
            IssueError::NoProfile(_)
            | IssueError::NoIssuer(_)
            | IssueError::IdempotencyConflict
            // An order is no draft, and nobody proves a renewal here.
            | IssueError::Draft(_)
            | IssueError::RenewalProof(_)
            | IssueError::SignerFaulty => Self::internal(&error),
        }
    }
}

/// Tells what the signer's policy refused: its rules have names, and these are ours.
fn of_refusal(error: &IssueError) -> Problem {
    use AcmeErrorKind as K;
    match error.rule() {
        "name-not-permitted" | "name-excluded" | "name-malformed" | "wildcard-refused" => {
            Problem::new(K::RejectedIdentifier, error.to_string())
        }
        "weak-key"
        | "key-kind-refused"
        | "key-is-issuers"
        | "proof-of-possession-refused"
        | "common-name-not-in-san"
        | "subject-attribute-refused" => Problem::new(K::BadCsr, error.to_string()),
        "budget-exhausted" => Problem::rate_limited(error.to_string(), BUDGET),
        "issuance-frozen" | "key-state-refused" => {
            Problem::new(K::ServerInternal, "issuance is suspended: try again later")
                .with_status(StatusCode::SERVICE_UNAVAILABLE)
                .retry_after(BUDGET)
        }
        _ => Problem::new(K::Unauthorized, error.to_string()),
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let fields = *self.0;
        let sub = |sub: &'_ Subproblem| Document {
            kind: format!("{URN}{}", sub.kind),
            detail: "",
            status: None,
            identifier: None,
            algorithms: None,
            instance: None,
            subproblems: Vec::new(),
        };
        let subproblems = fields
            .subproblems
            .iter()
            .map(|one| Document {
                detail: &one.detail,
                identifier: Some(Named { kind: &one.identifier.0, value: &one.identifier.1 }),
                ..sub(one)
            })
            .collect();
        let supported = fields.kind == AcmeErrorKind::BadSignatureAlgorithm;
        let document = Document {
            kind: format!("{URN}{}", fields.kind),
            detail: &fields.detail,
            status: Some(fields.status.as_u16()),
            identifier: None,
            algorithms: supported.then(|| SignatureAlgorithm::ALL.map(SignatureAlgorithm::as_str)),
            instance: fields.terms.as_deref(),
            subproblems,
        };
        let body = serde_json::to_vec(&document).expect("texts and numbers are JSON");
        let mut response = (fields.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = fields.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if let Some(location) = fields.location.and_then(|at| HeaderValue::try_from(at).ok()) {
            headers.insert(LOCATION, location);
        }
        let terms = fields.terms.map(|terms| format!("<{terms}>;rel=\"terms-of-service\""));
        if let Some(terms) = terms.and_then(|link| HeaderValue::try_from(link).ok()) {
            headers.append(LINK, terms);
        }
        response
    }
}

/// Writes a failure as it stands in an order or challenge.
pub(crate) fn failure_document(failure: &AcmeFailure) -> serde_json::Value {
    serde_json::json!({
        "type": format!("{URN}{}", failure.kind),
        "detail": failure.detail,
        "status": status_of(failure.kind).as_u16(),
    })
}

/// Writes an identifier as the client did.
pub(crate) fn named(identifier: &AcmeIdentifier) -> (String, String) {
    (identifier.kind().to_owned(), identifier.value())
}

/// Answers what no route knows.
pub(crate) async fn no_route() -> Problem {
    Problem::not_found("resource")
}

/// Answers a method that a resource does not know.
pub(crate) async fn no_method() -> Problem {
    Problem::malformed(
        "the resource does not know this method: all but directory, newNonce and \
                        renewalInfo are read by POST-as-GET (RFC 8555 §6.3)",
    )
    .with_status(StatusCode::METHOD_NOT_ALLOWED)
}

/// Writes an error with its sources.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_a_status_that_is_an_error() {
        for kind in AcmeErrorKind::ALL {
            let status = status_of(*kind);
            assert!(status.is_client_error() || status.is_server_error(), "{kind}");
        }
    }

    #[test]
    fn identifiers_that_fail_alike_share_their_type() {
        use AcmeErrorKind::{Compound, RejectedIdentifier, UnsupportedIdentifier};
        let fault = |kind| Subproblem {
            kind,
            detail: "no".to_owned(),
            identifier: ("dns".to_owned(), "a".to_owned()),
        };
        for (kinds, expected) in [
            (vec![], None),
            (vec![RejectedIdentifier], Some(RejectedIdentifier)),
            (vec![RejectedIdentifier, RejectedIdentifier], Some(RejectedIdentifier)),
            (vec![RejectedIdentifier, UnsupportedIdentifier], Some(Compound)),
        ] {
            let problem = Problem::of_identifiers(kinds.into_iter().map(fault).collect());
            assert_eq!(problem.map(|problem| problem.kind()), expected);
        }
    }

    #[test]
    fn an_outage_decides_nothing() {
        let outage = IssueError::SignerUnavailable("away".to_owned());
        assert_eq!(Problem::from(outage).failure(), None);
        let weak = Problem::new(AcmeErrorKind::BadCsr, "weak");
        assert!(weak.failure().is_some());
        assert_eq!(Problem::rate_limited("later", 5).failure(), None);
    }
}

//! Problems on the wire (RFC 9457): every error of the API becomes one here and nowhere else.
//!
//! `type` is `urn:chancery:problem:` and the rule; `rule` and `request_id` are members of ours.

mod causes;

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

/// Seconds after which an outage is worth another try.
const RETRY_SECONDS: u32 = 2;
/// Seconds after which a used-up budget is worth another try.
const RETRY_BUDGET_SECONDS: u32 = 60;

/// Is what goes wrong, as far as status and title depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request cannot be read.
    Malformed,
    /// The request is understood and something forbids it.
    Refused,
    /// Nobody we know asks.
    Unauthenticated,
    /// Who asks may not.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// The thing does not know the method.
    MethodNotAllowed,
    /// No representation that the client takes.
    NotAcceptable,
    /// The client was too slow.
    Timeout,
    /// The thing is in another state.
    Conflict,
    /// The body is too large.
    TooLarge,
    /// The body has another form.
    UnsupportedMedia,
    /// The key of an earlier request came with another one.
    Reused,
    /// A budget is used up.
    TooMany,
    /// Our own fault.
    Internal,
    /// Something that we need is away.
    Unavailable,
}

impl Kind {
    /// Gives the status (RFC 9110 §15).
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Malformed | Self::Refused => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Reused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Malformed => "The request is malformed",
            Self::Refused => "The request is refused",
            Self::Unauthenticated => "A valid token is needed",
            Self::Forbidden => "The token's role does not allow it",
            Self::NotFound => "There is no such thing",
            Self::MethodNotAllowed => "The method is not allowed",
            Self::NotAcceptable => "No acceptable representation",
            Self::Timeout => "The request took too long",
            Self::Conflict => "The state does not allow it",
            Self::TooLarge => "The request is too large",
            Self::UnsupportedMedia => "The body has another form",
            Self::Reused => "The idempotency key was used for another request",
            Self::TooMany => "The budget is used up",
            Self::Internal => "The server failed",
            Self::Unavailable => "Not available now",
        }
    }

    const fn retry_after(self) -> Option<u32> {
        match self {
            Self::Unavailable => Some(RETRY_SECONDS),
            Self::TooMany => Some(RETRY_BUDGET_SECONDS),
            _ => None,
        }
    }
}

/// Is a problem on its way to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(Box<Fields>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Fields {
    kind: Kind,
    rule: Cow<'static, str>,
    detail: String,
    errors: Vec<String>,
    header: Option<(HeaderName, HeaderValue)>,
}

/// Is a problem as it stands in the body: `application/problem+json` (RFC 9457 §3).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// `urn:chancery:problem:` and the rule.
    #[serde(rename = "type")]
    #[schema(example = "urn:chancery:problem:san-not-admitted")]
    problem_type: String,
    /// The same for all problems of a kind.
    title: &'a str,
    /// The HTTP status.
    #[schema(example = 400)]
    status: u16,
    /// What exactly, for a person.
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'a str,
    /// A stable name of the rule that was broken, in kebab-case.
    #[schema(example = "san-not-admitted")]
    rule: &'a str,
    /// Every fault, if there are several.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [String],
    /// The request's id in the server's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    request_id: Option<&'a str>,
}

impl Problem {
    /// Makes a problem by rule; the detail is for a person and holds no secret.
    #[must_use]
    pub fn new(kind: Kind, rule: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self(Box::new(Fields {
            kind,
            rule: rule.into(),
            detail: detail.into(),
            errors: Vec::new(),
            header: None,
        }))
    }

    /// Says that nobody we know asks (RFC 6750 §3).
    #[must_use]
    pub fn unauthenticated(rule: &'static str, detail: &'static str) -> Self {
        let mut problem = Self::new(Kind::Unauthenticated, rule, detail);
        let challenge = HeaderValue::from_static("Bearer realm=\"chancery\"");
        problem.0.header = Some((WWW_AUTHENTICATE, challenge));
        problem
    }

    /// Says that there is no such thing.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, "not-found", format!("there is no such {what}"))
    }

    /// Says that the request cannot be read.
    #[must_use]
    pub fn malformed(rule: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Kind::Malformed, rule, detail)
    }

    /// Gives the status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.kind.status()
    }

    /// Gives the rule's name.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.0.rule
    }

    /// Gives what exactly.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Writes the answer, with the request's id if there is one.
    #[must_use]
    pub fn response(&self, request_id: Option<&str>) -> Response {
        let fields = &*self.0;
        let body = ProblemBody {
            problem_type: format!("urn:chancery:problem:{}", fields.rule),
            title: fields.kind.title(),
            status: fields.kind.status().as_u16(),
            detail: &fields.detail,
            rule: &fields.rule,
            errors: &fields.errors,
            request_id,
        };
        let body = serde_json::to_vec(&body).expect("texts and numbers are JSON");
        let mut response = (fields.kind.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = fields.kind.retry_after() {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if let Some((name, value)) = &fields.header {
            headers.insert(name, value.clone());
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.response(None);
        // The outermost layer knows the request's id and writes the body again with it.
        response.extensions_mut().insert(self);
        response
    }
}

/// Answers what no route knows.
pub async fn no_route() -> Problem {
    Problem::not_found("resource")
}

/// Turns the bodiless answers of the router and of hyper into problems.
#[must_use]
pub fn of_status(response: &Response) -> Option<Problem> {
    let (kind, rule) = match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => (Kind::MethodNotAllowed, "method-not-allowed"),
        StatusCode::REQUEST_TIMEOUT => (Kind::Timeout, "timeout"),
        StatusCode::NOT_FOUND => (Kind::NotFound, "not-found"),
        StatusCode::INTERNAL_SERVER_ERROR => (Kind::Internal, "internal"),
        _ => return None,
    };
    let mut problem = Problem::new(kind, rule, "");
    let allow = response.headers().get(ALLOW);
    problem.0.header = allow.map(|methods| (ALLOW, methods.clone()));
    Some(problem)
}

/// Says no more than that we failed; the log says why.
pub fn internal(error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::error!(error = chain(error), "a request failed by our own fault");
    Problem::new(Kind::Internal, "internal", "see the server's log")
}

/// Joins an error with its sources.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use ca::IssueError;
    use ca::profile::ProfileViolation;
    use signer_proto::{Refusal, Rule};
    use store::StoreError;

    fn violation() -> IssueError {
        IssueError::Profile(ProfileViolation {
            rule: "san-not-admitted",
            detail: "no pattern".into(),
        })
    }

    #[test]
    fn errors_have_their_status_and_rule() {
        let refused = |rule| IssueError::Refused(Refusal::new(rule, "why"));
        for (error, status, rule) in [
            (violation(), 400, "san-not-admitted"),
            (IssueError::NoProfile("x".into()), 400, "profile-unknown"),
            (IssueError::NoIssuer("none".into()), 409, "no-issuer"),
            (IssueError::IdempotencyConflict, 422, "idempotency-conflict"),
            (IssueError::SignerUnavailable("gone".into()), 503, "signer-unavailable"),
            (IssueError::SignerFaulty, 500, "internal"),
            (IssueError::NotFound, 404, "not-found"),
            (refused(Rule::NameNotPermitted), 400, "name-not-permitted"),
            (refused(Rule::BudgetExhausted), 429, "budget-exhausted"),
            (refused(Rule::AlreadyRevoked), 409, "already-revoked"),
            (refused(Rule::PeerNotAdmitted), 500, "internal"),
            (refused(Rule::DerNotStrict), 500, "internal"),
            (IssueError::Store(StoreError::Conflict), 409, "conflict"),
        ] {
            let problem = Problem::from(error);
            assert_eq!((problem.status().as_u16(), problem.rule()), (status, rule));
        }
    }

    #[tokio::test]
    async fn the_body_is_that_of_rfc_9457() {
        let response = Problem::from(violation()).response(Some("r1"));
        assert_eq!(response.status(), 400);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        let body = axum::body::to_bytes(response.into_body(), 4096).await;
        let body: serde_json::Value = serde_json::from_slice(&body.expect("a body")).expect("JSON");
        assert_eq!(
            body,
            serde_json::json!({
                "type": "urn:chancery:problem:san-not-admitted",
                "title": "The request is refused",
                "status": 400,
                "detail": "no pattern",
                "rule": "san-not-admitted",
                "request_id": "r1",
            })
        );
    }

    #[test]
    fn outages_say_when_to_come_back() {
        let problem = Problem::from(IssueError::SignerUnavailable("gone".into()));
        assert_eq!(problem.response(None).headers()[RETRY_AFTER], "2");
        let problem = Problem::unauthenticated("token-missing", "no token");
        assert_eq!(problem.response(None).headers()[WWW_AUTHENTICATE], "Bearer realm=\"chancery\"");
    }
}

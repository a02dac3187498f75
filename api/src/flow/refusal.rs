//! Refused requests for certificates, in the audit log and the metrics.

use ca::Authority;
use model::{AuditAction, NewAuditEvent};
use store::audit;

use crate::meters;
use crate::problem::Problem;

/// Notes that a request was refused and gives the problem back; outages are not refusals.
pub async fn note(authority: &Authority, actor: &str, target: &str, problem: Problem) -> Problem {
    if !problem.status().is_client_error() {
        return problem;
    }
    meters::count_refused(problem.rule());
    let event = NewAuditEvent {
        at: authority.now(),
        actor: actor.to_owned(),
        action: AuditAction::CertificateRefuse,
        target: target.chars().take(128).collect(),
        detail: serde_json::json!({ "rule": problem.rule(), "detail": problem.detail() })
            .to_string(),
        journal: None,
    };
    let write =
        authority.store().write(move |tx| Box::pin(async move { audit::append(tx, &event).await }));
    if let Err(error) = write.await {
        tracing::warn!(%error, "a refusal is not in the audit log");
    }
    problem
}

//! GET renewalInfo (RFC 9773 §4).

use axum::extract::{Path, State};
use model::{CertificateStatus, IssuedCertificate, UnixTime};
use serde_json::json;

use crate::flow::certificate_id;
use crate::problem::Problem;
use crate::resource::Answer;
use crate::state::AcmeState;

/// Seconds after which a client looks again, at most.
const LONGEST: i64 = 6 * 3_600;

/// Says when a certificate is to be renewed.
pub(crate) async fn fetch(
    State(state): State<AcmeState>,
    Path(id): Path<String>,
) -> Result<Answer, Problem> {
    let (certificate, issuer) = certificate_id::find(&state, &id).await?;
    let now = state.now();
    let plans = state.plans.get(state.store(), state.millis()).await?;
    let plan = plans
        .iter()
        .filter(|plan| plan.covers(&issuer.name, &certificate.profile, certificate.created_at))
        .min_by_key(|plan| plan.start);
    let (window, explanation) = match plan {
        Some(plan) => {
            let window = usual(&certificate);
            // A plan moves a window forward, never back.
            let planned = if plan.start < window.0 { (plan.start, plan.end) } else { window };
            (planned, plan.explanation.clone().or_else(|| state.settings.explanation.clone()))
        }
        None => (usual(&certificate), state.settings.explanation.clone()),
    };
    let window = if matches!(certificate.status, CertificateStatus::Valid) {
        window
    } else {
        // RFC 9773 §4.2: a window that is over means now.
        (now.plus_seconds(-3_600), now.plus_seconds(-1_800))
    };
    let mut body = json!({
        "suggestedWindow": { "start": window.0.to_string(), "end": window.1.to_string() },
    });
    if let Some(explanation) = explanation {
        body["explanationURL"] = json!(explanation);
    }
    Ok(Answer::ok(body).retry_after(Some(pace(&certificate))))
}

/// The window where nothing is special: about two thirds of the life, so long that renewals of
/// what was issued together spread.
fn usual(certificate: &IssuedCertificate) -> (UnixTime, UnixTime) {
    let life = certificate.not_after.seconds_since(certificate.not_before) + 1;
    let start = certificate.not_before.plus_seconds(life * 2 / 3);
    (start, start.plus_seconds((life / 50).max(60)))
}

/// How soon a client looks again: often enough for a life of hours, too.
fn pace(certificate: &IssuedCertificate) -> u32 {
    let life = certificate.not_after.seconds_since(certificate.not_before) + 1;
    u32::try_from((life / 50).clamp(60, LONGEST)).unwrap_or(60)
}

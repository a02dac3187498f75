//! `POST /acme/renewal-plans`

use axum::Json;
use axum::extract::State;
use ca::Authority;
use http::StatusCode;
use model::{AuditAction, Id, IssuerName, NewAuditEvent, ProfileName, RenewalPlan};
use serde::Deserialize;
use store::acme::renewal_plans;
use store::audit;
use utoipa::ToSchema;

use crate::auth::{Authorized, permission::RevokeCertificates};
use crate::extract::JsonBody;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::resource::{RenewalPlanBody, Time};

/// Octets of an explanation's URL.
const LONGEST: usize = 512;

/// What renewals to plan.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRenewalPlan {
    /// Certificates of this issuer; of any if it is not given.
    #[schema(value_type = Option<String>, example = "issuing")]
    issuer: Option<IssuerName>,
    /// Certificates of this profile; of any if it is not given.
    #[schema(value_type = Option<String>, example = "acme")]
    profile: Option<ProfileName>,
    /// Certificates issued before this time; all if it is not given.
    issued_before: Option<Time>,
    /// When renewals shall begin.
    start: Time,
    /// When they shall be done.
    end: Time,
    /// A page that says why.
    #[schema(example = "https://status.corp.example/incident/1")]
    explanation: Option<String>,
}

/// Plans renewals, as before a mass revocation.
///
/// The windows of renewalInfo (RFC 9773 §4) move within a second on every server: forward, never
/// back. Clients that ask for them renew in time; nothing is revoked by this.
#[utoipa::path(
    post, path = "/acme/renewal-plans", operation_id = "createRenewalPlan", tag = "acme",
    security(("token" = [])), extensions(("x-permission" = json!("certificates:revoke"))),
    request_body = CreateRenewalPlan,
    responses((status = 201, description = "Planned", body = RenewalPlanBody), Problems)
)]
pub async fn create(
    who: Authorized<RevokeCertificates>,
    State(authority): State<Authority>,
    body: JsonBody<CreateRenewalPlan>,
) -> Result<(StatusCode, Json<RenewalPlanBody>), Problem> {
    let wish = body.value;
    if wish.end <= wish.start {
        return Err(Problem::malformed("window-malformed", "the window ends after its start"));
    }
    let is_page = |url: &String| {
        let web = url.starts_with("https://") || url.starts_with("http://");
        web && url.len() <= LONGEST && url.bytes().all(|b| b.is_ascii_graphic())
    };
    if wish.explanation.as_ref().is_some_and(|url| !is_page(url)) {
        return Err(Problem::malformed("explanation-malformed", "the explanation is an http URL"));
    }
    let plan = RenewalPlan {
        id: Id::generate(authority.clock()),
        issuer: wish.issuer,
        profile: wish.profile,
        issued_before: wish.issued_before.map(|at| at.0),
        start: wish.start.0,
        end: wish.end.0,
        explanation: wish.explanation,
        created_at: authority.now(),
    };
    let event = NewAuditEvent {
        at: authority.now(),
        actor: who.actor().to_owned(),
        action: AuditAction::RenewalPlanCreate,
        target: plan.id.to_string(),
        detail: serde_json::json!({ "start": plan.start.to_string() }).to_string(),
        journal: None,
    };
    let row = plan.clone();
    let write = authority.store().write(move |tx| {
        Box::pin(async move {
            renewal_plans::insert(tx, &row).await?;
            audit::append(tx, &event).await
        })
    });
    write.await?;
    Ok((StatusCode::CREATED, Json(RenewalPlanBody::from(&plan))))
}

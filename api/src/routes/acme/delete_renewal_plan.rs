//! `DELETE /acme/renewal-plans/{id}`

use axum::extract::State;
use ca::Authority;
use http::StatusCode;
use model::{AuditAction, Id, NewAuditEvent, RenewalPlan};
use store::acme::renewal_plans;
use store::{StoreError, audit};

use crate::auth::{Authorized, permission::RevokeCertificates};
use crate::extract::PathOf;
use crate::openapi::Problems;
use crate::problem::Problem;

/// Gives a plan up: windows are where they were.
#[utoipa::path(
    delete, path = "/acme/renewal-plans/{id}", operation_id = "deleteRenewalPlan", tag = "acme",
    security(("token" = [])), extensions(("x-permission" = json!("certificates:revoke"))),
    params(("id" = String, Path, description = "The plan's id")),
    responses((status = 204, description = "Given up"), Problems)
)]
pub async fn delete(
    who: Authorized<RevokeCertificates>,
    State(authority): State<Authority>,
    PathOf(id): PathOf<Id<RenewalPlan>>,
) -> Result<StatusCode, Problem> {
    let event = NewAuditEvent {
        at: authority.now(),
        actor: who.actor().to_owned(),
        action: AuditAction::RenewalPlanDelete,
        target: id.to_string(),
        detail: "{}".to_owned(),
        journal: None,
    };
    let write = authority.store().write(move |tx| {
        Box::pin(async move {
            renewal_plans::delete(tx, id).await?;
            audit::append(tx, &event).await
        })
    });
    match write.await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(StoreError::NotFound) => Err(Problem::not_found("renewal plan")),
        Err(error) => Err(error.into()),
    }
}

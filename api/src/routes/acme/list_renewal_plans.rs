//! `GET /acme/renewal-plans`

use axum::Json;
use axum::extract::State;
use ca::Authority;
use store::acme::renewal_plans;

use crate::auth::{Authorized, permission::ReadCertificates};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::resource::{Page, RenewalPlanBody};

/// Lists all planned renewals, oldest first.
#[utoipa::path(
    get, path = "/acme/renewal-plans", operation_id = "listRenewalPlans", tag = "acme",
    security(("token" = [])), extensions(("x-permission" = json!("certificates:read"))),
    responses((status = 200, description = "All plans", body = Page<RenewalPlanBody>), Problems)
)]
pub async fn list(
    _: Authorized<ReadCertificates>,
    State(authority): State<Authority>,
) -> Result<Json<Page<RenewalPlanBody>>, Problem> {
    let all = renewal_plans::list(authority.store()).await?;
    Ok(Json(Page { items: all.iter().map(RenewalPlanBody::from).collect(), next: None }))
}

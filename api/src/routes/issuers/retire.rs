//! `POST /issuers/{name}/retire`

use axum::Json;
use axum::extract::State;
use ca::Authority;
use model::IssuerName;

use super::describe;
use crate::auth::{Authorized, permission::ManageIssuers};
use crate::extract::PathOf;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::resource::IssuerBody;

/// Stops an issuer from issuing.
///
/// It drains: CRL and OCSP go on until all that it issued has expired; then it is retired by
/// itself.
#[utoipa::path(
    post, path = "/issuers/{name}/retire", operation_id = "retireIssuer", tag = "issuers",
    security(("token" = [])), extensions(("x-permission" = json!("issuers:manage"))),
    params(("name" = String, Path, description = "The issuer's name")),
    responses((status = 200, description = "As it is now", body = IssuerBody), Problems)
)]
pub async fn retire(
    who: Authorized<ManageIssuers>,
    State(authority): State<Authority>,
    PathOf(name): PathOf<IssuerName>,
) -> Result<Json<IssuerBody>, Problem> {
    let issuer = authority.retire(&name, who.actor()).await?;
    Ok(Json(describe(&authority, &issuer)))
}

//! `GET /issuers`

use axum::Json;
use axum::extract::State;
use ca::Authority;

use super::describe;
use crate::auth::{Authorized, permission::ReadIssuers};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::resource::{IssuerBody, Page};

/// Lists all issuers by name, pending and retired ones too.
#[utoipa::path(
    get, path = "/issuers", operation_id = "listIssuers", tag = "issuers",
    security(("token" = [])), extensions(("x-permission" = json!("issuers:read"))),
    responses((status = 200, description = "All issuers", body = Page<IssuerBody>), Problems)
)]
pub async fn list(
    _: Authorized<ReadIssuers>,
    State(authority): State<Authority>,
) -> Result<Json<Page<IssuerBody>>, Problem> {
    let all = store::issuers::list(authority.store()).await?;
    Ok(Json(Page {
        items: all.iter().map(|issuer| describe(&authority, issuer)).collect(),
        next: None,
    }))
}

//! `GET /acme/eab-keys`

use axum::Json;
use axum::extract::State;
use ca::Authority;
use store::acme::eab_keys;

use crate::auth::{Authorized, permission::ManageTokens};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::resource::{EabKeyBody, Page};

/// Lists all external account keys, oldest first; none of them shows its secret.
#[utoipa::path(
    get, path = "/acme/eab-keys", operation_id = "listEabKeys", tag = "acme",
    security(("token" = [])), extensions(("x-permission" = json!("tokens:manage"))),
    responses((status = 200, description = "All keys", body = Page<EabKeyBody>), Problems)
)]
pub async fn list(
    _: Authorized<ManageTokens>,
    State(authority): State<Authority>,
) -> Result<Json<Page<EabKeyBody>>, Problem> {
    let now = authority.now();
    let all = eab_keys::list(authority.store()).await?;
    let items = all.iter().map(|key| EabKeyBody::new(key, now)).collect();
    Ok(Json(Page { items, next: None }))
}

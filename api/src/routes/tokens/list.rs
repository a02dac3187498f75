//! `GET /tokens`

use axum::Json;
use axum::extract::State;
use ca::Authority;

use crate::auth::{Authorized, permission::ManageTokens};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::resource::{Page, TokenBody};

/// Lists all tokens, oldest first; none of them shows its text.
#[utoipa::path(
    get, path = "/tokens", operation_id = "listTokens", tag = "tokens",
    security(("token" = [])), extensions(("x-permission" = json!("tokens:manage"))),
    responses((status = 200, description = "All tokens", body = Page<TokenBody>), Problems)
)]
pub async fn list(
    _: Authorized<ManageTokens>,
    State(authority): State<Authority>,
) -> Result<Json<Page<TokenBody>>, Problem> {
    let now = authority.now();
    let all = store::tokens::list(authority.store()).await?;
    Ok(Json(Page {
        items: all.iter().map(|token| TokenBody::new(token, now)).collect(),
        next: None,
    }))
}

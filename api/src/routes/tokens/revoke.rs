//! `DELETE /tokens/{id}`

use axum::extract::State;
use http::StatusCode;
use model::{ApiToken, Id};

use crate::auth::{Authorized, Tokens, permission::ManageTokens};
use crate::extract::PathOf;
use crate::openapi::Problems;
use crate::problem::Problem;

/// Revokes a token.
///
/// At once in the server that answers, within five seconds in others that share its database. The
/// last good admin token is not revoked.
#[utoipa::path(
    delete, path = "/tokens/{id}", operation_id = "revokeToken", tag = "tokens",
    security(("token" = [])), extensions(("x-permission" = json!("tokens:manage"))),
    params(("id" = String, Path, description = "The token's id")),
    responses((status = 204, description = "Revoked"), Problems)
)]
pub async fn revoke(
    who: Authorized<ManageTokens>,
    State(tokens): State<Tokens>,
    PathOf(id): PathOf<Id<ApiToken>>,
) -> Result<StatusCode, Problem> {
    tokens.revoke(id, who.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

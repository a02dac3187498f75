//! `DELETE /acme/eab-keys/{id}`

use acme::AcmeState;
use axum::extract::State;
use http::StatusCode;
use model::{ExternalAccountKey, Id};
use store::StoreError;

use crate::auth::{Authorized, permission::ManageTokens};
use crate::extract::PathOf;
use crate::openapi::Problems;
use crate::problem::{Kind, Problem};

/// Takes an external account key back.
///
/// At once on every server: its accounts order no more, and nobody binds to it. Certificates stay.
#[utoipa::path(
    delete, path = "/acme/eab-keys/{id}", operation_id = "revokeEabKey", tag = "acme",
    security(("token" = [])), extensions(("x-permission" = json!("tokens:manage"))),
    params(("id" = String, Path, description = "The key's id")),
    responses((status = 204, description = "Taken back"), Problems)
)]
pub async fn revoke(
    who: Authorized<ManageTokens>,
    State(acme): State<AcmeState>,
    PathOf(id): PathOf<Id<ExternalAccountKey>>,
) -> Result<StatusCode, Problem> {
    match acme.revoke_external_key(id, who.actor()).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(StoreError::NotFound) => Err(Problem::not_found("external account key")),
        Err(StoreError::Conflict) => {
            Err(Problem::new(Kind::Conflict, "already-revoked", "the key was taken back before"))
        }
        Err(error) => Err(error.into()),
    }
}

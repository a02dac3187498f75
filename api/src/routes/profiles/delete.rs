//! `DELETE /profiles/{name}`

use axum::extract::State;
use ca::Authority;
use http::StatusCode;
use model::ProfileName;

use crate::auth::{Authorized, permission::ManageProfiles};
use crate::extract::PathOf;
use crate::flow::profiles;
use crate::openapi::Problems;
use crate::problem::Problem;

/// Deletes a profile that is not built in.
#[utoipa::path(
    delete, path = "/profiles/{name}", operation_id = "deleteProfile", tag = "profiles",
    security(("token" = [])), extensions(("x-permission" = json!("profiles:manage"))),
    params(("name" = String, Path, description = "The profile's name")),
    responses((status = 204, description = "Deleted"), Problems)
)]
pub async fn delete(
    who: Authorized<ManageProfiles>,
    State(authority): State<Authority>,
    PathOf(name): PathOf<ProfileName>,
) -> Result<StatusCode, Problem> {
    profiles::delete(&authority, name, who.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

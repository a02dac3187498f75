//! `GET /profiles/{name}`

use axum::Json;
use axum::extract::State;
use ca::Authority;
use model::ProfileName;

use crate::auth::{Authorized, permission::ReadProfiles};
use crate::extract::PathOf;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::resource::ProfileBody;

/// Shows a profile.
#[utoipa::path(
    get, path = "/profiles/{name}", operation_id = "showProfile", tag = "profiles",
    security(("token" = [])), extensions(("x-permission" = json!("profiles:read"))),
    params(("name" = String, Path, description = "The profile's name")),
    responses((status = 200, description = "The profile", body = ProfileBody), Problems)
)]
pub async fn show(
    _: Authorized<ReadProfiles>,
    State(authority): State<Authority>,
    PathOf(name): PathOf<ProfileName>,
) -> Result<Json<ProfileBody>, Problem> {
    let profile = store::profiles::get(authority.store(), &name).await?;
    let profile = profile.ok_or_else(|| Problem::not_found("profile"))?;
    Ok(Json(profile.into()))
}

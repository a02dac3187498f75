//! `GET /profiles`

use axum::Json;
use axum::extract::State;
use ca::Authority;

use crate::auth::{Authorized, permission::ReadProfiles};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::resource::{Page, ProfileBody};

/// Lists all profiles by name.
#[utoipa::path(
    get, path = "/profiles", operation_id = "listProfiles", tag = "profiles",
    security(("token" = [])), extensions(("x-permission" = json!("profiles:read"))),
    responses((status = 200, description = "All profiles", body = Page<ProfileBody>), Problems)
)]
pub async fn list(
    _: Authorized<ReadProfiles>,
    State(authority): State<Authority>,
) -> Result<Json<Page<ProfileBody>>, Problem> {
    let all = store::profiles::list(authority.store()).await?;
    Ok(Json(Page { items: all.into_iter().map(ProfileBody::from).collect(), next: None }))
}

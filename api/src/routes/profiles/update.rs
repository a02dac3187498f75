//! `PUT /profiles/{name}`

use axum::Json;
use axum::extract::State;
use ca::Authority;
use model::ProfileName;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::{Authorized, permission::ManageProfiles};
use crate::extract::{JsonBody, PathOf};
use crate::flow::profiles::{self, Change};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::resource::ProfileBody;

/// What to change; what is not given stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateProfile {
    /// The text in TOML (docs/guides/profiles.md).
    body: Option<String>,
    /// Whether it may be issued from.
    enabled: Option<bool>,
    /// The revision that is changed: if it is another by now, nothing changes.
    revision: Option<i64>,
}

/// Changes a profile; certificates are issued from the new version at once.
#[utoipa::path(
    put, path = "/profiles/{name}", operation_id = "updateProfile", tag = "profiles",
    security(("token" = [])), extensions(("x-permission" = json!("profiles:manage"))),
    params(("name" = String, Path, description = "The profile's name")),
    request_body = UpdateProfile,
    responses((status = 200, description = "As it is now", body = ProfileBody), Problems)
)]
pub async fn update(
    who: Authorized<ManageProfiles>,
    State(authority): State<Authority>,
    PathOf(name): PathOf<ProfileName>,
    body: JsonBody<UpdateProfile>,
) -> Result<Json<ProfileBody>, Problem> {
    let UpdateProfile { body, enabled, revision } = body.value;
    let change = Change { body, enabled, revision };
    let profile = profiles::update(&authority, name, change, who.actor()).await?;
    Ok(Json(profile.into()))
}

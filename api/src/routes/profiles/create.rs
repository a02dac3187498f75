//! `POST /profiles`

use axum::Json;
use axum::extract::State;
use ca::Authority;
use http::header::LOCATION;
use http::{HeaderName, StatusCode};
use model::ProfileName;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::{Authorized, permission::ManageProfiles};
use crate::extract::JsonBody;
use crate::flow::profiles;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::resource::ProfileBody;

/// What profile to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateProfile {
    /// Its name: 1 to 63 of a to z, 0 to 9 and `-`.
    #[schema(value_type = String, example = "web")]
    name: ProfileName,
    /// The text in TOML (docs/guides/profiles.md).
    body: String,
    /// Whether it may be issued from; true if it is not given.
    enabled: Option<bool>,
}

/// Makes a profile.
#[utoipa::path(
    post, path = "/profiles", operation_id = "createProfile", tag = "profiles",
    security(("token" = [])), extensions(("x-permission" = json!("profiles:manage"))),
    request_body = CreateProfile,
    responses((status = 201, description = "Made", body = ProfileBody), Problems)
)]
pub async fn create(
    who: Authorized<ManageProfiles>,
    State(authority): State<Authority>,
    body: JsonBody<CreateProfile>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<ProfileBody>), Problem> {
    let CreateProfile { name, body, enabled } = body.value;
    let enabled = enabled.unwrap_or(true);
    let profile = profiles::create(&authority, name, body, enabled, who.actor()).await?;
    let location = format!("/api/v1/profiles/{}", profile.name);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(profile.into())))
}

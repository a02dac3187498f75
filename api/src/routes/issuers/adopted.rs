//! `POST /issuers/{name}/adopted`

use axum::Json;
use axum::extract::State;
use ca::Authority;
use model::IssuerName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::import::read_path;
use crate::auth::{Authorized, permission::ManageIssuers};
use crate::extract::{JsonBody, PathOf};
use crate::openapi::Problems;
use crate::problem::Problem;

/// Certificates that an adopted CA issued before.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdoptedCertificates {
    /// The certificates as PEM, in any order.
    certificates: String,
}

/// What became of them.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdoptedStored {
    /// How many were stored.
    stored: u64,
    /// How many were stored before.
    known: u64,
    /// How many have a serial number that the inventory does not have, or not yet.
    unknown: u64,
}

/// Stores the certificates whose serial numbers were adopted with their CA.
///
/// The signer's journal has serial numbers, ends and statuses; this adds what the inventory shows
/// and searches. Nothing is stored if one of them is another CA's.
#[utoipa::path(
    post, path = "/issuers/{name}/adopted", operation_id = "storeAdoptedCertificates",
    tag = "issuers",
    security(("token" = [])), extensions(("x-permission" = json!("issuers:manage"))),
    params(("name" = String, Path, description = "The issuer's name")),
    request_body = AdoptedCertificates,
    responses((status = 200, description = "What was stored", body = AdoptedStored), Problems)
)]
pub async fn adopted(
    who: Authorized<ManageIssuers>,
    State(authority): State<Authority>,
    PathOf(name): PathOf<IssuerName>,
    body: JsonBody<AdoptedCertificates>,
) -> Result<Json<AdoptedStored>, Problem> {
    let certificates = read_path(&body.value.certificates)?;
    let done = authority.complete_adopted(&name, certificates, who.actor()).await?;
    let ca::hierarchy::Completed { stored, known, unknown } = done;
    Ok(Json(AdoptedStored { stored, known, unknown }))
}

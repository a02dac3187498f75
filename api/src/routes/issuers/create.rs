//! `POST /issuers`

use axum::Json;
use axum::extract::State;
use ca::Authority;
use ca::hierarchy::CaRequest;
use ca::profile::Seconds;
use http::header::LOCATION;
use http::{HeaderName, StatusCode};
use model::{IssuerKind, IssuerName, RingName};
use serde::Deserialize;
use utoipa::ToSchema;

use super::describe;
use crate::auth::{Authorized, permission::ManageIssuers};
use crate::extract::JsonBody;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::resource::IssuerBody;

/// The longest validity of leaves if the wish does not say.
const LEAF_VALIDITY: Seconds = Seconds::days(1_095);

/// A wish for a CA.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateIssuer {
    /// Its name in URLs, and its key's label in the ring.
    #[schema(value_type = String, example = "web")]
    name: IssuerName,
    /// Its place in the hierarchy: `root`, `intermediate` or `issuing`.
    #[schema(value_type = String, example = "issuing")]
    kind: IssuerKind,
    /// The CA of ours above it; none for a root, and for one that somebody else is to sign.
    #[schema(value_type = Option<String>, example = "root")]
    parent: Option<IssuerName>,
    /// The ring that is to hold its key; the server's first one if it is not given.
    #[schema(value_type = Option<String>, example = "default")]
    ring: Option<RingName>,
    /// Its subject (RFC 4514).
    #[schema(example = "CN=Web CA,O=Example")]
    subject: String,
    /// The key to generate: `p-256`, `p-384`, `ed25519`, `rsa-3072`, `ml-dsa-65`, …
    #[schema(example = "p-256")]
    key: String,
    /// How long its certificate shall last.
    #[schema(value_type = String, example = "1825d")]
    validity: Seconds,
    /// How many CAs may stand below it.
    path_len: Option<u8>,
    /// Domains and networks that its certificate is confined to (RFC 5280 §4.2.1.10).
    #[serde(default)]
    constraints: Vec<String>,
    /// Domains and networks that its key policy admits in leaves; any if there are none.
    #[serde(default)]
    names: Vec<String>,
    /// The longest validity of its leaves.
    #[schema(value_type = Option<String>, example = "397d")]
    leaf_validity: Option<Seconds>,
}

/// Keeps a wish for a CA.
///
/// Nothing is signed by this: an operator executes the wish with `chancery ca sign`, and the
/// issuer becomes active when the signer's journal tells of it.
#[utoipa::path(
    post, path = "/issuers", operation_id = "createIssuer", tag = "issuers",
    security(("token" = [])), extensions(("x-permission" = json!("issuers:manage"))),
    request_body = CreateIssuer,
    responses((status = 201, description = "Pending", body = IssuerBody), Problems)
)]
pub async fn create(
    who: Authorized<ManageIssuers>,
    State(authority): State<Authority>,
    body: JsonBody<CreateIssuer>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<IssuerBody>), Problem> {
    let wish = body.value;
    let request = CaRequest {
        version: 1,
        name: wish.name,
        kind: wish.kind,
        parent: wish.parent,
        ring: wish.ring,
        subject: wish.subject,
        key: wish.key,
        validity: wish.validity,
        path_len: wish.path_len,
        constraints: wish.constraints,
        names: wish.names,
        leaf_validity: wish.leaf_validity.unwrap_or(LEAF_VALIDITY),
    };
    let issuer = authority.create_issuer(request, who.actor()).await?;
    let location = format!("/api/v1/issuers/{}", issuer.name);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(describe(&authority, &issuer))))
}

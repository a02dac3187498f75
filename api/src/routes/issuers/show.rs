//! `GET /issuers/{name}`

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use ca::Authority;
use http::header::VARY;
use model::IssuerName;

use super::describe;
use crate::auth::{Authorized, permission::ReadIssuers};
use crate::extract::{Accepted, PathOf, Representation};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::resource::IssuerBody;
use crate::routes::certificates::bytes;

/// Shows an issuer.
///
/// As JSON; its certificate as PEM with the path above it, or as DER: the Accept header decides.
#[utoipa::path(
    get, path = "/issuers/{name}", operation_id = "showIssuer", tag = "issuers",
    security(("token" = [])), extensions(("x-permission" = json!("issuers:read"))),
    params(("name" = String, Path, description = "The issuer's name")),
    responses(
        (status = 200, description = "The issuer", content(
            (IssuerBody = "application/json"),
            (String = "application/pem-certificate-chain"),
            (Vec<u8> = "application/pkix-cert"),
        )),
        Problems
    )
)]
pub async fn show(
    _: Authorized<ReadIssuers>,
    State(authority): State<Authority>,
    PathOf(name): PathOf<IssuerName>,
    accepted: Accepted,
) -> Result<Response, Problem> {
    let representation = accepted.choose()?;
    let issuer = store::issuers::get_by_name(authority.store(), &name).await?;
    let issuer = issuer.ok_or_else(|| Problem::not_found("issuer"))?;
    if representation == Representation::Json {
        let body = describe(&authority, &issuer);
        return Ok(([(VARY, "accept")], Json(body)).into_response());
    }
    let path = authority.path(issuer.id);
    if path.is_empty() {
        return Err(Problem::not_found("certificate: the issuer is pending"));
    }
    Ok(bytes(representation, &path))
}

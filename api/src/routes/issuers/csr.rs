//! `GET /issuers/{name}/csr`

use axum::Json;
use axum::extract::State;
use ca::Authority;
use model::IssuerName;
use serde::Serialize;
use utoipa::ToSchema;
use x509::pem;

use crate::auth::{Authorized, permission::ReadIssuers};
use crate::extract::PathOf;
use crate::openapi::Problems;
use crate::problem::Problem;

/// A pending CA's request for somebody else's signature.
#[derive(Debug, Serialize, ToSchema)]
pub struct IssuerCsr {
    /// The CSR (RFC 7468 §7).
    #[schema(example = "-----BEGIN CERTIFICATE REQUEST-----\n…")]
    csr: String,
}

/// Shows the CSR of a pending issuer that somebody else is to sign.
///
/// It is signed by an operator with `chancery ca csr`; before that this answers 409.
#[utoipa::path(
    get, path = "/issuers/{name}/csr", operation_id = "showIssuerCsr", tag = "issuers",
    security(("token" = [])), extensions(("x-permission" = json!("issuers:read"))),
    params(("name" = String, Path, description = "The issuer's name")),
    responses((status = 200, description = "The CSR", body = IssuerCsr), Problems)
)]
pub async fn csr(
    _: Authorized<ReadIssuers>,
    State(authority): State<Authority>,
    PathOf(name): PathOf<IssuerName>,
) -> Result<Json<IssuerCsr>, Problem> {
    let der = authority.issuer_csr(&name).await?;
    let csr = pem::encode(pem::CERTIFICATE_REQUEST, der.as_bytes());
    Ok(Json(IssuerCsr { csr }))
}

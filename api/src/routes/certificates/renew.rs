//! `POST /certificates/{id}/renew`

use axum::extract::State;
use axum::response::IntoResponse;
use ca::Authority;
use http::HeaderMap;
use model::{Id, IssuedCertificate};
use serde::Deserialize;
use utoipa::ToSchema;

use super::idempotency;
use super::issue::created;
use crate::auth::{Authorized, permission::IssueCertificates};
use crate::extract::{JsonBody, PathOf};
use crate::flow::detached::detached;
use crate::flow::refusal;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::resource::{CertificateBody, read_csr, read_signature};

/// How to renew.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewCertificate {
    /// A CSR with a new key, as PEM or as DER in base64; without one the key stays.
    csr: Option<String>,
    /// The signature of the old certificate's key over the CSR, in base64: made over the octets
    /// `chancery/renew/v1`, a zero octet, and SHA-256 of the CSR's DER. Needs a CSR.
    proof: Option<String>,
}

/// Issues a certificate in place of another.
///
/// Profile, subject and names stay. The one before stays valid until it expires or is revoked.
#[utoipa::path(
    post, path = "/certificates/{id}/renew", operation_id = "renewCertificate",
    tag = "certificates",
    security(("token" = [])), extensions(("x-permission" = json!("certificates:issue"))),
    params(
        ("id" = String, Path, description = "The certificate's id"),
        (
            "Idempotency-Key" = Option<String>, Header,
            description = "Makes a retry the same request; 1 to 255 visible ASCII characters"
        )
    ),
    request_body = RenewCertificate,
    responses((status = 201, description = "Issued", body = CertificateBody), Problems)
)]
pub async fn renew(
    who: Authorized<IssueCertificates>,
    State(authority): State<Authority>,
    PathOf(id): PathOf<Id<IssuedCertificate>>,
    headers: HeaderMap,
    body: JsonBody<RenewCertificate>,
) -> Result<impl IntoResponse + use<>, Problem> {
    let path = format!("/certificates/{id}/renew");
    let renew = async {
        let idempotency = idempotency::take(&headers, who.token(), &path, &body.octets)?;
        let csr = body.value.csr.as_deref().map(read_csr).transpose()?;
        let proof = body.value.proof.as_deref().map(read_signature).transpose()?;
        let (issuer, by) = (authority.clone(), who.actor().to_owned());
        detached(async move { issuer.renew(id, (csr, proof), by, idempotency).await }).await
    };
    match renew.await {
        Ok(issued) => Ok(created(&authority, &issued)),
        Err(problem) => Err(refusal::note(&authority, who.actor(), &id.to_string(), problem).await),
    }
}

//! `POST /certificates/{id}/revoke`

use axum::Json;
use axum::extract::State;
use ca::{Authority, RevokeRequest};
use model::{Id, IssuedCertificate};
use serde::Deserialize;
use utoipa::ToSchema;
use x509::CrlReason;

use crate::auth::{Authorized, permission::RevokeCertificates};
use crate::extract::{JsonBody, PathOf};
use crate::flow::detached::detached;
use crate::meters;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::resource::{CertificateBody, Time};

/// Why to revoke.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeCertificate {
    /// The reason (RFC 5280 §5.3.1); `certificateHold` puts on hold, `removeFromCRL` releases,
    /// `unspecified` if it is not given.
    #[schema(example = "keyCompromise")]
    reason: Option<String>,
    /// Since when the key is suspected (RFC 5280 §5.3.2).
    invalidity_date: Option<Time>,
}

/// Revokes a certificate, holds it, or releases it from hold.
///
/// OCSP says so within a second, the CRL within two. Revoking again changes nothing.
#[utoipa::path(
    post, path = "/certificates/{id}/revoke", operation_id = "revokeCertificate",
    tag = "certificates",
    security(("token" = [])), extensions(("x-permission" = json!("certificates:revoke"))),
    params(("id" = String, Path, description = "The certificate's id")),
    request_body = RevokeCertificate,
    responses((status = 200, description = "As it is now", body = CertificateBody), Problems)
)]
pub async fn revoke(
    who: Authorized<RevokeCertificates>,
    State(authority): State<Authority>,
    PathOf(id): PathOf<Id<IssuedCertificate>>,
    body: JsonBody<RevokeCertificate>,
) -> Result<Json<CertificateBody>, Problem> {
    let reason = match body.value.reason.as_deref() {
        Some(text) => text.parse().map_err(|_| unknown_reason())?,
        None => CrlReason::Unspecified,
    };
    let request = RevokeRequest {
        id,
        reason,
        invalidity: body.value.invalidity_date.map(|time| time.0),
        by: who.actor().to_owned(),
    };
    let issuer = authority.clone();
    let certificate = detached(async move { issuer.revoke(request).await }).await?;
    meters::count_revoked(reason.as_str());
    let chain = authority.path(certificate.issuer);
    let issuers = authority.issuers();
    Ok(Json(CertificateBody::new(&certificate, &chain, &issuers, authority.now())))
}

fn unknown_reason() -> Problem {
    let known: Vec<&str> = CrlReason::ALL.into_iter().map(CrlReason::as_str).collect();
    Problem::malformed("reason-unknown", format!("the reasons are {}", known.join(", ")))
}

//! `GET /certificates/{id}`

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use ca::Authority;
use http::header::{CONTENT_TYPE, VARY};
use model::{Id, IssuedCertificate};
use store::certificates;
use x509::CertificateDer;

use crate::auth::{Authorized, permission::ReadCertificates};
use crate::extract::{Accepted, PathOf, Representation};
use crate::openapi::Problems;
use crate::problem::{Kind, Problem};
use crate::resource::{CertificateBody, pem_of};

/// Shows a certificate.
///
/// As JSON, as PEM with the path above it, or as DER: the Accept header decides.
#[utoipa::path(
    get, path = "/certificates/{id}", operation_id = "showCertificate", tag = "certificates",
    security(("token" = [])), extensions(("x-permission" = json!("certificates:read"))),
    params(("id" = String, Path, description = "The certificate's id")),
    responses(
        (status = 200, description = "The certificate", content(
            (CertificateBody = "application/json"),
            (String = "application/pem-certificate-chain"),
            (Vec<u8> = "application/pkix-cert"),
        )),
        Problems
    )
)]
pub async fn show(
    _: Authorized<ReadCertificates>,
    State(authority): State<Authority>,
    PathOf(id): PathOf<Id<IssuedCertificate>>,
    accepted: Accepted,
) -> Result<Response, Problem> {
    let representation = accepted.choose()?;
    let certificate = certificates::get(authority.store(), id).await?;
    let certificate = certificate.ok_or_else(|| Problem::not_found("certificate"))?;
    let chain = authority.path(certificate.issuer);
    if representation == Representation::Json {
        let issuers = authority.issuers();
        let body = CertificateBody::new(&certificate, &chain, &issuers, authority.now());
        return Ok(([(VARY, "accept")], Json(body)).into_response());
    }
    if certificate.is_serial_alone() {
        let why = "only the serial number was adopted: the certificate itself is not here";
        return Err(Problem::new(Kind::Conflict, "certificate-not-here", why));
    }
    let mut path = vec![certificate.der];
    path.extend(chain);
    Ok(bytes(representation, &path))
}

/// Answers with a path as PEM, or with its first certificate as DER.
pub(in crate::routes) fn bytes(
    representation: Representation,
    path: &[CertificateDer],
) -> Response {
    let body = match (representation, path.first()) {
        (Representation::Der, Some(first)) => first.as_bytes().to_vec(),
        _ => pem_of(path).into_bytes(),
    };
    let media = representation.media()[0];
    ([(CONTENT_TYPE, media), (VARY, "accept")], body).into_response()
}

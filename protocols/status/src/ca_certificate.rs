//! GET `/.well-known/pki/ca/{issuer}.cer` (RFC 5280 §4.2.2.1; media type RFC 2585 §4.1).

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use x509::ForeignCertificate;

use crate::StatusState;
use crate::caching::Kept;
use crate::crl::named;
use crate::problem::Problem;

/// How long a cache need not ask again: a CA's certificate changes once in years.
const MAX_AGE: i64 = 86_400;

pub(crate) async fn fetch(
    State(state): State<StatusState>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let issuer = named(&file, ".cer")?;
    let der = state.authority.ca_certificate(&issuer)?;
    let certificate = ForeignCertificate::parse(der.as_bytes()).map_err(|error| {
        tracing::error!(%issuer, %error, "a stored certificate does not read");
        Problem::Unavailable
    })?;
    let digest = certificate.sha256();
    let tag: String = digest[..16].iter().map(|b| format!("{b:02x}")).collect();
    let kept = Kept {
        media_type: "application/pkix-cert",
        etag: format!("\"{tag}\""),
        modified: certificate.not_before(),
        expires: certificate.not_after(),
        max_age: MAX_AGE,
    };
    let body = Body::from(der.into_vec());
    Ok(kept.answer(&headers, state.authority.now(), body))
}

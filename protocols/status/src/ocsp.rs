//! OCSP over HTTP (RFC 6960 Appendix A.1, RFC 5019 §5 and §6).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use ca::OcspReply;
use model::IssuerName;
use x509::{OcspErrorStatus, OcspResponseDer};

use crate::StatusState;
use crate::caching::Kept;
use crate::problem::Problem;

const REQUEST: &str = "application/ocsp-request";
const RESPONSE: &str = "application/ocsp-response";

/// How long a cache need not ask again.
const MAX_AGE: i64 = 3_600;

/// Clients leave the padding away or not; what a `+` or `/` was escaped to is decoded by now.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A response as a body, without copying it.
struct Whole(Arc<OcspResponseDer>);

impl AsRef<[u8]> for Whole {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// GET `/.well-known/pki/ocsp/{issuer}/{url-encoding of base-64 encoding of the DER}`.
pub(crate) async fn by_get(
    State(state): State<StatusState>,
    Path((issuer, request)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let issuer = speaking(&state, &issuer)?;
    // Some clients put a slash between a URL and the request even where there is one already; a
    // request is a SEQUENCE and its base64 never begins with one.
    let encoded = request.trim_start_matches('/');
    let reply = match BASE64.decode(encoded.as_bytes()) {
        Ok(request) => state.authority.ocsp(&issuer, &request).await,
        Err(_) => OcspReply::error(OcspErrorStatus::MalformedRequest),
    };
    Ok(answer(&state, &headers, reply))
}

/// POST `/.well-known/pki/ocsp/{issuer}` with the DER as the body.
pub(crate) async fn by_post(
    State(state): State<StatusState>,
    Path(issuer): Path<String>,
    headers: HeaderMap,
    request: Bytes,
) -> Result<Response, Problem> {
    let issuer = speaking(&state, &issuer)?;
    let named = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = named.and_then(|named| named.split(';').next()).unwrap_or_default();
    if !media_type.trim().eq_ignore_ascii_case(REQUEST) {
        return Err(Problem::MediaType);
    }
    let reply = state.authority.ocsp(&issuer, &request).await;
    // Answers to POST are not kept by caches (RFC 9110 §9.3.3), so nothing is asked again.
    Ok(plain(reply))
}

/// A CA that signs only CAs has no OCSP.
fn speaking(state: &StatusState, issuer: &str) -> Result<IssuerName, Problem> {
    IssuerName::new(issuer)
        .ok()
        .filter(|issuer| state.authority.speaks_ocsp(issuer))
        .ok_or(Problem::NotFound)
}

fn answer(state: &StatusState, headers: &HeaderMap, reply: OcspReply) -> Response {
    let Some(cacheable) = reply.cacheable else {
        return plain(reply);
    };
    let kept = Kept {
        media_type: RESPONSE,
        etag: cacheable.etag.to_string(),
        modified: cacheable.this_update,
        expires: cacheable.next_update,
        max_age: MAX_AGE,
    };
    let body = Body::from(Bytes::from_owner(Whole(reply.response)));
    kept.answer(headers, state.authority.now(), body)
}

/// Answers with what nobody may keep: an error, or a response to a nonce.
fn plain(reply: OcspReply) -> Response {
    let body = Body::from(Bytes::from_owner(Whole(reply.response)));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(RESPONSE)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, body).into_response()
}

//! GET `/.well-known/pki/crl/{issuer}.crl` (RFC 5280 §4.2.1.13; media type RFC 2585 §4.2).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use ca::CrlEntry;
use model::IssuerName;

use crate::StatusState;
use crate::caching::Kept;
use crate::problem::Problem;

/// How long a cache need not ask again: a revocation is to be seen, and asking costs little,
/// since an unchanged CRL is answered by 304.
const MAX_AGE: i64 = 300;

/// A CRL as a body, without copying it: it may have many megabytes.
struct Whole(Arc<CrlEntry>);

impl AsRef<[u8]> for Whole {
    fn as_ref(&self) -> &[u8] {
        self.0.der.as_bytes()
    }
}

pub(crate) async fn fetch(
    State(state): State<StatusState>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let issuer = named(&file, ".crl")?;
    let crl = state.authority.crl(&issuer).await?;
    let kept = Kept {
        media_type: "application/pkix-crl",
        etag: crl.etag.clone(),
        modified: crl.this_update,
        expires: crl.next_update,
        max_age: MAX_AGE,
    };
    let body = Body::from(Bytes::from_owner(Whole(crl)));
    Ok(kept.answer(&headers, state.authority.now(), body))
}

/// Takes the issuer's name out of a file's name.
pub(crate) fn named(file: &str, ending: &str) -> Result<IssuerName, Problem> {
    file.strip_suffix(ending).and_then(|name| IssuerName::new(name).ok()).ok_or(Problem::NotFound)
}

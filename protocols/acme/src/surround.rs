//! What every answer has: a fresh nonce where a request was signed, and the way to the directory.

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, LINK};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::limit::Applicant;
use crate::problem::Problem;
use crate::state::AcmeState;

/// Carries a nonce (RFC 8555 §6.5.1).
pub(crate) const REPLAY_NONCE: HeaderName = HeaderName::from_static("replay-nonce");

/// Counts the request at its address, answers, and adds nonce and links.
pub(crate) async fn surround(
    State(state): State<AcmeState>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let base = state.bases.of_request(&parts);
    let applicant = parts.extensions.get::<Applicant>().copied();
    // RFC 8555 §6.5.1: every answer to a POST; for GETs it would only be in the way of caches.
    let signed = parts.method == Method::POST;
    let limited = state.limits.request(applicant, state.millis());
    let mut response = match limited {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(problem) => problem.into_response(),
    };
    if signed {
        add_nonce(&state, &mut response);
    }
    // RFC 8555 §7.1: all resources but the directory link to it.
    if let Some(base) = base {
        let link = format!("<{}>;rel=\"index\"", base.endpoint("directory"));
        if let Ok(link) = HeaderValue::try_from(link) {
            response.headers_mut().append(LINK, link);
        }
    }
    response
}

/// Adds a fresh nonce; one that cannot be made is no reason to lose the answer.
pub(crate) fn add_nonce(state: &AcmeState, response: &mut Response) {
    match state.nonces.issue(state.now()).map(HeaderValue::try_from) {
        Ok(Ok(nonce)) => {
            let headers = response.headers_mut();
            headers.insert(REPLAY_NONCE, nonce);
            headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        }
        Ok(Err(_)) => {}
        Err(error) => {
            let _ = Problem::unavailable(&error);
        }
    }
}

//! HEAD and GET newNonce (RFC 8555 §7.2).

use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};

use crate::state::AcmeState;
use crate::surround::add_nonce;

/// Answers with a nonce: 200 to HEAD, 204 to GET.
pub(crate) async fn fetch(State(state): State<AcmeState>, method: Method) -> Response {
    let status = if method == Method::HEAD { StatusCode::OK } else { StatusCode::NO_CONTENT };
    let mut response = status.into_response();
    add_nonce(&state, &mut response);
    response
}

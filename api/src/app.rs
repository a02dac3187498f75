//! The applications: everything with TLS, status alone without, enrolment alone for old clients.

use std::any::Any;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::from_fn;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use status::StatusState;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::listen::Peer;
use crate::problem::{Kind, Problem, no_route};
use crate::state::ApiState;
use crate::track::track;
use crate::{limits, openapi, routes};

/// Gives what the HTTPS listener serves: the API, ACME, health, and status.
pub fn https(state: ApiState) -> Router {
    let status = status_of(&state);
    let acme = acme::routes(state.acme.clone());
    let (described, _) = openapi::router().split_for_parts();
    surround(described.with_state(state).merge(status).merge(acme), limits::REQUEST)
}

/// Gives what the listener for old clients serves: the enrolment protocols.
pub fn enrolment(state: ApiState) -> Router {
    surround(acme::routes(state.acme), limits::REQUEST)
}

/// Tells the ACME server who asks.
fn name_applicant(mut request: Request) -> Request {
    if let Some(Peer(address)) = request.extensions().get::<Peer>().copied() {
        request.extensions_mut().insert(acme::Applicant(address.ip()));
    }
    request
}

/// Gives what the plain HTTP listener serves: status, and whether the server lives and is ready.
pub fn http(state: ApiState) -> Router {
    let status = status_of(&state);
    let (probes, _) = routes::probes().split_for_parts();
    surround(probes.with_state(state).merge(status), limits::REQUEST)
}

fn status_of(state: &ApiState) -> Router {
    status::routes(StatusState { authority: state.authority.clone() })
}

/// Adds what every request goes through, outermost first. It is one layer: a router puts each into a
/// box of its own, and clones every box within it for each request.
fn surround(router: Router, patience: Duration) -> Router {
    let layers = ServiceBuilder::new()
        .layer(from_fn(track))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, patience))
        .layer(DefaultBodyLimit::max(limits::BODY))
        .map_request(name_applicant);
    router.fallback(no_route).layer(layers)
}

/// Answers for a handler that panicked; what it said is on standard error, and nowhere else.
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a request met a panic");
    Problem::new(Kind::Internal, "internal", "see the server's log").into_response()
}

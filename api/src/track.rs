//! What surrounds every request: its id, its line in the log, its place in the metrics.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, HeaderValue};
use tracing::Instrument as _;

use crate::listen::Peer;
use crate::problem::{self, Problem};

/// Carries the request's id, both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken over from a client.
const LONGEST: usize = 64;

/// Ids of this process: 64 random bits, counted on.
static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| {
    let mut seed = [0; 8];
    // Without randomness ids repeat after a restart; they are no secrets.
    let _ = aws_lc_rs::rand::fill(&mut seed);
    AtomicU64::new(u64::from_be_bytes(seed))
});

/// Gives a request its id, runs it in a span of that id, writes one line about it, counts it, and
/// writes the id into a problem's body.
pub async fn track(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = take_id(&mut request);
    let text = id.to_str().unwrap_or_default();
    let method = request.method().clone();
    let peer = request.extensions().get::<Peer>().copied();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let quiet = route.as_ref().is_some_and(|route| is_quiet(route.as_str()));
    let span = if quiet {
        tracing::debug_span!("request", id = text)
    } else {
        tracing::info_span!("request", id = text)
    };
    let mut response = next.run(request).instrument(span.clone()).await;
    let mut rule = None;
    if let Some(problem) = problem_of(&mut response) {
        response = merged(response, problem.response(Some(text)));
        rule = Some(problem);
    }
    let status = response.status().as_u16();
    let route = route.as_ref().map_or("(none)", MatchedPath::as_str);
    let took = started.elapsed();
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    span.in_scope(|| {
        if quiet {
            tracing::debug!(method = %method, route, status, micros, "answered");
            return;
        }
        tracing::info!(
            method = %method,
            route,
            status,
            micros,
            rule = rule.as_ref().map(Problem::rule),
            detail = rule.as_ref().map(Problem::detail),
            peer = peer.map(|peer| tracing::field::display(peer.0)),
            "answered"
        );
    });
    let labels = [
        ("method", method_name(&method)),
        ("status", status.to_string()),
        ("route", route.to_owned()),
    ];
    metrics::counter!("chancery_http_requests_total", &labels).increment(1);
    metrics::histogram!("chancery_http_request_seconds", "route" => route.to_owned())
        .record(took.as_secs_f64());
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// Tells whether a route is one for anybody, asked thousands of times a second or by every probe: a
/// line for each would bury the others.
fn is_quiet(route: &str) -> bool {
    route.starts_with("/.well-known/")
        || matches!(
            route,
            "/healthz"
                | "/readyz"
                | "/acme/new-nonce"
                | "/acme/directory"
                | "/acme/renewal-info/{id}"
        )
}

/// Only known methods become labels: clients choose the others, and labels are kept for ever.
fn method_name(method: &http::Method) -> String {
    match method.as_str() {
        name @ ("GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS" | "PATCH") => name,
        _ => "other",
    }
    .to_owned()
}

/// Finds the problem that a handler or the router answered with.
fn problem_of(response: &mut Response) -> Option<Problem> {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        return Some(problem);
    }
    // Handlers that answer in another form say so by a content type.
    let bare = !response.headers().contains_key(http::header::CONTENT_TYPE);
    if bare { problem::of_status(response) } else { None }
}

/// Keeps the headers that layers below have set.
fn merged(mut below: Response, mut problem: Response) -> Response {
    below.headers_mut().remove(http::header::CONTENT_LENGTH);
    for (name, value) in below.headers() {
        if !problem.headers().contains_key(name) {
            problem.headers_mut().append(name, value.clone());
        }
    }
    problem
}

/// Takes over the client's id if it is harmless in a log, or makes one.
fn take_id(request: &mut Request) -> HeaderValue {
    if let Some(given) = request.headers().get(REQUEST_ID)
        && is_harmless(given.as_bytes())
    {
        return given.clone();
    }
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    HeaderValue::try_from(format!("{next:016x}")).expect("hexadecimal digits stand in headers")
}

fn is_harmless(id: &[u8]) -> bool {
    let fits = |octet: &u8| octet.is_ascii_alphanumeric() || b"-_.".contains(octet);
    !id.is_empty() && id.len() <= LONGEST && id.iter().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn id_of(given: Option<&str>) -> String {
        let mut request = Request::builder();
        if let Some(given) = given {
            request = request.header(REQUEST_ID, given);
        }
        let mut request = request.body(Body::empty()).expect("a request");
        take_id(&mut request).to_str().expect("text").to_owned()
    }

    #[test]
    fn ids_are_taken_over_if_harmless() {
        assert_eq!(id_of(Some("job-7.a_B")), "job-7.a_B");
        for bad in ["", "a b", "a\"b", "ä", &"x".repeat(65)] {
            assert_ne!(id_of(Some(bad)), bad);
        }
        assert_ne!(id_of(None), id_of(None));
        assert_eq!(id_of(None).len(), 16);
    }
}

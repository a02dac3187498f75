//! `GET /metrics`

use std::sync::Arc;

use axum::extract::State;
use ca::Authority;
use http::HeaderName;
use http::header::CONTENT_TYPE;

use crate::auth::{Authorized, permission::ReadMetrics};
use crate::meters::{self, Meters};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::readiness::ReadinessCache;

/// Shows the metrics in the text form of Prometheus.
#[utoipa::path(
    get, path = "/metrics", operation_id = "metrics", tag = "health",
    security(("token" = [])), extensions(("x-permission" = json!("metrics:read"))),
    responses(
        (status = 200, description = "The metrics", body = String, content_type = "text/plain"),
        Problems
    )
)]
pub async fn metrics(
    _: Authorized<ReadMetrics>,
    State(authority): State<Authority>,
    State(meters): State<Meters>,
    State(cache): State<Arc<ReadinessCache>>,
) -> Result<([(HeaderName, &'static str); 1], String), Problem> {
    let readiness = cache.ask(&authority).await;
    meters::set_readiness(&readiness);
    let text = meters.render(&authority).await?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}

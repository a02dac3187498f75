//! Whether the server lives and is ready, its metrics, and its own description.

mod describe;
mod healthz;
mod metrics;
mod readyz;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::ApiState;

/// Gives the routes at the root: two for anybody, and the metrics.
pub fn health() -> OpenApiRouter<ApiState> {
    probes().routes(routes!(metrics::metrics))
}

/// Gives the routes for anybody.
pub fn probes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(healthz::healthz)).routes(routes!(readyz::readyz))
}

/// Gives the route of the description, below `/api/v1`.
pub fn openapi() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(describe::describe))
}

//! `GET /api/v1/openapi.json`

use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;

use crate::openapi;

/// Shows this description.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "openapi", tag = "health", security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = Object))
)]
pub async fn describe() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], openapi::json())
}

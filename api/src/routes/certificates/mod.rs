//! Certificates: issue, look up, revoke, renew.

mod draft;
mod idempotency;
mod issue;
mod issue_draft;
mod list;
mod renew;
mod revoke;
mod show;

pub(super) use show::bytes;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::ApiState;

/// Gives the routes below `/api/v1`.
pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(issue::issue, list::list))
        .routes(routes!(draft::draft))
        .routes(routes!(issue_draft::issue_draft))
        .routes(routes!(show::show))
        .routes(routes!(revoke::revoke))
        .routes(routes!(renew::renew))
}

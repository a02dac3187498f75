//! What operators do about ACME: external account keys, planned renewals.

mod create_eab_key;
mod create_renewal_plan;
mod delete_renewal_plan;
mod list_eab_keys;
mod list_renewal_plans;
mod revoke_eab_key;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::ApiState;

/// Gives the routes below `/api/v1`.
pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(create_eab_key::create, list_eab_keys::list))
        .routes(routes!(revoke_eab_key::revoke))
        .routes(routes!(create_renewal_plan::create, list_renewal_plans::list))
        .routes(routes!(delete_renewal_plan::delete))
}

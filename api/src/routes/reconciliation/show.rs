//! `GET /reconciliation`

use axum::Json;
use axum::extract::State;
use ca::Authority;

use crate::auth::{Authorized, permission::ReadJournal};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::resource::ReconciliationBody;

/// Shows what the last comparison of the inventory with the signer's journal came to.
///
/// The server compares by itself, too: a minute after its start, and every hour.
#[utoipa::path(
    get, path = "/reconciliation", operation_id = "showReconciliation", tag = "audit",
    security(("token" = [])), extensions(("x-permission" = json!("journal:read"))),
    responses((status = 200, description = "As it stands", body = ReconciliationBody), Problems)
)]
pub async fn show(
    _: Authorized<ReadJournal>,
    State(authority): State<Authority>,
) -> Result<Json<ReconciliationBody>, Problem> {
    Ok(Json(ReconciliationBody::new(&authority.reconciliation())))
}

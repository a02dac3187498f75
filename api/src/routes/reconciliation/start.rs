//! `POST /reconciliation`

use axum::Json;
use axum::extract::State;
use ca::Authority;
use http::StatusCode;
use model::{AuditAction, NewAuditEvent};
use store::audit;

use crate::auth::{Authorized, permission::ReadJournal};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::resource::ReconciliationBody;

/// Starts to compare the inventory with the signer's journal, both ways.
///
/// A run that is under way is joined. The answer's `run` is the one to wait for: it is over once
/// `running` is false, or `last.run` has reached it.
#[utoipa::path(
    post, path = "/reconciliation", operation_id = "startReconciliation", tag = "audit",
    security(("token" = [])), extensions(("x-permission" = json!("journal:read"))),
    responses((status = 202, description = "It runs", body = ReconciliationBody), Problems)
)]
pub async fn start(
    who: Authorized<ReadJournal>,
    State(authority): State<Authority>,
) -> Result<(StatusCode, Json<ReconciliationBody>), Problem> {
    let event = NewAuditEvent {
        at: authority.now(),
        actor: who.actor().to_owned(),
        action: AuditAction::InventoryReconcile,
        target: "inventory".to_owned(),
        detail: "{}".to_owned(),
        journal: None,
    };
    let store = authority.store();
    store.write(move |tx| Box::pin(async move { audit::append(tx, &event).await })).await?;
    let run = authority.start_reconciliation();
    let body = ReconciliationBody::new(&authority.reconciliation());
    Ok((StatusCode::ACCEPTED, Json(ReconciliationBody { run, ..body })))
}

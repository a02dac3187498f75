//! `GET /audit/check`

use axum::Json;
use axum::extract::State;
use ca::{AnchorError, Authority};

use crate::auth::{Authorized, permission::ReadAudit};
use crate::openapi::Problems;
use crate::problem::{Kind, Problem, chain};
use crate::resource::AuditCheckBody;

/// Compares the audit log with what of it is anchored in the signer's journal.
#[utoipa::path(
    get, path = "/audit/check", operation_id = "checkAuditLog", tag = "audit",
    security(("token" = [])), extensions(("x-permission" = json!("audit:read"))),
    responses((status = 200, description = "What was found", body = AuditCheckBody), Problems)
)]
pub async fn check(
    _: Authorized<ReadAudit>,
    State(authority): State<Authority>,
) -> Result<Json<AuditCheckBody>, Problem> {
    let found = authority.check_audit().await.map_err(|error| match error {
        AnchorError::Store(error) => error.into(),
        AnchorError::Signer(error) => {
            Problem::new(Kind::Unavailable, "signer-unavailable", chain(&error))
        }
    })?;
    Ok(Json(AuditCheckBody {
        intact: found.is_intact,
        events: found.events,
        through: found.anchored.map(|(through, _)| through),
        journal: found.anchored.map(|(_, position)| position),
    }))
}

//! `GET /audit`

use axum::Json;
use axum::extract::State;
use ca::Authority;
use serde::Deserialize;
use store::audit::{self, Cursor, Filter};
use utoipa::IntoParams;

use crate::auth::{Authorized, permission::ReadAudit};
use crate::extract::QueryOf;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::resource::{AuditEventBody, Page, Time};
use crate::routes::limit;

/// Which events; all conditions must hold.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// By this actor.
    actor: Option<String>,
    /// Of this action, as in `certificate.issue`.
    action: Option<String>,
    /// Upon this target.
    target: Option<String>,
    /// At this time or later.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Time>,
    /// Before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
    /// Where to go on: `next` of the page before.
    cursor: Option<String>,
    /// Entries of the page: 1 to 1000, 100 if it is not given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u16>,
}

/// Lists what was done, newest first.
#[utoipa::path(
    get, path = "/audit", operation_id = "listAuditEvents", tag = "audit",
    security(("token" = [])), extensions(("x-permission" = json!("audit:read"))),
    params(AuditQuery),
    responses((status = 200, description = "A page", body = Page<AuditEventBody>), Problems)
)]
pub async fn list(
    _: Authorized<ReadAudit>,
    State(authority): State<Authority>,
    QueryOf(query): QueryOf<AuditQuery>,
) -> Result<Json<Page<AuditEventBody>>, Problem> {
    let limit = limit(query.limit)?;
    let cursor = query.cursor.as_deref().map(str::parse::<Cursor>);
    let cursor = cursor
        .transpose()
        .map_err(|error| Problem::malformed("cursor-malformed", error.to_string()))?;
    let action = query.action.as_deref().map(str::parse);
    let action = action
        .transpose()
        .map_err(|_| Problem::malformed("action-unknown", "action names no audit action"))?;
    let filter = Filter {
        actor: query.actor,
        action,
        target: query.target,
        from: query.from.map(|time| time.0),
        until: query.until.map(|time| time.0),
    };
    let mut events = audit::list(authority.store(), &filter, cursor, limit + 1).await?;
    let more = events.len() > limit.into();
    events.truncate(limit.into());
    let next = events.last().filter(|_| more).map(Cursor::after);
    Ok(Json(Page {
        items: events.into_iter().map(AuditEventBody::from).collect(),
        next: next.map(|cursor| cursor.to_string()),
    }))
}

//! Audit events.

use model::AuditEvent;
use serde::Serialize;
use utoipa::ToSchema;

use super::Time;

/// Something that was done, or denied.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEvent)]
pub struct AuditEventBody {
    /// Grows from event to event; gaps are possible.
    #[schema(example = 42)]
    pub seq: i64,
    /// When.
    pub at: Time,
    /// Who: a token's name, or `system`.
    pub actor: String,
    /// What.
    #[schema(example = "certificate.issue")]
    pub action: &'static str,
    /// Upon what: an id or a name.
    pub target: String,
    /// Particulars.
    #[schema(value_type = Object)]
    pub detail: serde_json::Value,
    /// The leaf of the signer's journal that belongs to it.
    pub journal: Option<u64>,
}

/// Whether the audit log is what was anchored of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditCheck)]
pub struct AuditCheckBody {
    /// Whether every event up to the newest anchor is what it was when it was anchored. False:
    /// somebody changed, took out or put in events.
    pub intact: bool,
    /// Events up to the newest anchor.
    #[schema(example = 42)]
    pub events: u64,
    /// The last event that is anchored; none before the first anchor.
    pub through: Option<u64>,
    /// The leaf of the signer's journal that says so.
    pub journal: Option<u64>,
}

impl From<AuditEvent> for AuditEventBody {
    fn from(event: AuditEvent) -> Self {
        Self {
            seq: event.seq,
            at: Time(event.at),
            actor: event.actor,
            action: event.action.as_str(),
            target: event.target,
            // What is no JSON is shown as it is rather than lost.
            detail: serde_json::from_str(&event.detail)
                .unwrap_or(serde_json::Value::String(event.detail)),
            journal: event.journal.map(|position| position.0),
        }
    }
}

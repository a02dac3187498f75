//! `GET /journal/entries`

use axum::Json;
use axum::extract::State;
use ca::{Authority, LogError};
use model::RingName;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::auth::{Authorized, permission::ReadJournal};
use crate::extract::QueryOf;
use crate::openapi::Problems;
use crate::problem::{Kind, Problem};
use crate::resource::{JournalEntriesBody, JournalEntryBody};
use crate::routes::limit;

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EntriesQuery {
    /// The position of the first: 0 if it is not given.
    from: Option<u64>,
    /// The ring whose journal: the server's first one if it is not given.
    #[param(value_type = Option<String>)]
    ring: Option<RingName>,
    /// Entries at most: 1 to 1000, 100 if it is not given. Fewer may come.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u16>,
}

/// Reads entries of a signer's journal, oldest first, as it wrote them.
#[utoipa::path(
    get, path = "/journal/entries", operation_id = "readJournalEntries", tag = "journal",
    security(("token" = [])), extensions(("x-permission" = json!("journal:read"))),
    params(EntriesQuery),
    responses((status = 200, description = "Entries", body = JournalEntriesBody), Problems)
)]
pub async fn list(
    _: Authorized<ReadJournal>,
    State(authority): State<Authority>,
    QueryOf(query): QueryOf<EntriesQuery>,
) -> Result<Json<JournalEntriesBody>, Problem> {
    let limit = limit(query.limit)?;
    let from = query.from.unwrap_or(0);
    let log = authority.log_of(query.ring.as_ref());
    let log = log.map_err(|_| Problem::malformed("ring-unknown", "there is no such ring"))?;
    let read = log.entries(from, limit.into()).await.map_err(problem)?;
    let positions = read.from..;
    let entries = positions.zip(&read.leaves).map(|(at, leaf)| JournalEntryBody::of(at, leaf));
    Ok(Json(JournalEntriesBody { from: read.from, size: read.size, entries: entries.collect() }))
}

fn problem(error: LogError) -> Problem {
    match error {
        LogError::NotThere => {
            Problem::malformed("position-unknown", "from is past the end of the journal")
        }
        LogError::Note(why) | LogError::Unavailable(why) => {
            Problem::new(Kind::Unavailable, "signer-unavailable", why)
        }
    }
}

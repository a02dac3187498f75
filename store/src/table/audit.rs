//! The audit log of the server.

use std::fmt;
use std::str::FromStr;

use model::{AuditAction, AuditEvent, JournalPosition, NewAuditEvent, UnixTime};

use crate::StoreError;
use crate::engine::{Row, Statement};
use crate::tx::{Source, Tx};

const TABLE: &str = "audit_events";
/// Rows that a page has at most.
const PAGE: u16 = 1000;

/// Says which events a list has; all conditions must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// By this actor.
    pub actor: Option<String>,
    /// Of this action.
    pub action: Option<AuditAction>,
    /// Upon this target.
    pub target: Option<String>,
    /// At this time or later.
    pub from: Option<UnixTime>,
    /// Before this time.
    pub until: Option<UnixTime>,
}

/// Appends an event.
///
/// # Errors
/// [`StoreError::Malformed`] if the target is longer than 1,024 octets.
pub async fn append(tx: &mut Tx, event: &NewAuditEvent) -> Result<(), StoreError> {
    let sql = "INSERT INTO audit_events (at, actor, action, target, detail, journal)
               VALUES ($1, $2, $3, $4, $5, $6)";
    tx.execute(values(Statement::new(TABLE, sql), event)).await.map(drop)
}

/// Marks the last event of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    at: UnixTime,
    seq: i64,
}

/// Says that a text is no cursor. Malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of the audit log")]
pub struct CursorError;

impl Cursor {
    /// Makes the cursor with which a list goes on after the event.
    #[must_use]
    pub const fn after(event: &AuditEvent) -> Self {
        Self { at: event.at, seq: event.seq }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.at.0, self.seq)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (at, seq) = text.split_once('_').ok_or(CursorError)?;
        let number = |text: &str| text.parse::<i64>().map_err(|_| CursorError);
        Ok(Self { at: UnixTime(number(at)?), seq: number(seq)? })
    }
}

/// Lists events, newest first, from after the cursor.
///
/// At most 1,000 rows; a limit of 0 counts as 1.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn list(
    from: impl Source,
    filter: &Filter,
    cursor: Option<Cursor>,
    limit: u16,
) -> Result<Vec<AuditEvent>, StoreError> {
    // Only the conditions that are asked for: one text for all filters is planned for none.
    let conditions = [
        (filter.actor.is_some(), "actor ="),
        (filter.action.is_some(), "action ="),
        (filter.target.is_some(), "target ="),
        (filter.from.is_some(), "at >="),
        (filter.until.is_some(), "at <"),
    ];
    let mut sql = "SELECT * FROM audit_events WHERE (at, seq) < ($1, $2)".to_owned();
    let wanted = conditions.iter().filter(|(wanted, _)| *wanted);
    for (argument, (_, condition)) in (3..).zip(wanted.clone()) {
        sql.push_str(&format!(" AND {condition} ${argument}"));
    }
    let last = 3 + wanted.count();
    sql.push_str(&format!(" ORDER BY at DESC, seq DESC LIMIT ${last}"));
    let Cursor { at, seq } = cursor.unwrap_or(Cursor { at: UnixTime(i64::MAX), seq: i64::MAX });
    let mut statement = Statement::built(TABLE, sql.into()).int(at.0).int(seq);
    let action = filter.action.map(AuditAction::as_str);
    for text in [filter.actor.as_deref(), action, filter.target.as_deref()].into_iter().flatten() {
        statement = statement.text(text);
    }
    for time in [filter.from, filter.until].into_iter().flatten() {
        statement = statement.int(time.0);
    }
    let statement = statement.int(limit.clamp(1, PAGE).into());
    from.read(statement).await?.iter().map(read).collect()
}

/// Reads up to `limit` events behind a sequence number, in the order of the numbers.
///
/// At most 1,000 rows; a limit of 0 counts as 1.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn after(from: impl Source, seq: i64, limit: u16) -> Result<Vec<AuditEvent>, StoreError> {
    let sql = "SELECT * FROM audit_events WHERE seq > $1 ORDER BY seq LIMIT $2";
    let statement = Statement::new(TABLE, sql).int(seq).int(limit.clamp(1, PAGE).into());
    from.read(statement).await?.iter().map(read).collect()
}

pub(crate) fn values(statement: Statement, event: &NewAuditEvent) -> Statement {
    statement
        .int(event.at.0)
        .text(event.actor.as_str())
        .text(event.action.as_str())
        .key(event.target.as_str())
        .text(event.detail.as_str())
        .count_or_null(event.journal.map(|position| position.0))
}

fn read(row: &Row) -> Result<AuditEvent, StoreError> {
    Ok(AuditEvent {
        seq: row.int("seq")?,
        at: UnixTime(row.int("at")?),
        actor: row.text("actor")?,
        action: row.parsed("action")?,
        target: row.text("target")?,
        detail: row.text("detail")?,
        journal: row.count_or_null("journal")?.map(JournalPosition),
    })
}

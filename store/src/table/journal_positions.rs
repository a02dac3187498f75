//! How far each ring's journal was taken over.

use model::{JournalPosition, RingName};

use crate::StoreError;
use crate::engine::Statement;
use crate::tx::{Source, Tx, one};

const TABLE: &str = "journal_positions";

/// Gets the first position that was not taken over; 0 for a ring that was never read.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn get(from: impl Source, ring: &RingName) -> Result<JournalPosition, StoreError> {
    let sql = "SELECT position FROM journal_positions WHERE ring = $1";
    let row = one(from, Statement::new(TABLE, sql).text(ring.as_str())).await?;
    row.map_or(Ok(0), |row| row.count("position")).map(JournalPosition)
}

/// Advances a ring's position if it still is `expected`.
///
/// # Errors
/// [`StoreError::Conflict`] if it is another by now; [`StoreError::Malformed`] if `next` is below
/// `expected`.
pub async fn advance(
    tx: &mut Tx,
    ring: &RingName,
    expected: JournalPosition,
    next: JournalPosition,
) -> Result<(), StoreError> {
    if next < expected {
        return Err(StoreError::Malformed("a journal position never goes back"));
    }
    let start = "INSERT INTO journal_positions (ring, position) VALUES ($1, 0)
                 ON CONFLICT DO NOTHING";
    tx.execute(Statement::new(TABLE, start).text(ring.as_str())).await?;
    let sql = "UPDATE journal_positions SET position = $1 WHERE ring = $2 AND position = $3";
    let statement = Statement::new(TABLE, sql).count(next.0).text(ring.as_str()).count(expected.0);
    tx.change_one(statement, StoreError::Conflict).await
}

//! Leases: work that only one server may do at a time.

use model::UnixTime;

use crate::StoreError;
use crate::engine::Statement;
use crate::tx::{Source, Tx, one};

const TABLE: &str = "leases";

/// Takes a lease that is free, over, or the holder's own, for `ttl` seconds; tells whether it did.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn try_acquire(
    tx: &mut Tx,
    name: &str,
    holder: &str,
    now: UnixTime,
    ttl: u32,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO leases (name, holder, expires_at) VALUES ($1, $2, $3)
               ON CONFLICT (name) DO UPDATE
               SET holder = excluded.holder, expires_at = excluded.expires_at
               WHERE leases.expires_at <= $4 OR leases.holder = excluded.holder";
    let statement = Statement::new(TABLE, sql)
        .key(name)
        .text(holder)
        .int(now.plus_seconds(ttl.into()).0)
        .int(now.0);
    Ok(tx.execute(statement).await? > 0)
}

/// Prolongs the holder's lease to `ttl` seconds from now.
///
/// # Errors
/// [`StoreError::Conflict`] if it is over or another's: the work must stop.
pub async fn renew(
    tx: &mut Tx,
    name: &str,
    holder: &str,
    now: UnixTime,
    ttl: u32,
) -> Result<(), StoreError> {
    let sql = "UPDATE leases SET expires_at = $1
               WHERE name = $2 AND holder = $3 AND expires_at > $4";
    let statement = Statement::new(TABLE, sql)
        .int(now.plus_seconds(ttl.into()).0)
        .key(name)
        .text(holder)
        .int(now.0);
    tx.change_one(statement, StoreError::Conflict).await
}

/// Gives the holder's lease back; does nothing if it is another's.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn release(tx: &mut Tx, name: &str, holder: &str) -> Result<(), StoreError> {
    let statement = Statement::new(TABLE, "DELETE FROM leases WHERE name = $1 AND holder = $2");
    tx.execute(statement.key(name).text(holder)).await.map(drop)
}

/// Ends all leases of others: for a database that has one server, whose predecessor may have been
/// killed with leases in its hands.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn end_others(tx: &mut Tx, holder: &str) -> Result<(), StoreError> {
    let statement = Statement::new(TABLE, "DELETE FROM leases WHERE holder <> $1");
    tx.execute(statement.text(holder)).await.map(drop)
}

/// Counts the leases that are in force whose names begin with `prefix`, a text of letters and
/// slashes.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn count_live(from: impl Source, prefix: &str, now: UnixTime) -> Result<u64, StoreError> {
    let sql = "SELECT COUNT(*) AS live FROM leases WHERE name LIKE $1 AND expires_at > $2";
    let statement = Statement::new(TABLE, sql).text(format!("{prefix}%")).int(now.0);
    one(from, statement).await?.map_or(Ok(0), |row| row.count("live"))
}

//! Keys by which clients repeat a request without repeating its effect.

use model::{ApiToken, Id, UnixTime};

use crate::engine::{Row, Statement};
use crate::tx::{Source, Tx, one};
use crate::{IdempotencyEntry, StoreError};

const TABLE: &str = "idempotency";

/// Gets what the token's key stands for.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn get(
    from: impl Source,
    token: Id<ApiToken>,
    key: &str,
) -> Result<Option<IdempotencyEntry>, StoreError> {
    let statement =
        Statement::new(TABLE, "SELECT * FROM idempotency WHERE token = $1 AND key = $2");
    let statement = statement.text(token.to_string()).key(key);
    one(from, statement).await?.as_ref().map(read).transpose()
}

/// Forgets the entries made before the time and counts them.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn expire(tx: &mut Tx, before: UnixTime) -> Result<u64, StoreError> {
    let statement = Statement::new(TABLE, "DELETE FROM idempotency WHERE created_at < $1");
    tx.execute(statement.int(before.0)).await
}

/// Inserts an entry, or finds it there with the same meaning.
pub(crate) async fn insert_same(tx: &mut Tx, entry: &IdempotencyEntry) -> Result<(), StoreError> {
    let sql = "INSERT INTO idempotency (token, key, request_sha256, certificate, created_at)
               VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
    if tx.execute(values(Statement::new(TABLE, sql), entry)).await? > 0 {
        return Ok(());
    }
    let there = get(&mut *tx, entry.token, &entry.key).await?.ok_or(StoreError::Conflict)?;
    let same =
        (there.request_sha256, there.certificate) == (entry.request_sha256, entry.certificate);
    if same { Ok(()) } else { Err(StoreError::Conflict) }
}

pub(crate) fn values(statement: Statement, entry: &IdempotencyEntry) -> Statement {
    statement
        .text(entry.token.to_string())
        .key(entry.key.as_str())
        .bytes(entry.request_sha256)
        .text(entry.certificate.to_string())
        .int(entry.created_at.0)
}

fn read(row: &Row) -> Result<IdempotencyEntry, StoreError> {
    Ok(IdempotencyEntry {
        token: row.parsed("token")?,
        key: row.text("key")?,
        request_sha256: row.digest("request_sha256")?,
        certificate: row.parsed("certificate")?,
        created_at: UnixTime(row.int("created_at")?),
    })
}

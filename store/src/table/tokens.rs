//! API tokens, by digest.

use model::{ApiToken, Id, UnixTime};

use crate::StoreError;
use crate::engine::{Row, Statement};
use crate::tx::{Source, Tx, one};

const TABLE: &str = "api_tokens";

/// Inserts a token.
///
/// # Errors
/// [`StoreError::Conflict`] if its id or digest is there.
pub async fn insert(tx: &mut Tx, token: &ApiToken) -> Result<(), StoreError> {
    let sql = "INSERT INTO api_tokens (id, name, sha256, role, created_at, expires_at, revoked_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
    let statement = Statement::new(TABLE, sql)
        .text(token.id.to_string())
        .text(token.name.as_str())
        .bytes(token.sha256)
        .text(token.role.as_str())
        .int(token.created_at.0)
        .int_or_null(token.expires_at.map(|time| time.0))
        .int_or_null(token.revoked_at.map(|time| time.0));
    tx.change_one(statement, StoreError::Conflict).await
}

/// Finds a token by the SHA-256 of its text, good or not: see [`ApiToken::is_good`].
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn find_by_sha256(
    from: impl Source,
    sha256: &[u8; 32],
) -> Result<Option<ApiToken>, StoreError> {
    let statement = Statement::new(TABLE, "SELECT * FROM api_tokens WHERE sha256 = $1");
    one(from, statement.bytes(*sha256)).await?.as_ref().map(read).transpose()
}

/// Lists all tokens, oldest first.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn list(from: impl Source) -> Result<Vec<ApiToken>, StoreError> {
    let statement = Statement::new(TABLE, "SELECT * FROM api_tokens ORDER BY created_at, id");
    from.read(statement).await?.iter().map(read).collect()
}

/// Revokes a token; revoking it again keeps the first time.
///
/// # Errors
/// [`StoreError::NotFound`] if there is no such token.
pub async fn revoke(tx: &mut Tx, id: Id<ApiToken>, at: UnixTime) -> Result<(), StoreError> {
    let sql = "UPDATE api_tokens SET revoked_at = COALESCE(revoked_at, $1) WHERE id = $2";
    let statement = Statement::new(TABLE, sql).int(at.0).text(id.to_string());
    tx.change_one(statement, StoreError::NotFound).await
}

fn read(row: &Row) -> Result<ApiToken, StoreError> {
    Ok(ApiToken {
        id: row.parsed("id")?,
        name: row.text("name")?,
        sha256: row.digest("sha256")?,
        role: row.parsed("role")?,
        created_at: UnixTime(row.int("created_at")?),
        expires_at: row.int_or_null("expires_at")?.map(UnixTime),
        revoked_at: row.int_or_null("revoked_at")?.map(UnixTime),
    })
}

//! External account keys.

use model::{ExternalAccountKey, Id, UnixTime};

use super::lists;
use crate::StoreError;
use crate::engine::{Row, Statement};
use crate::tx::{Source, Tx, one};

const TABLE: &str = "acme_eab_keys";

/// Inserts a key.
///
/// # Errors
/// [`StoreError::Conflict`] if the id is taken.
pub async fn insert(tx: &mut Tx, key: &ExternalAccountKey) -> Result<(), StoreError> {
    let sql = "INSERT INTO acme_eab_keys (id, name, profile, names, sealed, max_accounts, accounts,
                   created_at, expires_at, revoked_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING";
    let statement = Statement::new(TABLE, sql)
        .text(key.id.to_string())
        .text(key.name.as_str())
        .text(key.profile.as_str())
        .text(lists::join(&key.names))
        .bytes(key.sealed.as_slice())
        .int_or_null(key.max_accounts)
        .int(key.accounts)
        .int(key.created_at.0)
        .int_or_null(key.expires_at.map(|at| at.0))
        .int_or_null(key.revoked_at.map(|at| at.0));
    tx.change_one(statement, StoreError::Conflict).await
}

/// Gets a key.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn get(
    from: impl Source,
    id: Id<ExternalAccountKey>,
) -> Result<Option<ExternalAccountKey>, StoreError> {
    let statement = Statement::new(TABLE, "SELECT * FROM acme_eab_keys WHERE id = $1");
    one(from, statement.text(id.to_string())).await?.as_ref().map(read).transpose()
}

/// Lists all keys, oldest first.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn list(from: impl Source) -> Result<Vec<ExternalAccountKey>, StoreError> {
    let statement = Statement::new(TABLE, "SELECT * FROM acme_eab_keys ORDER BY id");
    from.read(statement).await?.iter().map(read).collect()
}

/// Takes a key back.
///
/// # Errors
/// [`StoreError::Conflict`] if it was taken back before, [`StoreError::NotFound`] if there is no
/// such key.
pub async fn revoke(
    tx: &mut Tx,
    id: Id<ExternalAccountKey>,
    now: UnixTime,
) -> Result<(), StoreError> {
    let sql = "UPDATE acme_eab_keys SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL";
    if tx.execute(Statement::new(TABLE, sql).int(now.0).text(id.to_string())).await? > 0 {
        return Ok(());
    }
    let there = get(&mut *tx, id).await?;
    Err(there.map_or(StoreError::NotFound, |_| StoreError::Conflict))
}

fn read(row: &Row) -> Result<ExternalAccountKey, StoreError> {
    Ok(ExternalAccountKey {
        id: row.parsed("id")?,
        name: row.text("name")?,
        profile: row.parsed("profile")?,
        names: lists::split(&row.text("names")?).map(str::to_owned).collect(),
        sealed: row.bytes("sealed")?,
        max_accounts: row.int_or_null("max_accounts")?,
        accounts: row.int("accounts")?,
        created_at: UnixTime(row.int("created_at")?),
        expires_at: row.int_or_null("expires_at")?.map(UnixTime),
        revoked_at: row.int_or_null("revoked_at")?.map(UnixTime),
    })
}

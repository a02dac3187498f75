//! Accounts.

use model::{AcmeAccount, AcmeAccountState, ExternalBinding, Id, UnixTime};

use super::lists;
use crate::StoreError;
use crate::engine::{Row, Statement};
use crate::tx::{Source, Tx, one};

const TABLE: &str = "acme_accounts";

/// Inserts an account, and counts it at its external account key.
///
/// # Errors
/// [`StoreError::Conflict`] if the key has an account already; [`StoreError::NotFound`] if the
/// external account key is gone, over, or has no room.
pub async fn insert(tx: &mut Tx, account: &AcmeAccount) -> Result<(), StoreError> {
    if let Some(bound) = &account.external {
        let sql = "UPDATE acme_eab_keys SET accounts = accounts + 1
                   WHERE id = $1 AND revoked_at IS NULL
                     AND (expires_at IS NULL OR expires_at > $2)
                     AND (max_accounts IS NULL OR accounts < max_accounts)";
        let statement = Statement::new("acme_eab_keys", sql);
        let statement = statement.text(bound.key.to_string()).int(account.created_at.0);
        tx.change_one(statement, StoreError::NotFound).await?;
    }
    let sql = "INSERT INTO acme_accounts (id, thumbprint, jwk, state, state_at, contact,
                   terms_agreed_at, eab_key, eab_jws, created_at, revision)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING";
    let external = account.external.as_ref();
    let statement = Statement::new(TABLE, sql)
        .text(account.id.to_string())
        .bytes(account.thumbprint)
        .text(account.jwk.as_str())
        .text(account.state.as_str())
        .int_or_null(state_at(&account.state))
        .text(lists::join(&account.contact))
        .int_or_null(account.terms_agreed_at.map(|at| at.0))
        .text_or_null(external.map(|bound| bound.key.to_string()))
        .text_or_null(external.map(|bound| bound.jws.as_str()))
        .int(account.created_at.0)
        .int(account.revision);
    tx.change_one(statement, StoreError::Conflict).await
}

/// Gets an account by its id.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn get(
    from: impl Source,
    id: Id<AcmeAccount>,
) -> Result<Option<AcmeAccount>, StoreError> {
    let statement = Statement::new(TABLE, "SELECT * FROM acme_accounts WHERE id = $1");
    one(from, statement.text(id.to_string())).await?.as_ref().map(read).transpose()
}

/// Gets the account of a key.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn find_by_thumbprint(
    from: impl Source,
    thumbprint: &[u8; 32],
) -> Result<Option<AcmeAccount>, StoreError> {
    let statement = Statement::new(TABLE, "SELECT * FROM acme_accounts WHERE thumbprint = $1");
    one(from, statement.bytes(*thumbprint)).await?.as_ref().map(read).transpose()
}

/// Changes key, state, contact and terms if the account's revision still is `account.revision`,
/// and gives the new revision.
///
/// # Errors
/// [`StoreError::Conflict`] if it is another by now or the key has another account;
/// [`StoreError::NotFound`] if there is no such account.
pub async fn update(tx: &mut Tx, account: &AcmeAccount) -> Result<i64, StoreError> {
    let sql = "UPDATE acme_accounts
               SET thumbprint = $1, jwk = $2, state = $3, state_at = $4, contact = $5,
                   terms_agreed_at = $6, revision = revision + 1
               WHERE id = $7 AND revision = $8";
    let statement = Statement::new(TABLE, sql)
        .bytes(account.thumbprint)
        .text(account.jwk.as_str())
        .text(account.state.as_str())
        .int_or_null(state_at(&account.state))
        .text(lists::join(&account.contact))
        .int_or_null(account.terms_agreed_at.map(|at| at.0))
        .text(account.id.to_string())
        .int(account.revision);
    if tx.execute(statement).await? > 0 {
        return Ok(account.revision + 1);
    }
    let there = get(&mut *tx, account.id).await?;
    Err(there.map_or(StoreError::NotFound, |_| StoreError::Conflict))
}

const fn state_at(state: &AcmeAccountState) -> Option<i64> {
    match state {
        AcmeAccountState::Valid => None,
        AcmeAccountState::Deactivated { at } | AcmeAccountState::Revoked { at } => Some(at.0),
    }
}

fn read(row: &Row) -> Result<AcmeAccount, StoreError> {
    let at = row.int_or_null("state_at")?.map(UnixTime);
    let state = match (row.text("state")?.as_str(), at) {
        ("valid", None) => AcmeAccountState::Valid,
        ("deactivated", Some(at)) => AcmeAccountState::Deactivated { at },
        ("revoked", Some(at)) => AcmeAccountState::Revoked { at },
        _ => return Err(row.corrupt("state", "not a state with its time")),
    };
    let external = match (row.parsed_or_null("eab_key")?, row.text_or_null("eab_jws")?) {
        (Some(key), Some(jws)) => Some(ExternalBinding { key, jws }),
        (None, None) => None,
        _ => return Err(row.corrupt("eab_key", "without its other half")),
    };
    Ok(AcmeAccount {
        id: row.parsed("id")?,
        thumbprint: row.digest("thumbprint")?,
        jwk: row.text("jwk")?,
        state,
        contact: lists::split(&row.text("contact")?).map(str::to_owned).collect(),
        terms_agreed_at: row.int_or_null("terms_agreed_at")?.map(UnixTime),
        external,
        created_at: UnixTime(row.int("created_at")?),
        revision: row.int("revision")?,
    })
}

//! Nonces that were redeemed, where several servers share a database (docs/adr/0018).
//!
//! On PostgreSQL both tables are UNLOGGED: a crash of the database empties them, so that the secret
//! is another one and no nonce of before is good.

use model::UnixTime;

use crate::engine::{Statement, relax_durability};
use crate::tx::{Tx, one};
use crate::{Store, StoreError};

const TABLE: &str = "acme_nonces";
const EPOCHS: &str = "acme_nonce_epochs";

/// Gives the secret of the nonces that are good now; the proposed one if there is none.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn epoch(tx: &mut Tx, proposed: &[u8; 32]) -> Result<[u8; 32], StoreError> {
    let insert = "INSERT INTO acme_nonce_epochs (id, secret) VALUES (1, $1)
                  ON CONFLICT DO NOTHING";
    tx.execute(Statement::new(EPOCHS, insert).bytes(*proposed)).await?;
    let read = Statement::new(EPOCHS, "SELECT secret FROM acme_nonce_epochs WHERE id = 1");
    let row = one(&mut *tx, read).await?.ok_or(StoreError::NotFound)?;
    row.digest("secret")
}

/// Redeems a nonce of an epoch; tells whether it was good: not redeemed before, on any server, and
/// of the epoch that is.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn redeem(
    store: &Store,
    nonce: &[u8],
    epoch: &[u8; 32],
    expires_at: UnixTime,
) -> Result<bool, StoreError> {
    let (nonce, epoch) = (nonce.to_vec(), *epoch);
    store
        .write(move |tx| {
            Box::pin(async move {
                relax_durability(&mut tx.connection()).await?;
                let sql = "INSERT INTO acme_nonces (nonce, expires_at)
                           SELECT $1, $2 FROM acme_nonce_epochs WHERE id = 1 AND secret = $3
                           ON CONFLICT DO NOTHING";
                let statement =
                    Statement::new(TABLE, sql).bytes(nonce).int(expires_at.0).bytes(epoch);
                Ok(tx.execute(statement).await? > 0)
            })
        })
        .await
}

/// Forgets nonces that are over and counts them.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn expire(tx: &mut Tx, now: UnixTime) -> Result<u64, StoreError> {
    let statement = Statement::new(TABLE, "DELETE FROM acme_nonces WHERE expires_at <= $1");
    tx.execute(statement.int(now.0)).await
}

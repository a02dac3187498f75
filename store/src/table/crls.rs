//! Each issuer's latest CRL.

use model::{Id, Issuer, UnixTime};
use x509::CrlDer;

use crate::StoreError;
use crate::engine::{Row, Statement};
use crate::tx::{Source, Tx, one};

const TABLE: &str = "crls";

/// Is a CRL with what is asked of it most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCrl {
    /// Number and times.
    pub meta: CrlMeta,
    /// The CRL.
    pub der: CrlDer,
}

/// Is what a CRL says of itself (RFC 5280 §5.1.2, §5.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrlMeta {
    /// The CRL number.
    pub number: u64,
    /// The time of its making.
    pub this_update: UnixTime,
    /// The time by which the next one is there.
    pub next_update: UnixTime,
}

/// Puts a CRL in the place of one with a lower number.
///
/// # Errors
/// [`StoreError::Conflict`] if the stored one has the same or a higher number, or the issuer is
/// unknown.
pub async fn put(tx: &mut Tx, issuer: Id<Issuer>, crl: &StoredCrl) -> Result<(), StoreError> {
    let sql = "INSERT INTO crls (issuer, number, this_update, next_update, der)
               VALUES ($1, $2, $3, $4, $5)
               ON CONFLICT (issuer) DO UPDATE
               SET number = excluded.number, this_update = excluded.this_update,
                   next_update = excluded.next_update, der = excluded.der
               WHERE crls.number < excluded.number";
    let statement = Statement::new(TABLE, sql)
        .text(issuer.to_string())
        .count(crl.meta.number)
        .int(crl.meta.this_update.0)
        .int(crl.meta.next_update.0)
        .bytes(crl.der.as_bytes());
    tx.change_one(statement, StoreError::Conflict).await
}

/// Gets an issuer's latest CRL.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn latest(
    from: impl Source,
    issuer: Id<Issuer>,
) -> Result<Option<StoredCrl>, StoreError> {
    let sql = "SELECT number, this_update, next_update, der FROM crls WHERE issuer = $1";
    // Tens of megabytes at worst: no look-up.
    let row =
        from.read(Statement::new(TABLE, sql).text(issuer.to_string())).await?.into_iter().next();
    let read = |row: Row| {
        Ok(StoredCrl { meta: read_meta(&row)?, der: CrlDer::from_vec(row.bytes("der")?) })
    };
    row.map(read).transpose()
}

/// Gets what an issuer's latest CRL says of itself, without its bytes.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn latest_meta(
    from: impl Source,
    issuer: Id<Issuer>,
) -> Result<Option<CrlMeta>, StoreError> {
    let sql = "SELECT number, this_update, next_update FROM crls WHERE issuer = $1";
    let row = one(from, Statement::new(TABLE, sql).text(issuer.to_string())).await?;
    row.as_ref().map(read_meta).transpose()
}

fn read_meta(row: &Row) -> Result<CrlMeta, StoreError> {
    Ok(CrlMeta {
        number: row.count("number")?,
        this_update: UnixTime(row.int("this_update")?),
        next_update: UnixTime(row.int("next_update")?),
    })
}

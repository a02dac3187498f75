//! The inventory of certificates.

mod claims;
pub(crate) mod counts;
mod cursor;
mod list;
pub(crate) mod names;
mod row;
pub(crate) mod status;

use model::{CertificateStatus, Id, IssuedCertificate, Issuer};
use x509::Serial;

pub use claims::{Claim, Place, claims, drop_orphaned_names};
pub use counts::{Counts, count_by_state};
pub use cursor::{Cursor, CursorError};
pub use list::{Filter, NameFilter, Page, list};

#[cfg(test)]
pub(crate) use list::explain;

use crate::StoreError;
use crate::engine::Statement;
use crate::tx::{Source, Tx, one};

const TABLE: &str = "certificates";

/// Gets a certificate by its id.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn get(
    from: impl Source,
    id: Id<IssuedCertificate>,
) -> Result<Option<IssuedCertificate>, StoreError> {
    let statement = Statement::new(TABLE, "SELECT * FROM certificates WHERE id = $1");
    one(from, statement.text(id.to_string())).await?.as_ref().map(row::read).transpose()
}

/// Gets the certificate that the issuer gave the serial number.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn get_by_serial(
    from: impl Source,
    issuer: Id<Issuer>,
    serial: Serial,
) -> Result<Option<IssuedCertificate>, StoreError> {
    let sql = "SELECT * FROM certificates WHERE serial = $1 AND issuer = $2";
    let statement = Statement::new(TABLE, sql).bytes(serial.as_bytes()).text(issuer.to_string());
    one(from, statement).await?.as_ref().map(row::read).transpose()
}

/// Gets the newest certificate that the issuer gave a key, by the SHA-256 of the key's
/// SubjectPublicKeyInfo. It walks the issuer's certificates: for CAs that sign CAs, which sign few.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn newest_for_key(
    from: impl Source,
    issuer: Id<Issuer>,
    spki_sha256: [u8; 32],
) -> Result<Option<IssuedCertificate>, StoreError> {
    let sql = "SELECT * FROM certificates WHERE issuer = $1 AND spki_sha256 = $2
               ORDER BY journal DESC, seq DESC LIMIT 1";
    let statement = Statement::new(TABLE, sql).text(issuer.to_string()).bytes(spki_sha256);
    one(from, statement).await?.as_ref().map(row::read).transpose()
}

/// Changes a certificate's status if it still is `from`.
///
/// # Errors
/// [`StoreError::Conflict`] if it is another by now, [`StoreError::NotFound`] if there is no such
/// certificate.
pub async fn set_status(
    tx: &mut Tx,
    id: Id<IssuedCertificate>,
    from: &CertificateStatus,
    to: &CertificateStatus,
) -> Result<(), StoreError> {
    let (old, new) = (status::columns(from), status::columns(to));
    let sql = "UPDATE certificates
               SET status = $1, status_at = $2, reason = $3, invalidity = $4
               WHERE id = $5 AND status = $6 AND COALESCE(status_at, -1) = COALESCE($7, -1)
               RETURNING issuer, not_after";
    let statement = Statement::new(TABLE, sql)
        .int(new.code)
        .int_or_null(new.at)
        .int_or_null(new.reason)
        .int_or_null(new.invalidity)
        .text(id.to_string())
        .int(old.code)
        .int_or_null(old.at);
    let changed = tx.rows(statement).await?;
    let Some(row) = changed.first() else {
        let there = get(&mut *tx, id).await?;
        return Err(there.map_or(StoreError::NotFound, |_| StoreError::Conflict));
    };
    counts::shift(tx, &row.text("issuer")?, row.int("not_after")?, (old.code, new.code)).await
}

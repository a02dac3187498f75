//! Certificates that a CA issued before it was adopted.

use std::collections::BTreeMap;

use model::{Id, IssuedCertificate, Issuer, RingName};
use x509::Serial;

use crate::StoreError;
use crate::bulk::{Insert, Texts, pieces};
use crate::engine::Statement;
use crate::issued::{CERTIFICATES, COUNTS, certificate_row};
use crate::table::certificates::{counts, get_by_serial, names};
use crate::tx::Tx;

const NAMES: Insert = Insert {
    table: "certificate_names",
    columns: "certificate, name_reversed",
    tail: "ON CONFLICT DO NOTHING",
};

/// Records certificates of which only serial, end and status are known; those that are there stay
/// as they are. Gives how many were not there.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn record_adopted(
    tx: &mut Tx,
    ring: &RingName,
    adopted: &[IssuedCertificate],
) -> Result<u64, StoreError> {
    let mut texts = Texts::new(tx.engine());
    let mut totals = BTreeMap::<_, i64>::new();
    let mut fresh = 0;
    for piece in pieces(adopted) {
        let statement = texts.statement(&CERTIFICATES, piece.len());
        let values = |statement, certificate| certificate_row(statement, certificate, ring);
        let mut new = std::collections::BTreeSet::new();
        for row in tx.rows(piece.iter().fold(statement, values)).await? {
            new.insert(row.text("id")?);
        }
        for certificate in piece.iter().filter(|one| new.contains(&one.id.to_string())) {
            *totals.entry(counts::bucket(certificate)).or_default() += 1;
            fresh += 1;
        }
    }
    let totals: Vec<_> = totals.into_iter().collect();
    for piece in pieces(&totals) {
        let statement = texts.statement(&COUNTS, piece.len());
        tx.execute(piece.iter().fold(statement, counts::values)).await?;
    }
    Ok(fresh)
}

/// Is what a certificate says besides what was known of it.
#[derive(Debug, Clone)]
pub struct AdoptedContent {
    /// The subject as RFC 4514 text.
    pub subject: String,
    /// The names for search.
    pub names: Vec<String>,
    /// The first second of its validity.
    pub not_before: i64,
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub spki_sha256: [u8; 32],
    /// The certificate.
    pub der: Vec<u8>,
}

/// Puts the certificate itself to what was known of it alone; one that is there stays. Gives
/// whether it was put there; none for a serial number that is not known.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn complete_adopted(
    tx: &mut Tx,
    issuer: Id<Issuer>,
    serial: Serial,
    content: &AdoptedContent,
) -> Result<Option<bool>, StoreError> {
    let sql = "UPDATE certificates
               SET subject = $1, names = $2, not_before = $3, spki_sha256 = $4, der = $5
               WHERE serial = $6 AND issuer = $7 AND LENGTH(der) = 0
               RETURNING seq";
    let statement = Statement::new("certificates", sql)
        .text(content.subject.as_str())
        .text(names::join(&content.names))
        .int(content.not_before)
        .bytes(content.spki_sha256)
        .bytes(content.der.as_slice())
        .bytes(serial.as_bytes())
        .text(issuer.to_string());
    let rows = tx.rows(statement).await?;
    let Some(row) = rows.first() else {
        let there = get_by_serial(&mut *tx, issuer, serial).await?;
        return Ok(there.map(|_| false));
    };
    let seq = row.int("seq")?;
    let mut texts = Texts::new(tx.engine());
    let keys: std::collections::BTreeSet<String> =
        content.names.iter().map(|name| names::search_key(name)).collect();
    let keys: Vec<String> = keys.into_iter().collect();
    for piece in pieces(&keys) {
        let statement = texts.statement(&NAMES, piece.len());
        let values = |statement: Statement, key: &String| statement.int(seq).text(key.as_str());
        tx.execute(piece.iter().fold(statement, values)).await?;
    }
    Ok(Some(true))
}

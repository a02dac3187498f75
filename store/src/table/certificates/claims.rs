//! What rows claim of the signer's journal, in the journal's order.

use model::RingName;

use super::TABLE;
use crate::StoreError;
use crate::engine::{Row, Statement};
use crate::tx::{Source, Tx};

/// Rows that are read at a time at most.
const PAGE: u16 = 1000;

/// Is what a row says, as it stands there: whoever compares takes nothing for granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its place among rows of the same position.
    seq: i64,
    /// The certificate's id.
    pub id: String,
    /// The issuer's id.
    pub issuer: String,
    /// The serial number, unsigned.
    pub serial: Vec<u8>,
    /// The ring in whose journal it says to be.
    pub ring: String,
    /// Its position there; below zero in no honest row.
    pub journal: i64,
    /// The certificate.
    pub der: Vec<u8>,
}

/// Is a place in the journal's order, from which reading goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    journal: i64,
    seq: i64,
}

impl Place {
    /// Is before every row.
    pub const START: Self = Self::before(i64::MIN);

    /// Is before the rows of a position.
    #[must_use]
    pub const fn before(journal: i64) -> Self {
        Self { journal, seq: i64::MIN }
    }
}

impl Claim {
    /// Gives the place of this row.
    #[must_use]
    pub const fn place(&self) -> Place {
        Place { journal: self.journal, seq: self.seq }
    }
}

/// Lists rows that say to be in a ring's journal, and rows that say another ring than their
/// issuer's, after a place whose position is below a bound, in the order of positions: at most
/// 1,000.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn claims(
    from: impl Source,
    ring: &RingName,
    after: Place,
    below: i64,
) -> Result<Vec<Claim>, StoreError> {
    let sql = "SELECT seq, id, issuer, serial, ring, journal, der FROM certificates
               WHERE (journal, seq) > ($1, $2) AND journal < $3
                   AND (ring = $4 OR NOT EXISTS (SELECT 1 FROM issuers
                        WHERE issuers.id = certificates.issuer
                            AND issuers.ring = certificates.ring))
               ORDER BY journal, seq LIMIT $5";
    let statement = Statement::new(TABLE, sql)
        .int(after.journal)
        .int(after.seq)
        .int(below)
        .text(ring.as_str())
        .int(PAGE.into());
    from.read(statement).await?.iter().map(read).collect()
}

/// Removes the names of rows that are gone, as somebody leaves them who deletes rows by hand: SQLite
/// gives their numbers to other rows, which the names then stand in the way of.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn drop_orphaned_names(tx: &mut Tx) -> Result<u64, StoreError> {
    let sql = "DELETE FROM certificate_names WHERE NOT EXISTS
               (SELECT 1 FROM certificates WHERE seq = certificate_names.certificate)";
    tx.execute(Statement::new("certificate_names", sql)).await
}

fn read(row: &Row) -> Result<Claim, StoreError> {
    Ok(Claim {
        seq: row.int("seq")?,
        id: row.text("id")?,
        issuer: row.text("issuer")?,
        serial: row.bytes("serial")?,
        ring: row.text("ring")?,
        journal: row.int("journal")?,
        der: row.bytes("der")?,
    })
}

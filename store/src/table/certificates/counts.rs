//! How many certificates there are, kept in step so that nothing is counted.

use std::collections::BTreeMap;

use model::{CertificateState, Id, IssuedCertificate, Issuer, UnixTime};

use super::status::{self, HELD, REVOKED, VALID};
use crate::StoreError;
use crate::engine::Statement;
use crate::tx::{Source, Tx};

const TABLE: &str = "certificate_counts";
const HOUR: i64 = 3600;

/// Ends an INSERT that adds to what is counted.
pub(crate) const ADD: &str = "ON CONFLICT (issuer, expiry_hour, status) \
                              DO UPDATE SET total = certificate_counts.total + excluded.total";

/// Is what certificates are counted by: issuer, hour of expiry, status.
pub(crate) type Bucket = (String, i64, i64);

pub(crate) fn bucket(certificate: &IssuedCertificate) -> Bucket {
    let hour = certificate.not_after.0.div_euclid(HOUR);
    (certificate.issuer.to_string(), hour, status::columns(&certificate.status).code)
}

pub(crate) fn values(statement: Statement, (bucket, total): &(Bucket, i64)) -> Statement {
    statement.text(bucket.0.as_str()).int(bucket.1).int(bucket.2).int(*total)
}

/// Moves one certificate from one status to another.
pub(super) async fn shift(
    tx: &mut Tx,
    issuer: &str,
    not_after: i64,
    (from, to): (i64, i64),
) -> Result<(), StoreError> {
    const SHIFT: &str = "INSERT INTO certificate_counts (issuer, expiry_hour, status, total)
         VALUES ($1, $2, $3, $4), ($1, $2, $5, $6)
         ON CONFLICT (issuer, expiry_hour, status)
         DO UPDATE SET total = certificate_counts.total + excluded.total";
    if from == to {
        return Ok(());
    }
    // The lower status first: rows are locked in one order everywhere.
    let mut moves = [(from, -1), (to, 1)];
    moves.sort_unstable();
    let mut statement = Statement::new(TABLE, SHIFT).text(issuer).int(not_after.div_euclid(HOUR));
    for (status, total) in moves {
        statement = statement.int(status).int(total);
    }
    tx.execute(statement).await.map(drop)
}

/// Counts an issuer's certificates by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Valid and not expired.
    pub valid: u64,
    /// On hold.
    pub held: u64,
    /// Revoked.
    pub revoked: u64,
    /// Expired without being held or revoked.
    pub expired: u64,
}

impl Counts {
    /// Gives the count for a state.
    #[must_use]
    pub const fn of(&self, state: CertificateState) -> u64 {
        match state {
            CertificateState::Valid => self.valid,
            CertificateState::Held => self.held,
            CertificateState::Revoked => self.revoked,
            CertificateState::Expired => self.expired,
        }
    }
}

/// Counts certificates by issuer and state; cheap at any size.
///
/// Expiry is counted by the hour: what expires in the current hour still counts as valid.
///
/// # Errors
/// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
pub async fn count_by_state(
    from: impl Source,
    now: UnixTime,
) -> Result<BTreeMap<Id<Issuer>, Counts>, StoreError> {
    let sql = "SELECT issuer, status,
                   CAST(SUM(total) AS BIGINT) AS total,
                   CAST(SUM(CASE WHEN expiry_hour < $1 THEN total ELSE 0 END) AS BIGINT) AS expired
               FROM certificate_counts GROUP BY issuer, status";
    let statement = Statement::new(TABLE, sql).int(now.0.div_euclid(HOUR));
    let mut counts = BTreeMap::<_, Counts>::new();
    for row in from.read(statement).await? {
        let of = counts.entry(row.parsed("issuer")?).or_default();
        let total = row.count("total")?;
        match row.int("status")? {
            VALID => {
                of.expired = row.count("expired")?;
                of.valid = total.saturating_sub(of.expired);
            }
            HELD => of.held = total,
            REVOKED => of.revoked = total,
            _ => return Err(row.corrupt("status", "neither valid, held nor revoked")),
        }
    }
    Ok(counts)
}

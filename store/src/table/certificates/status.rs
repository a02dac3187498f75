//! A status as columns.

use model::{CertificateStatus, UnixTime};
use x509::CrlReason;

use crate::StoreError;
use crate::engine::Row;

pub(crate) const VALID: i64 = 0;
pub(crate) const HELD: i64 = 1;
pub(crate) const REVOKED: i64 = 2;

/// Is a status in its columns.
pub(crate) struct Columns {
    pub(crate) code: i64,
    pub(crate) at: Option<i64>,
    pub(crate) reason: Option<i64>,
    pub(crate) invalidity: Option<i64>,
}

pub(crate) fn columns(status: &CertificateStatus) -> Columns {
    match *status {
        CertificateStatus::Valid => {
            Columns { code: VALID, at: None, reason: None, invalidity: None }
        }
        CertificateStatus::Held { since } => {
            Columns { code: HELD, at: Some(since.0), reason: None, invalidity: None }
        }
        CertificateStatus::Revoked { at, reason, invalidity } => Columns {
            code: REVOKED,
            at: Some(at.0),
            reason: Some(i64::from(reason.code())),
            invalidity: invalidity.map(|time| time.0),
        },
    }
}

pub(super) fn read(row: &Row) -> Result<CertificateStatus, StoreError> {
    let at = || row.int("status_at").map(UnixTime);
    match row.int("status")? {
        VALID => Ok(CertificateStatus::Valid),
        HELD => Ok(CertificateStatus::Held { since: at()? }),
        REVOKED => {
            let reason = u8::try_from(row.int("reason")?)
                .ok()
                .and_then(CrlReason::from_code)
                .ok_or_else(|| row.corrupt("reason", "no reason of RFC 5280 §5.3.1"))?;
            let invalidity = row.int_or_null("invalidity")?.map(UnixTime);
            Ok(CertificateStatus::Revoked { at: at()?, reason, invalidity })
        }
        _ => Err(row.corrupt("status", "neither valid, held nor revoked")),
    }
}

//! A row as a certificate.

use model::{IssuedCertificate, JournalPosition, UnixTime};
use x509::{CertificateDer, Serial};

use super::{names, status};
use crate::StoreError;
use crate::engine::Row;

pub(super) fn read(row: &Row) -> Result<IssuedCertificate, StoreError> {
    let serial = row.bytes("serial")?;
    Ok(IssuedCertificate {
        id: row.parsed("id")?,
        issuer: row.parsed("issuer")?,
        serial: Serial::from_unsigned(&serial).map_err(|error| row.corrupt("serial", error))?,
        profile: row.parsed("profile")?,
        subject: row.text("subject")?,
        names: names::split(&row.text("names")?),
        not_before: UnixTime(row.int("not_before")?),
        not_after: UnixTime(row.int("not_after")?),
        spki_sha256: row.digest("spki_sha256")?,
        der: CertificateDer::from_vec(row.bytes("der")?),
        status: status::read(row)?,
        journal: JournalPosition(row.count("journal")?),
        requested_by: row.text("requested_by")?,
        created_at: UnixTime(row.int("created_at")?),
        replaces: row.parsed_or_null("replaces")?,
    })
}

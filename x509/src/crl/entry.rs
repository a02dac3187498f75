//! Entries of revokedCertificates (RFC 5280 §5.1.2.6, §5.3).

use super::CrlReason;
use crate::extension::parse_raw_list;
use crate::reader::{Parser, tag};
use crate::{DerError, ExtensionValue, Serial, UnixTime, oids};

/// A certificate that is no longer good.
///
/// ```text
/// SEQUENCE {
///     userCertificate    CertificateSerialNumber,
///     revocationDate     Time,
///     crlEntryExtensions Extensions OPTIONAL }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RevokedEntry {
    /// The certificate's serial number.
    pub serial: Serial,
    /// When it was revoked.
    pub revoked_at: UnixTime,
    /// Why; `Unspecified` is written as absent (RFC 5280 §5.3.1).
    pub reason: Option<CrlReason>,
    /// Since when it is known or suspected to be invalid (RFC 5280 §5.3.2).
    pub invalidity: Option<UnixTime>,
}

impl RevokedEntry {
    /// Reads the fields of an entry.
    pub(super) fn parse(mut fields: Parser<'_>) -> Result<Self, DerError> {
        let serial = Serial::from_integer_content(fields.value(tag::INTEGER, "userCertificate")?)?;
        let revoked_at = fields.time("revocationDate")?;
        let mut entry = Self { serial, revoked_at, reason: None, invalidity: None };
        if !fields.is_empty() {
            let list = parse_raw_list(fields.sequence("crlEntryExtensions")?)?;
            for raw in &list {
                entry.take_extension(ExtensionValue::parse(raw.oid, raw.value)?, raw.critical)?;
            }
        }
        fields.finish()?;
        Ok(entry)
    }

    fn take_extension(&mut self, value: ExtensionValue, critical: bool) -> Result<(), DerError> {
        // RFC 5280 §5.3.1, §5.3.2: both are non-critical.
        if critical {
            return Err(DerError::Unsupported { what: "a critical CRL entry extension" });
        }
        match value {
            ExtensionValue::ReasonCode(CrlReason::Unspecified) => {
                Err(DerError::field("CRLReason", "unspecified is to be absent"))
            }
            ExtensionValue::ReasonCode(reason) => {
                self.reason = Some(reason);
                Ok(())
            }
            ExtensionValue::InvalidityDate(time) => {
                self.invalidity = Some(time);
                Ok(())
            }
            other if other.oid() == oids::EXT_CERTIFICATE_ISSUER => {
                Err(DerError::Unsupported { what: "an indirect CRL" })
            }
            _ => Err(DerError::Unsupported { what: "this CRL entry extension" }),
        }
    }

    /// Gives the reason as it is written: never `Unspecified`.
    pub(super) fn written_reason(&self) -> Option<CrlReason> {
        self.reason.filter(|reason| *reason != CrlReason::Unspecified)
    }
}

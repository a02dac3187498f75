//! CRLs of other CAs, read leniently: what a CA said last, before it is taken over.

use crate::reader::{self, Parser, only, tag};
use crate::{
    CrlReason, DerError, Name, PublicKey, Serial, Signature, SignatureScheme, UnixTime,
    VerifyError, oids,
};

/// The most octets that a CRL may have.
const MAX_CRL: usize = 192 * 1024 * 1024;

/// An entry of a foreign CRL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignEntry {
    /// Which certificate.
    pub serial: Serial,
    /// When it was revoked.
    pub revoked_at: UnixTime,
    /// Why, if it is told.
    pub reason: Option<CrlReason>,
    /// Since when the key is believed to be known to others (RFC 5280 §5.3.2).
    pub invalidity: Option<UnixTime>,
}

/// A CRL that somebody else made, of version 1 or 2.
///
/// DER headers, names and times must be right. A delta CRL, an indirect one and one of a part of
/// all certificates are refused: they do not tell all that is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignCrl {
    tbs: Vec<u8>,
    scheme: Option<SignatureScheme>,
    signature: Signature,
    issuer: Name,
    this_update: UnixTime,
    number: Option<u64>,
    entries: Vec<ForeignEntry>,
}

impl ForeignCrl {
    /// Parses leniently.
    ///
    /// # Errors
    /// [`DerError`].
    pub fn parse(der: &[u8]) -> Result<Self, DerError> {
        if der.len() > MAX_CRL {
            return Err(DerError::TooLarge { limit: MAX_CRL });
        }
        let names = ["CertificateList", "tbsCertList", "signatureValue"];
        let (tbs, algorithm, signature) = reader::signed(der, names)?;
        let mut fields = only(tbs, tag::SEQUENCE, "TBSCertList")?;
        fields.optional(tag::INTEGER)?;
        fields.sequence_der("signature")?;
        let issuer = Name::parse(fields.sequence_der("issuer")?)?;
        let this_update = fields.time("thisUpdate")?;
        if matches!(fields.peek(), Some(tag::UTC_TIME | tag::GENERALIZED_TIME)) {
            fields.time("nextUpdate")?;
        }
        let mut entries = Vec::new();
        if let Some(list) = fields.optional(tag::SEQUENCE)? {
            let mut list = Parser::new(list);
            while !list.is_empty() {
                entries.push(entry(list.sequence("revokedCertificates")?)?);
            }
        }
        let number = match fields.optional(tag::context_constructed(0))? {
            Some(content) => crl_number(content)?,
            None => None,
        };
        fields.finish()?;
        let scheme = SignatureScheme::from_algorithm_identifier(algorithm).ok();
        Ok(Self { tbs: tbs.to_vec(), scheme, signature, issuer, this_update, number, entries })
    }

    /// Verifies the signature; `None` if the algorithm is not one that we verify.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify_by(&self, issuer: &PublicKey) -> Option<Result<(), VerifyError>> {
        self.scheme
            .map(|scheme| issuer.verify(scheme.made_by(issuer.kind()), &self.tbs, &self.signature))
    }

    /// Gives the issuer's name.
    #[must_use]
    pub fn issuer(&self) -> &Name {
        &self.issuer
    }

    /// Tells when the CRL was issued.
    #[must_use]
    pub fn this_update(&self) -> UnixTime {
        self.this_update
    }

    /// Gives cRLNumber, if there is one.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.number
    }

    /// Gives what is revoked.
    #[must_use]
    pub fn entries(&self) -> &[ForeignEntry] {
        &self.entries
    }
}

fn entry(mut fields: Parser<'_>) -> Result<ForeignEntry, DerError> {
    let serial = Serial::from_integer_content(fields.value(tag::INTEGER, "userCertificate")?)?;
    let revoked_at = fields.time("revocationDate")?;
    let mut entry = ForeignEntry { serial, revoked_at, reason: None, invalidity: None };
    if let Some(list) = fields.optional(tag::SEQUENCE)? {
        each(Parser::new(list), |oid, value| {
            if oid == oids::EXT_REASON_CODE {
                let code = only_value(value, tag::ENUMERATED, "reasonCode")?;
                let code = reader::unsigned(code, "reasonCode")?;
                let reason = u8::try_from(code).ok().and_then(CrlReason::from_code);
                let unknown = DerError::field("reasonCode", "no reason of RFC 5280 §5.3.1");
                entry.reason = Some(reason.ok_or(unknown)?);
            } else if oid == oids::EXT_INVALIDITY_DATE {
                let mut value = Parser::new(value);
                entry.invalidity = Some(value.generalized_time("invalidityDate")?);
                value.finish()?;
            } else if oid == oids::EXT_CERTIFICATE_ISSUER {
                return Err(DerError::Unsupported { what: "an indirect CRL" });
            }
            Ok(())
        })?;
    }
    fields.finish()?;
    Ok(entry)
}

fn crl_number(content: &[u8]) -> Result<Option<u64>, DerError> {
    let mut list = Parser::new(content);
    let extensions = list.sequence("crlExtensions")?;
    list.finish()?;
    let mut number = None;
    each(extensions, |oid, value| {
        if oid == oids::EXT_CRL_NUMBER {
            let content = only_value(value, tag::INTEGER, "cRLNumber")?;
            number = Some(reader::unsigned(content, "cRLNumber")?);
        } else if oid == oids::EXT_DELTA_CRL_INDICATOR {
            return Err(DerError::Unsupported { what: "a delta CRL" });
        } else if oid == oids::EXT_ISSUING_DISTRIBUTION_POINT {
            return Err(DerError::Unsupported { what: "a CRL of a part of all certificates" });
        }
        Ok(())
    })?;
    Ok(number)
}

/// Goes over extensions: object identifier and value of each.
fn each<'a>(
    mut list: Parser<'a>,
    mut take: impl FnMut(crate::Oid, &'a [u8]) -> Result<(), DerError>,
) -> Result<(), DerError> {
    while !list.is_empty() {
        let mut extension = list.sequence("Extension")?;
        let oid = extension.oid("extnID")?;
        if extension.peek() == Some(tag::BOOLEAN) {
            extension.boolean("critical")?;
        }
        let value = extension.value(tag::OCTET_STRING, "extnValue")?;
        extension.finish()?;
        take(oid, value)?;
    }
    Ok(())
}

fn only_value<'a>(value: &'a [u8], tag: u8, path: &'static str) -> Result<&'a [u8], DerError> {
    let mut parser = Parser::new(value);
    let content = parser.value(tag, path)?;
    parser.finish()?;
    Ok(content)
}

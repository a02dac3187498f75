//! TBSCertificate (RFC 5280 §4.1.2), strict both ways.

use crate::reader::{Parser, only, tag};
use crate::writer::Writer;
use crate::{
    DerError, Extensions, Name, PublicKey, Serial, SignatureScheme, TbsCertificateDer, UnixTime,
};

/// The most octets that a TBSCertificate may have.
pub(crate) const MAX_TBS: usize = 32 * 1024;

/// What a certificate says, before it is signed; version 3 without unique identifiers.
///
/// ```text
/// TBSCertificate ::= SEQUENCE {
///     version              [0] Version DEFAULT v1,
///     serialNumber             CertificateSerialNumber,
///     signature                AlgorithmIdentifier,
///     issuer                   Name,
///     validity                 SEQUENCE { notBefore Time, notAfter Time },
///     subject                  Name,
///     subjectPublicKeyInfo     SubjectPublicKeyInfo,
///     extensions           [3] Extensions }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TbsCertificate {
    /// The serial number.
    pub serial: Serial,
    /// How the certificate will be signed.
    pub signature: SignatureScheme,
    /// The issuer's name; not empty.
    pub issuer: Name,
    /// The first second of validity.
    pub not_before: UnixTime,
    /// The last second of validity.
    pub not_after: UnixTime,
    /// The subject's name.
    pub subject: Name,
    /// The subject's key.
    pub public_key: PublicKey,
    /// The extensions; at least one.
    pub extensions: Extensions,
}

impl TbsCertificate {
    /// Parses strictly: what decodes must encode to the same bytes. At most 32 KiB.
    ///
    /// # Errors
    /// [`DerError`].
    pub fn parse(der: &[u8]) -> Result<Self, DerError> {
        if der.len() > MAX_TBS {
            return Err(DerError::TooLarge { limit: MAX_TBS });
        }
        let mut fields = only(der, tag::SEQUENCE, "TBSCertificate")?;
        let tbs = Self::parse_fields(&mut fields)?;
        fields.finish()?;
        if tbs.encode()?.as_bytes() != der {
            return Err(DerError::NonCanonical);
        }
        Ok(tbs)
    }

    fn parse_fields(fields: &mut Parser<'_>) -> Result<Self, DerError> {
        let mut version = fields.nested(tag::context_constructed(0), "version")?;
        if version.value(tag::INTEGER, "version")? != [2] {
            return Err(DerError::field("version", "not v3"));
        }
        version.finish()?;
        let serial = Serial::from_integer_content(fields.value(tag::INTEGER, "serialNumber")?)?;
        let signature =
            SignatureScheme::from_algorithm_identifier(fields.sequence_der("signature")?)?;
        let issuer = Name::parse(fields.sequence_der("issuer")?)?;
        let mut validity = fields.sequence("validity")?;
        let not_before = validity.time("notBefore")?;
        let not_after = validity.time("notAfter")?;
        validity.finish()?;
        let subject = Name::parse(fields.sequence_der("subject")?)?;
        let public_key = PublicKey::parse(fields.sequence_der("subjectPublicKeyInfo")?)?;
        // RFC 5280 §4.1.2.8: conforming CAs never write unique identifiers.
        if matches!(fields.peek(), Some(0x81 | 0x82)) {
            return Err(DerError::Unsupported {
                what: "a unique identifier",
            });
        }
        let mut explicit = fields.nested(tag::context_constructed(3), "extensions")?;
        let extensions = Extensions::parse(explicit.sequence("extensions")?)?;
        explicit.finish()?;
        Ok(Self {
            serial,
            signature,
            issuer,
            not_before,
            not_after,
            subject,
            public_key,
            extensions,
        })
    }

    /// Writes the DER: UTCTime through 2049, GeneralizedTime after (RFC 5280 §4.1.2.5).
    ///
    /// # Errors
    /// [`DerError`] for an empty issuer, a validity that ends before it begins or lies outside 1950
    /// to 9999, extensions that are empty or break their rules, more than 32 KiB.
    pub fn encode(&self) -> Result<TbsCertificateDer, DerError> {
        if self.issuer.is_empty() {
            // RFC 5280 §4.1.2.4: MUST be a non-empty distinguished name.
            return Err(DerError::field("issuer", "empty"));
        }
        if self.not_after < self.not_before {
            return Err(DerError::field("validity", "ends before it begins"));
        }
        let mut writer = Writer::with_capacity(2048);
        writer.raw(&[tag::context_constructed(0), 3, tag::INTEGER, 1, 2]);
        writer.serial(&self.serial);
        writer.raw(self.signature.algorithm_identifier());
        writer.raw(self.issuer.der().as_bytes());
        writer.sequence(|w| {
            w.time(self.not_before)?;
            w.time(self.not_after)
        })?;
        writer.raw(self.subject.der().as_bytes());
        writer.raw(self.public_key.spki().as_bytes());
        writer.nested(tag::context_constructed(3), |w| self.extensions.encode(w))?;
        let content = writer.finish();
        let mut writer = Writer::with_capacity(content.len() + 4);
        writer.value(tag::SEQUENCE, &content);
        let der = writer.finish();
        if der.len() > MAX_TBS {
            return Err(DerError::TooLarge { limit: MAX_TBS });
        }
        Ok(TbsCertificateDer::from_vec(der))
    }
}

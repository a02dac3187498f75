//! Certificates of other CAs: read leniently, deviations listed (RFC 5280 §4.1).

mod crl;
mod walk;

pub use crl::{ForeignCrl, ForeignEntry};

use core::fmt;

use crate::reader::{Parser, tag};
use crate::{
    BasicConstraints, Certificate, CertificateDer, DerError, Extension, ExtensionValue, Extensions,
    KeyUsage, Name, NameConstraints, PublicKey, Serial, Signature, SignatureScheme, UnixTime,
    VerifyError, pem, sha256,
};

/// The most octets that a foreign certificate may have.
const MAX_FOREIGN: usize = 64 * 1024;

/// A certificate that somebody else made; its bytes are kept as they are.
///
/// DER headers must be right and names, times and the key must be readable. All other departures
/// from what we would issue are listed as [`Deviation`]s, for a person to confirm on import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignCertificate {
    raw: CertificateDer,
    tbs: Vec<u8>,
    serial: Option<Serial>,
    serial_octets: Vec<u8>,
    issuer: Name,
    not_before: UnixTime,
    not_after: UnixTime,
    subject: Name,
    public_key: PublicKey,
    extensions: Extensions,
    scheme: Option<SignatureScheme>,
    signature: Signature,
    deviations: Vec<Deviation>,
}

/// One departure from what we would issue, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// The field's ASN.1 name, or the extension's object identifier.
    pub place: String,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl ForeignCertificate {
    /// Parses leniently.
    ///
    /// # Errors
    /// [`DerError`] if the bytes are not DER at all, or names, times or the key cannot be read.
    pub fn parse(der: &[u8]) -> Result<Self, DerError> {
        if der.len() > MAX_FOREIGN {
            return Err(DerError::TooLarge { limit: MAX_FOREIGN });
        }
        let mut certificate = walk::walk(der)?;
        // The walk names what it sees. The strict parser has the last word on what is missing.
        if certificate.deviations.is_empty()
            && let Err(error) = Certificate::parse(der)
        {
            certificate.note("Certificate", error.to_string());
        }
        Ok(certificate)
    }

    /// Reads a text with exactly one PEM block, a certificate.
    ///
    /// # Errors
    /// [`pem::PemError`].
    pub fn from_pem(text: &str) -> Result<Self, pem::PemError> {
        let der = pem::decode_one(text, pem::CERTIFICATE)?;
        Self::parse(&der).map_err(pem::PemError::Content)
    }

    /// Verifies the signature; names and validity are not looked at. An ECDSA issuer may have used
    /// any SHA-2 digest with its curve.
    ///
    /// # Errors
    /// [`VerifyError`]; `None` if the algorithm is not one that we verify.
    pub fn verify_by(&self, issuer: &PublicKey) -> Option<Result<(), VerifyError>> {
        self.scheme
            .map(|scheme| issuer.verify(scheme.made_by(issuer.kind()), &self.tbs, &self.signature))
    }

    /// Gives the certificate's bytes as they came.
    #[must_use]
    pub fn raw(&self) -> &CertificateDer {
        &self.raw
    }

    /// Gives the deviations; none if the certificate is one that we could have issued.
    #[must_use]
    pub fn deviations(&self) -> &[Deviation] {
        &self.deviations
    }

    /// Gives the serial number if it is one by RFC 5280.
    #[must_use]
    pub fn serial(&self) -> Option<Serial> {
        self.serial
    }

    /// Gives the content octets of the serial number as they came.
    #[must_use]
    pub fn serial_octets(&self) -> &[u8] {
        &self.serial_octets
    }

    /// Gives the issuer's name.
    #[must_use]
    pub fn issuer(&self) -> &Name {
        &self.issuer
    }

    /// Gives the subject's name, its DER as it came.
    #[must_use]
    pub fn subject(&self) -> &Name {
        &self.subject
    }

    /// Gives the first second of validity.
    #[must_use]
    pub fn not_before(&self) -> UnixTime {
        self.not_before
    }

    /// Gives the last second of validity.
    #[must_use]
    pub fn not_after(&self) -> UnixTime {
        self.not_after
    }

    /// Gives the subject's key.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Gives the extensions; those that cannot be read strictly are missing here and deviations.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Gives basicConstraints if present and readable.
    #[must_use]
    pub fn basic_constraints(&self) -> Option<&BasicConstraints> {
        self.extensions.basic_constraints()
    }

    /// Gives keyUsage if present and readable.
    #[must_use]
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.extensions.key_usage()
    }

    /// Gives nameConstraints if present and readable.
    #[must_use]
    pub fn name_constraints(&self) -> Option<&NameConstraints> {
        self.extensions.name_constraints()
    }

    /// Gives subjectKeyIdentifier if present and readable.
    #[must_use]
    pub fn subject_key_identifier(&self) -> Option<&[u8]> {
        self.extensions.subject_key_identifier()
    }

    /// Tells how the certificate is signed if the algorithm is one that we verify; for ECDSA only
    /// the issuer's key tells the curve ([`SignatureScheme::made_by`]), and this is the matched one.
    #[must_use]
    pub fn scheme(&self) -> Option<SignatureScheme> {
        self.scheme
    }

    /// Gives the fingerprint: SHA-256 over the bytes.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        sha256(self.raw.as_bytes())
    }

    fn note(&mut self, place: impl Into<String>, what: impl Into<String>) {
        self.deviations.push(Deviation { place: place.into(), what: what.into() });
    }
}

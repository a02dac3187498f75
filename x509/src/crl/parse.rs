//! Reads CertificateList strictly.

use super::RevokedEntry;
use super::encode::{Head, encode_parts};
use crate::reader::{Parser, only, tag};
use crate::writer::signed;
use crate::{
    CrlDer, DerError, Extensions, Name, PublicKey, Signature, SignatureScheme, TbsCertListDer,
    UnixTime, VerifyError, oids,
};

/// The most octets that a CRL may have: room for more than two million entries.
const MAX_CRL: usize = 192 * 1024 * 1024;

/// A parsed full CRL of version 2.
///
/// ```text
/// CertificateList ::= SEQUENCE {
///     tbsCertList        TBSCertList,
///     signatureAlgorithm AlgorithmIdentifier,
///     signatureValue     BIT STRING }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crl {
    tbs_der: TbsCertListDer,
    scheme: SignatureScheme,
    signature: Signature,
    issuer: Name,
    this_update: UnixTime,
    next_update: UnixTime,
    entries: Vec<RevokedEntry>,
    extensions: Extensions,
}

impl Crl {
    /// Parses strictly: what decodes must encode to the same bytes.
    ///
    /// # Errors
    /// [`DerError`]; delta and indirect CRLs, and CRLs without cRLNumber or
    /// authorityKeyIdentifier, are refused too.
    pub fn parse(der: &[u8]) -> Result<Self, DerError> {
        if der.len() > MAX_CRL {
            return Err(DerError::TooLarge { limit: MAX_CRL });
        }
        let mut outer = only(der, tag::SEQUENCE, "CertificateList")?;
        let tbs_der = outer.sequence_der("tbsCertList")?;
        let algorithm = outer.sequence_der("signatureAlgorithm")?;
        let signature = Signature::from_vec(outer.bit_string("signatureValue")?.to_vec());
        outer.finish()?;
        let mut crl = parse_tbs(tbs_der, signature)?;
        if algorithm != crl.scheme.algorithm_identifier() {
            return Err(DerError::field(
                "signatureAlgorithm",
                "differs from the one inside",
            ));
        }
        let head = Head {
            scheme: crl.scheme,
            issuer: &crl.issuer,
            this_update: crl.this_update,
            next_update: crl.next_update,
        };
        let again = encode_parts(&head, crl.entries.iter().copied(), &crl.extensions)?;
        if again.as_bytes() != tbs_der {
            return Err(DerError::NonCanonical);
        }
        crl.tbs_der = again;
        Ok(crl)
    }

    /// Puts a signature to a TBSCertList; the bytes are not looked at.
    #[must_use]
    pub fn assemble(
        tbs: &TbsCertListDer,
        scheme: SignatureScheme,
        signature: &Signature,
    ) -> CrlDer {
        let algorithm = scheme.algorithm_identifier();
        CrlDer::from_vec(signed(tbs.as_bytes(), algorithm, signature.as_bytes()))
    }

    /// Verifies the signature.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify_by(&self, issuer: &PublicKey) -> Result<(), VerifyError> {
        issuer.verify(self.scheme, self.tbs_der.as_bytes(), &self.signature)
    }

    /// Gives the bytes that are signed.
    #[must_use]
    pub fn tbs_der(&self) -> &TbsCertListDer {
        &self.tbs_der
    }

    /// Tells how the CRL is signed.
    #[must_use]
    pub fn scheme(&self) -> SignatureScheme {
        self.scheme
    }

    /// Gives the signature.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.signature
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

    /// Tells when the next one is due.
    #[must_use]
    pub fn next_update(&self) -> UnixTime {
        self.next_update
    }

    /// Gives the CRL's number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.extensions.crl_number().unwrap_or(0)
    }

    /// Gives the key identifier of authorityKeyIdentifier.
    #[must_use]
    pub fn authority_key_id(&self) -> &[u8] {
        self.extensions
            .authority_key_identifier()
            .and_then(|aki| aki.key_id.as_deref())
            .unwrap_or_default()
    }

    /// Gives the entries in their order.
    #[must_use]
    pub fn entries(&self) -> &[RevokedEntry] {
        &self.entries
    }

    /// Gives the CRL's extensions.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }
}

fn parse_tbs(tbs_der: &[u8], signature: Signature) -> Result<Crl, DerError> {
    let mut fields = only(tbs_der, tag::SEQUENCE, "TBSCertList")?;
    if fields.value(tag::INTEGER, "version")? != [1] {
        return Err(DerError::field("version", "not v2"));
    }
    let scheme = SignatureScheme::from_algorithm_identifier(fields.sequence_der("signature")?)?;
    let issuer = Name::parse(fields.sequence_der("issuer")?)?;
    let this_update = fields.time("thisUpdate")?;
    let next_update = fields.time("nextUpdate")?;
    let entries = match fields.optional(tag::SEQUENCE)? {
        Some(content) => parse_entries(Parser::new(content))?,
        None => Vec::new(),
    };
    let mut explicit = fields.nested(tag::context_constructed(0), "crlExtensions")?;
    fields.finish()?;
    let extensions = Extensions::parse(explicit.sequence("crlExtensions")?)?;
    explicit.finish()?;
    check_extensions(&extensions)?;
    let tbs_der = TbsCertListDer::from_vec(Vec::new());
    Ok(Crl {
        tbs_der,
        scheme,
        signature,
        issuer,
        this_update,
        next_update,
        entries,
        extensions,
    })
}

fn parse_entries(mut list: Parser<'_>) -> Result<Vec<RevokedEntry>, DerError> {
    if list.is_empty() {
        // RFC 5280 §5.1.2.6: absent when there are no revoked certificates.
        return Err(DerError::field("revokedCertificates", "empty"));
    }
    let mut entries = Vec::new();
    while !list.is_empty() {
        entries.push(RevokedEntry::parse(list.sequence("revokedCertificates")?)?);
    }
    Ok(entries)
}

fn check_extensions(extensions: &Extensions) -> Result<(), DerError> {
    if extensions.get(oids::EXT_DELTA_CRL_INDICATOR).is_some() {
        return Err(DerError::Unsupported {
            what: "a delta CRL",
        });
    }
    if extensions.crl_number().is_none() {
        return Err(DerError::field("CRLNumber", "missing"));
    }
    if extensions
        .authority_key_identifier()
        .is_none_or(|aki| aki.key_id.is_none())
    {
        return Err(DerError::field("AuthorityKeyIdentifier", "missing"));
    }
    let known = [
        oids::EXT_CRL_NUMBER,
        oids::EXT_AUTHORITY_KEY_IDENTIFIER,
        oids::EXT_ISSUING_DISTRIBUTION_POINT,
    ];
    if extensions
        .iter()
        .any(|extension| extension.critical && !known.contains(&extension.oid()))
    {
        return Err(DerError::Unsupported {
            what: "a critical CRL extension",
        });
    }
    Ok(())
}

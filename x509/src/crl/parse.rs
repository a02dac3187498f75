//! Reads CertificateList strictly.

use super::RevokedEntry;
use super::encode::{Head, encode_parts};
use crate::reader::{self, Parser, only, tag};
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
        let names = ["CertificateList", "tbsCertList", "signatureValue"];
        let (tbs_der, algorithm, signature) = reader::signed(der, names)?;
        let mut crl = parse_tbs(tbs_der, signature)?;
        if algorithm != crl.scheme.algorithm_identifier() {
            return Err(DerError::field("signatureAlgorithm", "differs from the one inside"));
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
    Ok(Crl { tbs_der, scheme, signature, issuer, this_update, next_update, entries, extensions })
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
        return Err(DerError::Unsupported { what: "a delta CRL" });
    }
    if extensions.crl_number().is_none() {
        return Err(DerError::field("CRLNumber", "missing"));
    }
    if extensions.authority_key_identifier().is_none_or(|aki| aki.key_id.is_none()) {
        return Err(DerError::field("AuthorityKeyIdentifier", "missing"));
    }
    let known = [
        oids::EXT_CRL_NUMBER,
        oids::EXT_AUTHORITY_KEY_IDENTIFIER,
        oids::EXT_ISSUING_DISTRIBUTION_POINT,
    ];
    if extensions.iter().any(|extension| extension.critical && !known.contains(&extension.oid())) {
        return Err(DerError::Unsupported { what: "a critical CRL extension" });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::writer::Writer;
    use crate::{TbsCertListFields, encode_tbs_cert_list};

    const SCHEME: SignatureScheme = SignatureScheme::EcdsaP256Sha256;

    fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.value(tag, content);
        writer.finish()
    }

    fn assemble(tbs: &[u8]) -> CrlDer {
        let tbs = TbsCertListDer::from_vec(tbs.to_vec());
        Crl::assemble(&tbs, SCHEME, &Signature::from_vec(vec![1]))
    }

    /// The fields of a TBSCertList without entries.
    fn fields() -> Vec<Vec<u8>> {
        let issuer = Name::parse_rfc4514("CN=CA").unwrap();
        let fields = TbsCertListFields {
            scheme: SCHEME,
            issuer: &issuer,
            this_update: UnixTime(1_700_000_000),
            next_update: UnixTime(1_700_086_400),
            authority_key_id: &[7; 20],
            crl_number: 1,
            idp: None,
        };
        let der = encode_tbs_cert_list(&fields, core::iter::empty()).unwrap();
        let mut parser = only(der.as_bytes(), tag::SEQUENCE, "").unwrap();
        let mut fields = Vec::new();
        while !parser.is_empty() {
            fields.push(parser.any().unwrap().whole.to_vec());
        }
        fields
    }

    fn with(index: usize, field: &[u8]) -> Result<Crl, DerError> {
        let mut fields = fields();
        fields.splice(index..=index, [field.to_vec()]);
        Crl::parse(assemble(&wrap(tag::SEQUENCE, &fields.concat())).as_bytes())
    }

    /// A list of one entry with these crlEntryExtensions.
    fn entry(extensions: &[u8]) -> Vec<u8> {
        let fields = [&b"\x02\x01\x01\x17\x0d230101000000Z"[..], extensions].concat();
        [wrap(0x30, &wrap(0x30, &fields)), fields_last()].concat()
    }

    fn fields_last() -> Vec<u8> {
        fields().pop().unwrap()
    }

    #[test]
    fn accepts_an_entry_and_refuses_what_breaks_the_rules() {
        assert_eq!(with(5, &entry(b"")).unwrap().entries().len(), 1);
        let field = DerError::field;
        let extension = |octets: &[u8]| entry(&wrap(0x30, octets));
        let unsupported = |what| DerError::Unsupported { what };
        let critical = b"\x30\x0d\x06\x03\x55\x1d\x15\x01\x01\xff\x04\x03\x0a\x01\x01";
        for (bytes, error) in [
            ([vec![0x30, 0], fields_last()].concat(), field("revokedCertificates", "empty")),
            (extension(b""), field("Extensions", "empty")),
            (
                extension(b"\x30\x0a\x06\x03\x55\x1d\x15\x04\x03\x0a\x01\x00"),
                field("CRLReason", "unspecified is to be absent"),
            ),
            (
                extension(b"\x30\x0a\x06\x03\x55\x1d\x15\x04\x03\x0a\x01\x07"),
                field("CRLReason", "unknown reason"),
            ),
            (extension(critical), unsupported("a critical CRL entry extension")),
            (
                extension(b"\x30\x08\x06\x02\x2a\x03\x04\x02\x05\x00"),
                unsupported("this CRL entry extension"),
            ),
            (
                extension(b"\x30\x09\x06\x03\x55\x1d\x1d\x04\x02\x30\x00"),
                unsupported("an indirect CRL"),
            ),
            (vec![], field("crlExtensions", "missing")),
        ] {
            assert_eq!(with(5, &bytes), Err(error), "{bytes:02x?}");
        }
    }

    #[test]
    fn refuses_other_versions_and_times() {
        let field = DerError::field;
        assert_eq!(with(0, &[2, 1, 0]), Err(field("version", "not v2")));
        let early = with(3, b"\x18\x0f20240101000000Z");
        assert_eq!(early, Err(field("thisUpdate", "GeneralizedTime before 2050")));
        let still = with(4, b"\x17\x0d231114221320Z");
        assert_eq!(still, Err(field("nextUpdate", "not after thisUpdate")));
    }

    #[test]
    fn refuses_delta_crls_and_missing_or_unknown_extensions() {
        let explicit = |list: &[u8]| wrap(0xa0, &wrap(0x30, list));
        let number = b"\x30\x0a\x06\x03\x55\x1d\x14\x04\x03\x02\x01\x01";
        let aki = b"\x30\x0c\x06\x03\x55\x1d\x23\x04\x05\x30\x03\x80\x01\x07";
        let delta = b"\x30\x0d\x06\x03\x55\x1d\x1b\x01\x01\xff\x04\x03\x02\x01\x01";
        let unknown = b"\x30\x0b\x06\x02\x2a\x03\x01\x01\xff\x04\x02\x05\x00";
        assert!(with(5, &explicit(&[&number[..], aki].concat())).is_ok());
        for (list, error) in [
            (aki.to_vec(), DerError::field("CRLNumber", "missing")),
            (number.to_vec(), DerError::field("AuthorityKeyIdentifier", "missing")),
            ([&number[..], aki, delta].concat(), DerError::Unsupported { what: "a delta CRL" }),
            (
                [&number[..], aki, unknown].concat(),
                DerError::Unsupported { what: "a critical CRL extension" },
            ),
        ] {
            assert_eq!(with(5, &explicit(&list)), Err(error));
        }
    }

    #[test]
    fn refuses_an_algorithm_outside_that_differs_from_the_one_inside() {
        let tbs = TbsCertListDer::from_vec(wrap(tag::SEQUENCE, &fields().concat()));
        let signature = Signature::from_vec(vec![1]);
        let der = Crl::assemble(&tbs, SignatureScheme::Ed25519, &signature);
        let refused = Err(DerError::field("signatureAlgorithm", "differs from the one inside"));
        assert_eq!(Crl::parse(der.as_bytes()), refused);
    }
}

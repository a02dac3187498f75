//! Certification requests (RFC 2986), strict both ways.

mod attributes;

use attributes::{Attributes, ChallengePassword};

use crate::reader::{self, only, tag};
use crate::tbs::MAX_TBS;
use crate::writer::{Writer, signed};
use crate::{
    CertificationRequestInfoDer, CsrDer, DerError, Extensions, Name, Oid, PublicKey, Signature,
    SignatureScheme, VerifyError, pem,
};

/// The most octets that a CSR may have.
const MAX_CSR: usize = MAX_TBS;

/// A parsed CSR together with its bytes.
///
/// ```text
/// CertificationRequest ::= SEQUENCE {
///     certificationRequestInfo CertificationRequestInfo,
///     signatureAlgorithm       AlgorithmIdentifier,
///     signature                BIT STRING }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csr {
    der: CsrDer,
    info_der: CertificationRequestInfoDer,
    info: CertificationRequestInfo,
    challenge_password: Option<ChallengePassword>,
    other_attributes: Vec<(Oid, Vec<u8>)>,
    scheme: SignatureScheme,
    signature: Signature,
}

/// What a CSR of our own asks for.
///
/// ```text
/// CertificationRequestInfo ::= SEQUENCE {
///     version       INTEGER { v1(0) },
///     subject       Name,
///     subjectPKInfo SubjectPublicKeyInfo,
///     attributes    [0] Attributes }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificationRequestInfo {
    /// The name asked for; may be empty.
    pub subject: Name,
    /// The key to be certified.
    pub public_key: PublicKey,
    /// The extensions asked for (extensionRequest, RFC 2985 §5.4.2); absent if empty.
    pub extensions: Extensions,
}

impl CertificationRequestInfo {
    /// Parses strictly; attributes other than extensionRequest are refused. At most 32 KiB.
    ///
    /// # Errors
    /// [`DerError`].
    pub fn parse(der: &[u8]) -> Result<Self, DerError> {
        let (info, attributes) = parse_info(der)?;
        if attributes.challenge_password.is_some() || !attributes.other.is_empty() {
            return Err(DerError::Unsupported { what: "an attribute other than extensionRequest" });
        }
        Ok(info)
    }

    /// Writes the DER.
    ///
    /// # Errors
    /// [`DerError`] if an extension breaks its rules or the result exceeds 32 KiB.
    pub fn encode(&self) -> Result<CertificationRequestInfoDer, DerError> {
        let attributes = Attributes { extensions: self.extensions.clone(), ..Default::default() };
        encode_info(&self.subject, &self.public_key, &attributes)
    }
}

impl Csr {
    /// Parses strictly: what decodes must encode to the same bytes. At most 32 KiB.
    ///
    /// The signature is not verified; see [`Self::verify_self_signature`].
    ///
    /// # Errors
    /// [`DerError`].
    pub fn parse(der: &[u8]) -> Result<Self, DerError> {
        if der.len() > MAX_CSR {
            return Err(DerError::TooLarge { limit: MAX_CSR });
        }
        let names = ["CertificationRequest", "certificationRequestInfo", "signature"];
        let (info_der, algorithm, signature) = reader::signed(der, names)?;
        let (info, attributes) = parse_info(info_der)?;
        // RFC 2986 §4.2: the requester's own key signs.
        let kind = info.public_key.kind();
        let scheme = SignatureScheme::from_algorithm_identifier_for(algorithm, kind)?;
        Ok(Self {
            der: CsrDer::from_vec(der.to_vec()),
            info_der: CertificationRequestInfoDer::from_vec(info_der.to_vec()),
            info,
            challenge_password: attributes.challenge_password,
            other_attributes: attributes.other,
            scheme,
            signature,
        })
    }

    /// Reads a text with exactly one PEM block, a CSR under its new or old label (RFC 7468 §7).
    ///
    /// # Errors
    /// [`pem::PemError`].
    pub fn from_pem(text: &str) -> Result<Self, pem::PemError> {
        let der = match pem::decode_one(text, pem::CERTIFICATE_REQUEST) {
            Err(pem::PemError::Label { found, .. }) if found == pem::NEW_CERTIFICATE_REQUEST => {
                pem::decode_one(text, pem::NEW_CERTIFICATE_REQUEST)?
            }
            other => other?,
        };
        Self::parse(&der).map_err(pem::PemError::Content)
    }

    /// Gives the textual encoding (RFC 7468 §7).
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode(pem::CERTIFICATE_REQUEST, self.der.as_bytes())
    }

    /// Puts a signature to a CertificationRequestInfo; the bytes are not looked at.
    #[must_use]
    pub fn assemble(
        info: &CertificationRequestInfoDer,
        scheme: SignatureScheme,
        signature: &Signature,
    ) -> CsrDer {
        let algorithm = scheme.algorithm_identifier();
        CsrDer::from_vec(signed(info.as_bytes(), algorithm, signature.as_bytes()))
    }

    /// Verifies that the requester holds the private key.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify_self_signature(&self) -> Result<(), VerifyError> {
        self.info.public_key.verify(self.scheme, self.info_der.as_bytes(), &self.signature)
    }

    /// Gives the whole DER.
    #[must_use]
    pub fn der(&self) -> &CsrDer {
        &self.der
    }

    /// Gives the bytes that are signed.
    #[must_use]
    pub fn info_der(&self) -> &CertificationRequestInfoDer {
        &self.info_der
    }

    /// Gives the subject, the key and the extensions asked for together.
    #[must_use]
    pub fn info(&self) -> &CertificationRequestInfo {
        &self.info
    }

    /// Gives the name asked for; may be empty.
    #[must_use]
    pub fn subject(&self) -> &Name {
        &self.info.subject
    }

    /// Gives the key to be certified.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.info.public_key
    }

    /// Gives the extensions asked for; empty if there is no extensionRequest.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.info.extensions
    }

    /// Gives the challenge password (RFC 2985 §5.4.1) if there is one. A secret of the requester.
    #[must_use]
    pub fn challenge_password(&self) -> Option<&str> {
        self.challenge_password.as_ref().map(|password| password.text.as_str())
    }

    /// Gives the other attributes, each with the DER of its SET of values.
    #[must_use]
    pub fn other_attributes(&self) -> &[(Oid, Vec<u8>)] {
        &self.other_attributes
    }

    /// Tells how the CSR is signed.
    #[must_use]
    pub fn scheme(&self) -> SignatureScheme {
        self.scheme
    }

    /// Gives the signature.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.signature
    }
}

fn parse_info(der: &[u8]) -> Result<(CertificationRequestInfo, Attributes), DerError> {
    if der.len() > MAX_CSR {
        return Err(DerError::TooLarge { limit: MAX_CSR });
    }
    let mut fields = only(der, tag::SEQUENCE, "CertificationRequestInfo")?;
    if fields.value(tag::INTEGER, "version")? != [0] {
        return Err(DerError::field("version", "not v1"));
    }
    let subject = Name::parse(fields.sequence_der("subject")?)?;
    let public_key = PublicKey::parse(fields.sequence_der("subjectPKInfo")?)?;
    // RFC 2986 §4.1: attributes is not optional, only possibly empty.
    let attributes = Attributes::parse(fields.nested(tag::context_constructed(0), "attributes")?)?;
    fields.finish()?;
    // Catches attributes out of order, and everything else that DER writes otherwise.
    if encode_info(&subject, &public_key, &attributes)?.as_bytes() != der {
        return Err(DerError::NonCanonical);
    }
    let extensions = attributes.extensions.clone();
    Ok((CertificationRequestInfo { subject, public_key, extensions }, attributes))
}

fn encode_info(
    subject: &Name,
    public_key: &PublicKey,
    attributes: &Attributes,
) -> Result<CertificationRequestInfoDer, DerError> {
    let mut content = Writer::with_capacity(1024);
    content.unsigned(0);
    content.raw(subject.der().as_bytes());
    content.raw(public_key.spki().as_bytes());
    content.value(tag::context_constructed(0), &attributes.encode()?);
    let content = content.finish();
    let mut writer = Writer::with_capacity(content.len() + 4);
    writer.value(tag::SEQUENCE, &content);
    let der = writer.finish();
    if der.len() > MAX_CSR {
        return Err(DerError::TooLarge { limit: MAX_CSR });
    }
    Ok(CertificationRequestInfoDer::from_vec(der))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::samples::sample_key;
    use crate::{Extension, ExtensionValue, GeneralName};

    fn sample_info() -> CertificationRequestInfo {
        let san = ExtensionValue::SubjectAltName(vec![GeneralName::Dns("a.example".into())]);
        CertificationRequestInfo {
            subject: Name::parse_rfc4514("CN=a.example").unwrap(),
            public_key: sample_key("p-256"),
            extensions: Extensions::new(vec![Extension::non_critical(san)]).unwrap(),
        }
    }

    fn assemble(info: &[u8]) -> Vec<u8> {
        let info = CertificationRequestInfoDer::from_vec(info.to_vec());
        let signature = Signature::from_vec(vec![1, 2, 3]);
        Csr::assemble(&info, SignatureScheme::EcdsaP256Sha256, &signature).into_vec()
    }

    /// A CertificationRequestInfo with this version and these attributes.
    fn info_with(version: &[u8], attributes: &[u8]) -> Vec<u8> {
        let info = sample_info();
        let mut content = Writer::new();
        content.raw(version);
        content.raw(info.subject.der().as_bytes());
        content.raw(info.public_key.spki().as_bytes());
        content.raw(attributes);
        let mut writer = Writer::new();
        writer.value(tag::SEQUENCE, &content.finish());
        writer.finish()
    }

    const V1: &[u8] = &[2, 1, 0];
    /// 1.2.3 with one NULL, and 1.2.4 with one NULL.
    const ATTRIBUTE_3: &[u8] = b"\x30\x08\x06\x02\x2a\x03\x31\x02\x05\x00";
    const ATTRIBUTE_4: &[u8] = b"\x30\x08\x06\x02\x2a\x04\x31\x02\x05\x00";

    #[test]
    fn roundtrips() {
        let info = sample_info();
        let der = info.encode().unwrap();
        assert_eq!(CertificationRequestInfo::parse(der.as_bytes()), Ok(info.clone()));
        let csr = Csr::parse(&assemble(der.as_bytes())).unwrap();
        assert_eq!(csr.info(), &info);
        assert_eq!(csr.info_der(), &der);
        assert_eq!(csr.challenge_password(), None);
        assert_eq!(Csr::from_pem(&csr.to_pem()).as_ref(), Ok(&csr));
        let old = csr.to_pem().replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST");
        assert_eq!(Csr::from_pem(&old), Ok(csr));
        let bare = CertificationRequestInfo { extensions: Extensions::default(), ..info };
        let der = bare.encode().unwrap();
        assert!(der.as_bytes().ends_with(&[0xa0, 0]));
        assert_eq!(CertificationRequestInfo::parse(der.as_bytes()), Ok(bare));
    }

    #[test]
    fn keeps_attributes_that_it_does_not_know() {
        let attributes = [&[0xa0, 20][..], ATTRIBUTE_3, ATTRIBUTE_4].concat();
        let csr = Csr::parse(&assemble(&info_with(V1, &attributes))).unwrap();
        assert_eq!(csr.other_attributes().len(), 2);
        let refused = CertificationRequestInfo::parse(csr.info_der().as_bytes());
        let what = "an attribute other than extensionRequest";
        assert_eq!(refused, Err(DerError::Unsupported { what }));
    }

    #[test]
    fn debug_does_not_show_the_challenge_password() {
        let password =
            b"\x30\x15\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07\x31\x08\x0c\x06secret";
        let attributes = [&[0xa0, 23][..], password].concat();
        let csr = Csr::parse(&assemble(&info_with(V1, &attributes))).unwrap();
        assert_eq!(csr.challenge_password(), Some("secret"));
        assert!(!format!("{csr:?}").contains("secret"));
    }

    #[test]
    fn refuses_an_unsorted_set_of_attributes() {
        let attributes = [&[0xa0, 20][..], ATTRIBUTE_4, ATTRIBUTE_3].concat();
        let csr = assemble(&info_with(V1, &attributes));
        assert_eq!(Csr::parse(&csr), Err(DerError::NonCanonical));
    }

    #[test]
    fn refuses_other_requests() {
        let field = DerError::field;
        for (info, error) in [
            (info_with(&[2, 1, 1], &[0xa0, 0]), field("version", "not v1")),
            (info_with(&[2, 2, 0, 0], &[0xa0, 0]), field("version", "not v1")),
            (info_with(V1, &[]), field("attributes", "missing")),
            (info_with(V1, &[0xa0, 0, 5, 0]), DerError::Trailing),
            (info_with(V1, &[0xa0, 0x80, 0, 0]), DerError::NotDer { why: "indefinite length" }),
        ] {
            assert_eq!(Csr::parse(&assemble(&info)), Err(error));
        }
    }

    #[test]
    fn refuses_an_empty_extension_request() {
        let request = b"\x30\x0f\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e\x31\x02\x30\x00";
        let attributes = [&[0xa0, 17][..], request].concat();
        let csr = Csr::parse(&assemble(&info_with(V1, &attributes)));
        assert_eq!(csr, Err(DerError::field("Extensions", "empty")));
    }
}

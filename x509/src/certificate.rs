//! Certificates that we issued or act on, strict (RFC 5280 §4.1).

use crate::reader;
use crate::tbs::MAX_TBS;
use crate::writer::signed;
use crate::{
    CertificateDer, DerError, PublicKey, Signature, SignatureScheme, TbsCertificate,
    TbsCertificateDer, VerifyError, pem, sha256,
};

/// The most octets that a certificate may have.
const MAX_CERTIFICATE: usize = MAX_TBS + 8 * 1024;

/// A parsed certificate together with its bytes.
///
/// ```text
/// Certificate ::= SEQUENCE {
///     tbsCertificate     TBSCertificate,
///     signatureAlgorithm AlgorithmIdentifier,
///     signatureValue     BIT STRING }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: CertificateDer,
    tbs_der: TbsCertificateDer,
    tbs: TbsCertificate,
    signature: Signature,
}

impl Certificate {
    /// Parses strictly; the algorithm outside must be the one inside (RFC 5280 §4.1.1.2).
    ///
    /// # Errors
    /// [`DerError`].
    pub fn parse(der: &[u8]) -> Result<Self, DerError> {
        if der.len() > MAX_CERTIFICATE {
            return Err(DerError::TooLarge { limit: MAX_CERTIFICATE });
        }
        let names = ["Certificate", "tbsCertificate", "signatureValue"];
        let (tbs_der, algorithm, signature) = reader::signed(der, names)?;
        let tbs = TbsCertificate::parse(tbs_der)?;
        if algorithm != tbs.signature.algorithm_identifier() {
            return Err(DerError::field("signatureAlgorithm", "differs from the one inside"));
        }
        Ok(Self {
            der: CertificateDer::from_vec(der.to_vec()),
            tbs_der: TbsCertificateDer::from_vec(tbs_der.to_vec()),
            tbs,
            signature,
        })
    }

    /// Puts a signature to a TBSCertificate; the bytes are not looked at.
    #[must_use]
    pub fn assemble(
        tbs: &TbsCertificateDer,
        scheme: SignatureScheme,
        signature: &Signature,
    ) -> CertificateDer {
        let algorithm = scheme.algorithm_identifier();
        CertificateDer::from_vec(signed(tbs.as_bytes(), algorithm, signature.as_bytes()))
    }

    /// Verifies the signature; names and validity are not looked at. A foreign ECDSA issuer of one
    /// of our CAs may have used any SHA-2 digest with its curve.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify_by(&self, issuer: &PublicKey) -> Result<(), VerifyError> {
        let scheme = self.scheme().made_by(issuer.kind());
        issuer.verify(scheme, self.tbs_der.as_bytes(), &self.signature)
    }

    /// Gives what the certificate says.
    #[must_use]
    pub fn tbs(&self) -> &TbsCertificate {
        &self.tbs
    }

    /// Gives the bytes that are signed.
    #[must_use]
    pub fn tbs_der(&self) -> &TbsCertificateDer {
        &self.tbs_der
    }

    /// Tells how the certificate is signed.
    #[must_use]
    pub fn scheme(&self) -> SignatureScheme {
        self.tbs.signature
    }

    /// Gives the signature.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Gives the whole DER.
    #[must_use]
    pub fn der(&self) -> &CertificateDer {
        &self.der
    }

    /// Gives the fingerprint: SHA-256 over the DER.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        sha256(self.der.as_bytes())
    }

    /// Gives the textual encoding (RFC 7468 §5).
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode(pem::CERTIFICATE, self.der.as_bytes())
    }

    /// Reads a text with exactly one PEM block, a certificate.
    ///
    /// # Errors
    /// [`pem::PemError`].
    pub fn from_pem(text: &str) -> Result<Self, pem::PemError> {
        let der = pem::decode_one(text, pem::CERTIFICATE)?;
        Self::parse(&der).map_err(pem::PemError::Content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tbs::tests::sample_tbs;

    fn sample() -> CertificateDer {
        let tbs = sample_tbs().encode().unwrap();
        let signature = Signature::from_vec(vec![1, 2, 3]);
        Certificate::assemble(&tbs, SignatureScheme::EcdsaP256Sha256, &signature)
    }

    #[test]
    fn assembles_what_it_parses() {
        let der = sample();
        let certificate = Certificate::parse(der.as_bytes()).unwrap();
        assert_eq!(certificate.tbs(), &sample_tbs());
        assert_eq!(certificate.signature().as_bytes(), [1, 2, 3]);
        assert_eq!(certificate.der(), &der);
        assert_eq!(Certificate::from_pem(&certificate.to_pem()), Ok(certificate));
    }

    #[test]
    fn refuses_an_algorithm_outside_that_differs_from_the_one_inside() {
        let tbs = sample_tbs().encode().unwrap();
        let signature = Signature::from_vec(vec![1, 2, 3]);
        let der = Certificate::assemble(&tbs, SignatureScheme::EcdsaP384Sha384, &signature);
        let refused = Err(DerError::field("signatureAlgorithm", "differs from the one inside"));
        assert_eq!(Certificate::parse(der.as_bytes()), refused);
    }

    #[test]
    fn refuses_trailing_octets_and_unused_bits() {
        let der = sample().into_vec();
        let trailing = [&der[..], &[0]].concat();
        assert_eq!(Certificate::parse(&trailing), Err(DerError::Trailing));
        let mut unused = der;
        let at = unused.len() - 4;
        unused[at] = 1;
        let why = "not a BIT STRING of whole octets";
        assert_eq!(Certificate::parse(&unused), Err(DerError::field("signatureValue", why)));
    }

    #[test]
    fn refuses_more_than_its_cap() {
        let refused = Err(DerError::TooLarge { limit: MAX_CERTIFICATE });
        assert_eq!(Certificate::parse(&vec![0x30; MAX_CERTIFICATE + 1]), refused);
    }
}

//! The token that only policy makes and that only `calls/` spends: bytes that may be signed.

use signer_proto::EvidenceRecord;
use x509::{CertificationRequestInfo, SignatureScheme, TbsCertificate};

/// What the admitted bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// A leaf certificate and what stood for it.
    Certificate(TbsCertificate, Vec<EvidenceRecord>),
    /// A CA certificate.
    Authority(TbsCertificate),
    /// The CSR of a key of this ring.
    Request(CertificationRequestInfo),
    /// A CRL that the signer built.
    CertificateList,
    /// An OCSP response that the signer built.
    OcspResponse,
    /// The content of a CertificateVerify that the signer built.
    Handshake,
}

/// Bytes that policy admitted, with the one algorithm that may sign them.
///
/// There is no public constructor, no `Clone` and no `Copy`: what holds one was admitted once.
#[derive(Debug)]
pub struct Admitted<'a> {
    bytes: &'a [u8],
    scheme: SignatureScheme,
    meaning: Meaning,
}

impl<'a> Admitted<'a> {
    pub(crate) fn new(bytes: &'a [u8], scheme: SignatureScheme, meaning: Meaning) -> Self {
        Self { bytes, scheme, meaning }
    }

    /// Gives the bytes to sign.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Gives the algorithm.
    #[must_use]
    pub fn scheme(&self) -> SignatureScheme {
        self.scheme
    }

    /// Tells what the bytes are.
    #[must_use]
    pub fn meaning(&self) -> &Meaning {
        &self.meaning
    }

    /// Returns whether the bytes have a leaf of their own; OCSP responses and handshakes share one.
    #[must_use]
    pub fn is_single(&self) -> bool {
        !matches!(self.meaning, Meaning::OcspResponse | Meaning::Handshake)
    }

    /// Gives the certificate, if the bytes are one's.
    #[must_use]
    pub fn certificate(&self) -> Option<&TbsCertificate> {
        match &self.meaning {
            Meaning::Certificate(tbs, _) | Meaning::Authority(tbs) => Some(tbs),
            _ => None,
        }
    }

    /// Gives the records of the evidence that stood for it, in the order given.
    #[must_use]
    pub fn evidence(&self) -> &[EvidenceRecord] {
        match &self.meaning {
            Meaning::Certificate(_, evidence) => evidence,
            _ => &[],
        }
    }
}

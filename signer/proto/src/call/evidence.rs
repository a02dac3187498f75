//! What stands for a certificate besides its bytes.

use super::wire_newtype;
use crate::codec::{Reader, Wire, WireError, Writer, wire_struct};
use x509::{CsrDer, Signature, SignatureScheme};

wire_newtype!(
    /// A whole PKIMessage of SCEP, a RenewalReq (RFC 8894 §3.3.2): CMS, at most 64 KiB.
    ScepMessage, bytes 64 * 1024, "SCEP message"
);
wire_newtype!(
    /// Positions of [`crate::ValidationRecorded`] leaves.
    Positions, list u64, 256, "positions"
);
wire_newtype!(
    /// An officer's signature (SSHSIG, armoured) over the summary of the certificate.
    OfficerSignature, bytes 4096, "officer's signature"
);
wire_struct! {
    /// The holder of a certificate asks for the next one: the old key signs over the new CSR.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Renewal {
        /// Where the leaf of the certificate that is renewed stands in the journal.
        pub renewed: u64,
        /// The CSR whose key the new certificate has.
        pub csr: CsrDer,
        /// How the old key signed.
        pub scheme: SignatureScheme,
        /// Its signature over [`Renewal::message`].
        pub signature: Signature,
    }
}

impl Renewal {
    /// What stands before everything that is signed to renew.
    pub const CONTEXT: &'static [u8] = b"chancery/renew/v1";

    /// Gives what the old key signs: the context, a zero octet, SHA-256 of the new CSR's DER.
    #[must_use]
    pub fn message(csr: &CsrDer) -> Vec<u8> {
        [Self::CONTEXT, &[0], &x509::sha256(csr.as_bytes())].concat()
    }
}

/// What stands for a certificate besides its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// The CSR whose key the certificate has: proof of possession.
    Request(CsrDer),
    /// A SCEP renewal. It is encrypted to a `scep` key, which no ring has yet: it is refused.
    ScepRenewal(ScepMessage),
    /// A renewal that the old key signed.
    Renewal(Renewal),
    /// Records of the validation of each name.
    Validation(Positions),
    /// An officer looked at it.
    Officer(OfficerSignature),
}

impl Evidence {
    /// Returns the fixed number, which stands in the journal too.
    #[must_use]
    pub fn kind(&self) -> u8 {
        match self {
            Self::Request(_) => 1,
            Self::ScepRenewal(_) => 2,
            Self::Renewal(_) => 3,
            Self::Validation(_) => 4,
            Self::Officer(_) => 5,
        }
    }
}

impl Wire for Evidence {
    fn put(&self, w: &mut Writer) {
        self.kind().put(w);
        match self {
            Self::Request(csr) => csr.put(w),
            Self::ScepRenewal(message) => message.put(w),
            Self::Renewal(renewal) => renewal.put(w),
            Self::Validation(positions) => positions.put(w),
            Self::Officer(signature) => signature.put(w),
        }
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        match u8::take(r)? {
            1 => CsrDer::take(r).map(Self::Request),
            2 => ScepMessage::take(r).map(Self::ScepRenewal),
            3 => Renewal::take(r).map(Self::Renewal),
            4 => Positions::take(r).map(Self::Validation),
            5 => OfficerSignature::take(r).map(Self::Officer),
            _ => Err(WireError::UnknownValue("evidence")),
        }
    }
}
wire_newtype!(
    /// All evidence for one certificate.
    EvidenceList, list Evidence, 8, "evidence"
);

//! OCSPResponse (RFC 6960 §4.2.1).

use super::ResponseData;
use crate::reader::{Parser, only, tag};
use crate::writer::Writer;
use crate::{
    CertificateDer, DerError, OcspResponseDer, PublicKey, ResponseDataDer, Signature,
    SignatureScheme, VerifyError, oids,
};

/// The most octets that a response may have.
const MAX_RESPONSE: usize = 128 * 1024;

/// Why there is no answer (RFC 6960 §4.2.1); sent unsigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum OcspErrorStatus {
    /// The request is not understood.
    MalformedRequest = 1,
    /// The responder is out of order.
    InternalError = 2,
    /// The responder cannot answer now.
    TryLater = 3,
    /// The request must be signed.
    SigRequired = 5,
    /// The responder does not answer this client or for this certificate.
    Unauthorized = 6,
}

/// A parsed response.
///
/// ```text
/// OCSPResponse ::= SEQUENCE {
///     responseStatus    ENUMERATED,
///     responseBytes [0] ResponseBytes OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OcspResponse {
    /// The responder answered.
    Successful(OcspBasicResponse),
    /// The responder did not answer.
    Error(OcspErrorStatus),
}

/// A parsed BasicOCSPResponse.
///
/// ```text
/// BasicOCSPResponse ::= SEQUENCE {
///     tbsResponseData    ResponseData,
///     signatureAlgorithm AlgorithmIdentifier,
///     signature          BIT STRING,
///     certs          [0] SEQUENCE OF Certificate OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspBasicResponse {
    /// What the responder says.
    pub data: ResponseData,
    /// The bytes that are signed.
    pub data_der: ResponseDataDer,
    /// How they are signed.
    pub scheme: SignatureScheme,
    /// The signature.
    pub signature: Signature,
    /// Certificates that help to verify the signature, not parsed.
    pub certs: Vec<CertificateDer>,
}

impl OcspBasicResponse {
    /// Verifies the signature; whether the key may sign responses is not looked at.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify_by(&self, responder: &PublicKey) -> Result<(), VerifyError> {
        responder.verify(self.scheme, self.data_der.as_bytes(), &self.signature)
    }
}

impl OcspErrorStatus {
    fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::MalformedRequest),
            2 => Some(Self::InternalError),
            3 => Some(Self::TryLater),
            5 => Some(Self::SigRequired),
            6 => Some(Self::Unauthorized),
            _ => None,
        }
    }
}

/// Puts a signature and certificates to a ResponseData; the bytes are not looked at.
#[must_use]
pub fn assemble_ocsp_response(
    data: &ResponseDataDer,
    scheme: SignatureScheme,
    signature: &Signature,
    certs: &[CertificateDer],
) -> OcspResponseDer {
    let mut basic = Writer::with_capacity(data.as_bytes().len() + 512);
    basic.raw(data.as_bytes());
    basic.raw(scheme.algorithm_identifier());
    basic.bit_string(signature.as_bytes());
    if !certs.is_empty() {
        let list: Vec<&[u8]> = certs.iter().map(CertificateDer::as_bytes).collect();
        let mut sequence = Writer::new();
        sequence.value(tag::SEQUENCE, &list.concat());
        basic.value(tag::context_constructed(0), &sequence.finish());
    }
    let basic = wrap(tag::SEQUENCE, &basic.finish());
    let mut bytes = Writer::with_capacity(basic.len() + 32);
    bytes.oid(&oids::OCSP_BASIC);
    bytes.value(tag::OCTET_STRING, &basic);
    let bytes = wrap(tag::SEQUENCE, &bytes.finish());
    let mut response = Writer::with_capacity(bytes.len() + 16);
    response.value(tag::ENUMERATED, &[0]);
    response.value(tag::context_constructed(0), &bytes);
    OcspResponseDer::from_vec(wrap(tag::SEQUENCE, &response.finish()))
}

/// Writes a response without an answer.
#[must_use]
pub fn ocsp_error(status: OcspErrorStatus) -> OcspResponseDer {
    OcspResponseDer::from_vec(vec![tag::SEQUENCE, 3, tag::ENUMERATED, 1, status as u8])
}

fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut writer = Writer::with_capacity(content.len() + 6);
    writer.value(tag, content);
    writer.finish()
}

impl OcspResponse {
    /// Parses strictly: only what we write. At most 128 KiB.
    ///
    /// # Errors
    /// [`DerError`].
    pub fn parse(der: &[u8]) -> Result<Self, DerError> {
        if der.len() > MAX_RESPONSE {
            return Err(DerError::TooLarge { limit: MAX_RESPONSE });
        }
        let mut outer = only(der, tag::SEQUENCE, "OCSPResponse")?;
        let status = outer.value(tag::ENUMERATED, "responseStatus")?;
        let bytes = outer.optional(tag::context_constructed(0))?;
        outer.finish()?;
        match (status, bytes) {
            ([0], Some(bytes)) => parse_bytes(bytes).map(Self::Successful),
            ([code], None) => OcspErrorStatus::from_code(*code)
                .map(Self::Error)
                .ok_or(DerError::field("responseStatus", "unknown or without an answer")),
            _ => Err(DerError::field("responseStatus", "does not fit responseBytes")),
        }
    }
}

/// ResponseBytes ::= SEQUENCE { responseType OBJECT IDENTIFIER, response OCTET STRING }
fn parse_bytes(content: &[u8]) -> Result<OcspBasicResponse, DerError> {
    let mut bytes = only(content, tag::SEQUENCE, "ResponseBytes")?;
    if bytes.oid("responseType")? != oids::OCSP_BASIC {
        return Err(DerError::Unsupported { what: "this OCSP response type" });
    }
    let basic = bytes.value(tag::OCTET_STRING, "response")?;
    bytes.finish()?;
    let mut fields = only(basic, tag::SEQUENCE, "BasicOCSPResponse")?;
    let data_der = fields.sequence_der("tbsResponseData")?;
    let scheme =
        SignatureScheme::from_algorithm_identifier(fields.sequence_der("signatureAlgorithm")?)?;
    let signature = Signature::from_vec(fields.bit_string("signature")?.to_vec());
    let certs = match fields.optional(tag::context_constructed(0))? {
        None => Vec::new(),
        Some(content) => parse_certs(only(content, tag::SEQUENCE, "certs")?)?,
    };
    fields.finish()?;
    Ok(OcspBasicResponse {
        data: ResponseData::parse(data_der)?,
        data_der: ResponseDataDer::from_vec(data_der.to_vec()),
        scheme,
        signature,
        certs,
    })
}

fn parse_certs(mut list: Parser<'_>) -> Result<Vec<CertificateDer>, DerError> {
    let mut certs = Vec::new();
    while !list.is_empty() {
        certs.push(CertificateDer::from_vec(list.sequence_der("Certificate")?.to_vec()));
    }
    if certs.is_empty() { Err(DerError::field("certs", "empty")) } else { Ok(certs) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_status_that_does_not_fit() {
        let unknown = DerError::field("responseStatus", "unknown or without an answer");
        let misfit = DerError::field("responseStatus", "does not fit responseBytes");
        for (der, error) in [
            (&[0x30, 3, 0x0a, 1, 0][..], unknown.clone()),
            (&[0x30, 3, 0x0a, 1, 4], unknown.clone()),
            (&[0x30, 3, 0x0a, 1, 7], unknown),
            (&[0x30, 4, 0x0a, 2, 0, 1], misfit.clone()),
            (&[0x30, 7, 0x0a, 1, 1, 0xa0, 2, 0x30, 0], misfit),
            (&[0x30, 3, 0x0a, 1, 1, 0], DerError::Trailing),
        ] {
            assert_eq!(OcspResponse::parse(der), Err(error), "{der:02x?}");
        }
    }
}

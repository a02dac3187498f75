//! OCSPRequest (RFC 6960 §4.1).

use super::cert_id::{CertId, HashParameters};
use super::extensions::{encode_nonce, nonce};
use crate::extension::parse_raw_list;
use crate::reader::{Parser, only, tag};
use crate::well_formed::check_well_formed;
use crate::writer::Writer;
use crate::{DerError, GeneralName, oids};

/// The most octets that a request may have.
const MAX_REQUEST: usize = 16 * 1024;
/// The most certificates that a request may ask for.
const MAX_IDS: usize = 16;

/// What a client asks for.
///
/// ```text
/// OCSPRequest ::= SEQUENCE { tbsRequest TBSRequest, optionalSignature [0] Signature OPTIONAL }
/// TBSRequest ::= SEQUENCE {
///     version           [0] Version DEFAULT v1,
///     requestorName     [1] GeneralName OPTIONAL,
///     requestList           SEQUENCE OF Request,
///     requestExtensions [2] Extensions OPTIONAL }
/// Request ::= SEQUENCE { reqCert CertID, singleRequestExtensions [0] Extensions OPTIONAL }
/// ```
/// requestorName and signature are checked for their form and otherwise ignored (RFC 6960
/// §4.1.2); so are extensions that are not critical and not the nonce.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OcspRequest {
    /// The certificates asked for; 1 to 16.
    pub requests: Vec<CertId>,
    /// The nonce to be repeated in the response; 1 to 128 octets (RFC 9654).
    pub nonce: Option<Vec<u8>>,
}

impl OcspRequest {
    /// Parses strictly. At most 16 KiB and 16 certificates.
    ///
    /// # Errors
    /// [`DerError`]; the OCSP answer to it is malformedRequest.
    pub fn parse(der: &[u8]) -> Result<Self, DerError> {
        if der.len() > MAX_REQUEST {
            return Err(DerError::TooLarge { limit: MAX_REQUEST });
        }
        let mut outer = only(der, tag::SEQUENCE, "OCSPRequest")?;
        let tbs = outer.sequence_der("tbsRequest")?;
        let signature = outer.optional(tag::context_constructed(0))?;
        outer.finish()?;
        if let Some(signature) = signature {
            check_signature(signature)?;
        }
        let parts = parse_tbs(tbs)?;
        if parts.encode()? != tbs {
            return Err(DerError::NonCanonical);
        }
        let requests = parts.requests.into_iter().map(|single| single.id).collect();
        Ok(Self { requests, nonce: parts.nonce })
    }

    /// Writes an unsigned request.
    ///
    /// # Errors
    /// [`DerError`] for no or more than 16 certificates, hashes of a wrong length, a nonce that is
    /// not of 1 to 128 octets.
    pub fn encode(&self) -> Result<Vec<u8>, DerError> {
        check_count(self.requests.len())?;
        let single = |id: &CertId| SingleRequest {
            id: id.clone(),
            parameters: HashParameters::Null,
            extensions: None,
        };
        let mut writer = Writer::new();
        let extensions = match &self.nonce {
            None => None,
            Some(nonce) => {
                let mut list = Writer::new();
                encode_nonce(nonce, &mut list)?;
                let mut sequence = Writer::new();
                sequence.value(tag::SEQUENCE, &list.finish());
                Some(sequence.finish())
            }
        };
        let parts = TbsRequest {
            requestor: None,
            requests: self.requests.iter().map(single).collect(),
            extensions,
            nonce: None,
        };
        writer.value(tag::SEQUENCE, &parts.encode()?);
        Ok(writer.finish())
    }
}

/// All that a TBSRequest holds, so that encoding gives the same bytes.
struct TbsRequest {
    requestor: Option<GeneralName>,
    requests: Vec<SingleRequest>,
    /// The DER of requestExtensions.
    extensions: Option<Vec<u8>>,
    nonce: Option<Vec<u8>>,
}

struct SingleRequest {
    id: CertId,
    parameters: HashParameters,
    /// The DER of singleRequestExtensions.
    extensions: Option<Vec<u8>>,
}

impl TbsRequest {
    fn encode(&self) -> Result<Vec<u8>, DerError> {
        let mut writer = Writer::new();
        writer.sequence(|w| {
            if let Some(name) = &self.requestor {
                w.nested(tag::context_constructed(1), |w| name.encode(w))?;
            }
            w.sequence(|w| self.requests.iter().try_for_each(|single| single.encode(w)))?;
            if let Some(extensions) = &self.extensions {
                w.value(tag::context_constructed(2), extensions);
            }
            Ok::<(), DerError>(())
        })?;
        Ok(writer.finish())
    }
}

impl SingleRequest {
    fn encode(&self, writer: &mut Writer) -> Result<(), DerError> {
        writer.sequence(|w| {
            self.id.encode(self.parameters, w)?;
            if let Some(extensions) = &self.extensions {
                w.value(tag::context_constructed(0), extensions);
            }
            Ok(())
        })
    }

    fn parse(mut fields: Parser<'_>) -> Result<Self, DerError> {
        let (id, parameters) = CertId::parse(fields.sequence("reqCert")?)?;
        let extensions = fields.optional(tag::context_constructed(0))?;
        fields.finish()?;
        if let Some(extensions) = extensions {
            ignore_extensions(extensions)?;
        }
        Ok(Self { id, parameters, extensions: extensions.map(<[u8]>::to_vec) })
    }
}

fn parse_tbs(tbs: &[u8]) -> Result<TbsRequest, DerError> {
    let mut fields = only(tbs, tag::SEQUENCE, "TBSRequest")?;
    if fields.peek() == Some(tag::context_constructed(0)) {
        // X.690 §11.5; version 1 is the only one there is.
        return Err(DerError::field("version", "DEFAULT encoded"));
    }
    let requestor = match fields.optional(tag::context_constructed(1))? {
        None => None,
        Some(content) => {
            let mut parser = Parser::new(content);
            let name = GeneralName::parse(&mut parser)?;
            parser.finish()?;
            Some(name)
        }
    };
    let mut list = fields.sequence("requestList")?;
    let mut requests = Vec::new();
    while !list.is_empty() {
        requests.push(SingleRequest::parse(list.sequence("Request")?)?);
        check_count(requests.len())?;
    }
    check_count(requests.len())?;
    let extensions = fields.optional(tag::context_constructed(2))?;
    fields.finish()?;
    let nonce = extensions.map(parse_request_extensions).transpose()?.flatten();
    let extensions = extensions.map(<[u8]>::to_vec);
    Ok(TbsRequest { requestor, requests, extensions, nonce })
}

fn check_count(count: usize) -> Result<(), DerError> {
    match count {
        0 => Err(DerError::field("requestList", "empty")),
        1..=MAX_IDS => Ok(()),
        _ => Err(DerError::field("requestList", "more than 16 certificates")),
    }
}

/// Finds the nonce; refuses other extensions if they are critical.
fn parse_request_extensions(content: &[u8]) -> Result<Option<Vec<u8>>, DerError> {
    let mut found = None;
    for extension in &parse_raw_list(only(content, tag::SEQUENCE, "requestExtensions")?)? {
        match nonce(extension)? {
            Some(nonce) => found = Some(nonce),
            None => ignore(extension.critical, extension.value)?,
        }
    }
    Ok(found)
}

fn ignore_extensions(content: &[u8]) -> Result<(), DerError> {
    for extension in &parse_raw_list(only(content, tag::SEQUENCE, "singleRequestExtensions")?)? {
        if extension.oid == oids::EXT_OCSP_NONCE {
            return Err(DerError::field("Nonce", "in a single request"));
        }
        ignore(extension.critical, extension.value)?;
    }
    Ok(())
}

fn ignore(critical: bool, value: &[u8]) -> Result<(), DerError> {
    if critical {
        return Err(DerError::Unsupported { what: "a critical OCSP request extension" });
    }
    check_well_formed(value)
}

/// Signature ::= SEQUENCE { AlgorithmIdentifier, BIT STRING, certs [0] SEQUENCE OF Certificate }
fn check_signature(content: &[u8]) -> Result<(), DerError> {
    check_well_formed(content)?;
    let mut fields = only(content, tag::SEQUENCE, "optionalSignature")?;
    fields.sequence("signatureAlgorithm")?;
    fields.bit_string("signature")?;
    if let Some(certs) = fields.optional(tag::context_constructed(0))? {
        let mut list = only(certs, tag::SEQUENCE, "certs")?;
        while !list.is_empty() {
            list.sequence("Certificate")?;
        }
    }
    fields.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CertIdHash, Serial};

    fn id(serial: u8) -> CertId {
        CertId {
            hash: CertIdHash::Sha1,
            issuer_name_hash: vec![1; 20],
            issuer_key_hash: vec![2; 20],
            serial: Serial::from_unsigned(&[serial]).unwrap(),
        }
    }

    fn wrap(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.value(tag, &parts.concat());
        writer.finish()
    }

    fn single(parameters: HashParameters) -> Vec<u8> {
        let mut writer = Writer::new();
        SingleRequest { id: id(1), parameters, extensions: None }.encode(&mut writer).unwrap();
        writer.finish()
    }

    /// A request around the fields of its TBSRequest.
    fn request(fields: &[&[u8]], after: &[u8]) -> Vec<u8> {
        wrap(0x30, &[&wrap(0x30, fields), after])
    }

    fn with_extensions(extensions: &[u8]) -> Vec<u8> {
        let list = wrap(0x30, &[&single(HashParameters::Null)]);
        request(&[&list, &wrap(0xa2, &[&wrap(0x30, &[extensions])])], &[])
    }

    #[test]
    fn roundtrips() {
        for nonce in [None, Some(vec![7; 1]), Some(vec![7; 128])] {
            let request = OcspRequest { requests: (1..=16).map(id).collect(), nonce };
            assert_eq!(OcspRequest::parse(&request.encode().unwrap()), Ok(request));
        }
    }

    #[test]
    fn accepts_absent_hash_parameters_name_signature_and_unknown_extensions() {
        let plain = OcspRequest { requests: vec![id(1)], nonce: None };
        let list = wrap(0x30, &[&single(HashParameters::Absent)]);
        assert_eq!(OcspRequest::parse(&request(&[&list], &[])), Ok(plain.clone()));
        let name = wrap(0xa1, &[b"\x82\x01a"]);
        assert_eq!(OcspRequest::parse(&request(&[&name, &list], &[])), Ok(plain.clone()));
        let signature = wrap(0xa0, &[b"\x30\x08\x30\x02\x05\x00\x03\x02\x00\x01"]);
        assert_eq!(OcspRequest::parse(&request(&[&list], &signature)), Ok(plain.clone()));
        let unknown = with_extensions(b"\x30\x08\x06\x02\x2a\x03\x04\x02\x05\x00");
        assert_eq!(OcspRequest::parse(&unknown), Ok(plain));
    }

    #[test]
    fn refuses_a_nonce_of_0_or_129_octets() {
        let refused = DerError::field("Nonce", "not of 1 to 128 octets");
        for length in [0, 129] {
            let nonce = wrap(0x04, &[&vec![7; length]]);
            let mut extension = Writer::new();
            crate::extension::encode_raw(&mut extension, &oids::EXT_OCSP_NONCE, false, &nonce);
            let parsed = OcspRequest::parse(&with_extensions(&extension.finish()));
            assert_eq!(parsed, Err(refused.clone()));
            let built = OcspRequest { requests: vec![id(1)], nonce: Some(vec![7; length]) };
            assert_eq!(built.encode(), Err(refused.clone()));
        }
    }

    #[test]
    fn refuses_other_requests() {
        let one = single(HashParameters::Null);
        let list = wrap(0x30, &[&one]);
        let many = wrap(0x30, &[&one.repeat(17)]);
        let critical = b"\x30\x0b\x06\x02\x2a\x03\x01\x01\xff\x04\x02\x05\x00";
        for (der, error) in [
            (request(&[&[0x30, 0]], &[]), DerError::field("requestList", "empty")),
            (request(&[&many], &[]), DerError::field("requestList", "more than 16 certificates")),
            (
                request(&[b"\xa0\x03\x02\x01\x00", &list], &[]),
                DerError::field("version", "DEFAULT encoded"),
            ),
            (request(&[&list], &[5, 0]), DerError::Trailing),
            (
                with_extensions(critical),
                DerError::Unsupported { what: "a critical OCSP request extension" },
            ),
            (with_extensions(b""), DerError::field("Extensions", "empty")),
            (vec![0x30; MAX_REQUEST + 1], DerError::TooLarge { limit: MAX_REQUEST }),
        ] {
            assert_eq!(OcspRequest::parse(&der), Err(error));
        }
        let short = CertId { issuer_key_hash: vec![0; 19], ..id(1) };
        let why = "a hash is not as long as its algorithm makes it";
        let short = OcspRequest { requests: vec![short], nonce: None }.encode();
        assert_eq!(short, Err(DerError::field("CertID", why)));
    }

    #[test]
    fn refuses_an_unknown_hash() {
        // SHA-512 in place of SHA-1 in the hash algorithm.
        let body = wrap(0x30, &[b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00"]);
        let cert_id =
            wrap(0x30, &[&body, &wrap(4, &[&[0; 64]]), &wrap(4, &[&[0; 64]]), b"\x02\x01\x01"]);
        let list = wrap(0x30, &[&wrap(0x30, &[&cert_id])]);
        let refused = Err(DerError::Unsupported { what: "this CertID hash" });
        assert_eq!(OcspRequest::parse(&request(&[&list], &[])), refused);
    }
}

//! ResponseData (RFC 6960 §4.2.1).

use super::cert_id::{CertId, HashParameters};
use super::extensions::{encode_nonce, nonce};
use crate::extension::{encode_raw, parse_raw_list};
use crate::reader::{Parser, only, tag};
use crate::writer::Writer;
use crate::{CrlReason, DerError, ResponseDataDer, UnixTime, oids};

/// The most octets that a ResponseData may have.
const MAX_RESPONSE_DATA: usize = 16 * 1024;

/// What a responder signs; names itself by its key.
///
/// ```text
/// ResponseData ::= SEQUENCE {
///     version            [0] Version DEFAULT v1,
///     responderID            CHOICE { byName [1] Name, byKey [2] KeyHash },
///     producedAt             GeneralizedTime,
///     responses              SEQUENCE OF SingleResponse,
///     responseExtensions [1] Extensions OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResponseData {
    /// SHA-1 over the content of the responder's subjectPublicKey.
    pub responder_key_hash: [u8; 20],
    /// When the response is signed.
    pub produced_at: UnixTime,
    /// The answers; at least one.
    pub responses: Vec<SingleResponse>,
    /// The nonce of the request; 1 to 128 octets (RFC 9654).
    pub nonce: Option<Vec<u8>>,
    /// Whether never-issued certificates are answered as revoked (RFC 6960 §4.4.8).
    pub extended_revoke: bool,
}

/// The answer for one certificate.
///
/// ```text
/// SingleResponse ::= SEQUENCE {
///     certID     CertID,
///     certStatus CertStatus,
///     thisUpdate GeneralizedTime,
///     nextUpdate [0] GeneralizedTime OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SingleResponse {
    /// The certificate.
    pub cert_id: CertId,
    /// Its status.
    pub status: CertStatus,
    /// Since when the status is known to be right.
    pub this_update: UnixTime,
    /// When there will be newer information at the latest.
    pub next_update: UnixTime,
}

/// CertStatus (RFC 6960 §4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertStatus {
    /// Not revoked.
    Good,
    /// Revoked or held.
    Revoked {
        /// Since when.
        at: UnixTime,
        /// Why, if a reason is given.
        reason: Option<CrlReason>,
    },
    /// Not known to the responder.
    Unknown,
}

impl ResponseData {
    /// Writes the DER.
    ///
    /// # Errors
    /// [`DerError`] for no responses, nextUpdate not after thisUpdate, times outside 0000 to 9999,
    /// a CertID or nonce that breaks its rules, more than 16 KiB.
    pub fn encode(&self) -> Result<ResponseDataDer, DerError> {
        if self.responses.is_empty() {
            return Err(DerError::field("responses", "empty"));
        }
        let mut writer = Writer::with_capacity(256);
        writer.sequence(|w| {
            w.nested::<DerError>(tag::context_constructed(2), |w| {
                w.value(tag::OCTET_STRING, &self.responder_key_hash);
                Ok(())
            })?;
            w.generalized_time(self.produced_at)?;
            w.sequence(|w| self.responses.iter().try_for_each(|single| single.encode(w)))?;
            self.encode_extensions(w)
        })?;
        let der = writer.finish();
        if der.len() > MAX_RESPONSE_DATA {
            return Err(DerError::TooLarge { limit: MAX_RESPONSE_DATA });
        }
        Ok(ResponseDataDer::from_vec(der))
    }

    fn encode_extensions(&self, writer: &mut Writer) -> Result<(), DerError> {
        if self.nonce.is_none() && !self.extended_revoke {
            return Ok(());
        }
        writer.nested(tag::context_constructed(1), |w| {
            w.sequence(|w| {
                if let Some(nonce) = &self.nonce {
                    encode_nonce(nonce, w)?;
                }
                if self.extended_revoke {
                    encode_raw(w, &oids::EXT_OCSP_EXTENDED_REVOKE, false, &[tag::NULL, 0]);
                }
                Ok(())
            })
        })
    }

    /// Parses strictly: only what [`Self::encode`] writes. At most 16 KiB.
    ///
    /// # Errors
    /// [`DerError`].
    pub fn parse(der: &[u8]) -> Result<Self, DerError> {
        if der.len() > MAX_RESPONSE_DATA {
            return Err(DerError::TooLarge { limit: MAX_RESPONSE_DATA });
        }
        let mut fields = only(der, tag::SEQUENCE, "ResponseData")?;
        if fields.peek() == Some(tag::context_constructed(0)) {
            return Err(DerError::field("version", "DEFAULT encoded"));
        }
        if fields.peek() == Some(tag::context_constructed(1)) {
            return Err(DerError::Unsupported { what: "a responder named by its name" });
        }
        let mut by_key = fields.nested(tag::context_constructed(2), "responderID")?;
        let responder_key_hash = by_key
            .value(tag::OCTET_STRING, "KeyHash")?
            .try_into()
            .map_err(|_| DerError::field("KeyHash", "not of 20 octets"))?;
        by_key.finish()?;
        let produced_at = fields.generalized_time("producedAt")?;
        let mut list = fields.sequence("responses")?;
        let mut responses = Vec::new();
        while !list.is_empty() {
            responses.push(SingleResponse::parse(list.sequence("SingleResponse")?)?);
        }
        let (nonce, extended_revoke) = match fields.optional(tag::context_constructed(1))? {
            Some(content) => parse_extensions(content)?,
            None => (None, false),
        };
        fields.finish()?;
        let data = Self { responder_key_hash, produced_at, responses, nonce, extended_revoke };
        if data.encode()?.as_bytes() != der {
            return Err(DerError::NonCanonical);
        }
        Ok(data)
    }
}

fn parse_extensions(content: &[u8]) -> Result<(Option<Vec<u8>>, bool), DerError> {
    let mut found = (None, false);
    for extension in &parse_raw_list(only(content, tag::SEQUENCE, "responseExtensions")?)? {
        match nonce(extension)? {
            Some(nonce) => found.0 = Some(nonce),
            None if extension.oid == oids::EXT_OCSP_EXTENDED_REVOKE => found.1 = true,
            None => {
                return Err(DerError::Unsupported { what: "this OCSP response extension" });
            }
        }
    }
    Ok(found)
}

impl SingleResponse {
    fn encode(&self, writer: &mut Writer) -> Result<(), DerError> {
        if self.next_update <= self.this_update {
            return Err(DerError::field("nextUpdate", "not after thisUpdate"));
        }
        writer.sequence(|w| {
            self.cert_id.encode(HashParameters::Null, w)?;
            self.status.encode(w)?;
            w.generalized_time(self.this_update)?;
            w.nested(tag::context_constructed(0), |w| w.generalized_time(self.next_update))
        })
    }

    fn parse(mut fields: Parser<'_>) -> Result<Self, DerError> {
        let (cert_id, _) = CertId::parse(fields.sequence("certID")?)?;
        let status = CertStatus::parse(&mut fields)?;
        let this_update = fields.generalized_time("thisUpdate")?;
        let mut explicit = fields.nested(tag::context_constructed(0), "nextUpdate")?;
        let next_update = explicit.generalized_time("nextUpdate")?;
        explicit.finish()?;
        fields.finish()?;
        Ok(Self { cert_id, status, this_update, next_update })
    }
}

impl CertStatus {
    fn encode(self, writer: &mut Writer) -> Result<(), DerError> {
        match self {
            Self::Good => writer.value(tag::context(0), &[]),
            Self::Unknown => writer.value(tag::context(2), &[]),
            Self::Revoked { at, reason } => {
                return writer.nested(tag::context_constructed(1), |w| {
                    w.generalized_time(at)?;
                    let Some(reason) = reason else { return Ok(()) };
                    w.nested(tag::context_constructed(0), |w| {
                        w.unsigned_as(tag::ENUMERATED, u64::from(reason.code()));
                        Ok(())
                    })
                });
            }
        }
        Ok(())
    }

    fn parse(fields: &mut Parser<'_>) -> Result<Self, DerError> {
        let tlv = fields.any()?;
        match (tlv.tag, tlv.content) {
            (0x80, []) => Ok(Self::Good),
            (0x82, []) => Ok(Self::Unknown),
            (0xa1, content) => {
                let mut info = Parser::new(content);
                let at = info.generalized_time("revocationTime")?;
                let reason = match info.optional(tag::context_constructed(0))? {
                    None => None,
                    Some(content) => {
                        let mut explicit = Parser::new(content);
                        let code = explicit.value(tag::ENUMERATED, "revocationReason")?;
                        explicit.finish()?;
                        Some(CrlReason::parse(code)?)
                    }
                };
                info.finish()?;
                Ok(Self::Revoked { at, reason })
            }
            _ => Err(DerError::field("CertStatus", "another type")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CertIdHash, Serial};
    use proptest::prelude::*;

    fn single(status: CertStatus) -> SingleResponse {
        SingleResponse {
            cert_id: CertId {
                hash: CertIdHash::Sha256,
                issuer_name_hash: vec![1; 32],
                issuer_key_hash: vec![2; 32],
                serial: Serial::from_hex("80").unwrap(),
            },
            status,
            this_update: UnixTime(1_700_000_000),
            next_update: UnixTime(1_700_086_400),
        }
    }

    fn sample() -> ResponseData {
        ResponseData {
            responder_key_hash: [3; 20],
            produced_at: UnixTime(1_700_000_000),
            responses: vec![single(CertStatus::Good)],
            nonce: None,
            extended_revoke: false,
        }
    }

    fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.value(tag, content);
        writer.finish()
    }

    /// The sample's fields, to be exchanged one by one.
    fn fields() -> Vec<Vec<u8>> {
        let der = sample().encode().unwrap();
        let mut parser = only(der.as_bytes(), tag::SEQUENCE, "").unwrap();
        let mut fields = Vec::new();
        while !parser.is_empty() {
            fields.push(parser.any().unwrap().whole.to_vec());
        }
        fields
    }

    fn with(index: usize, field: &[u8]) -> Result<ResponseData, DerError> {
        let mut fields = fields();
        fields.splice(index..=index, [field.to_vec()]);
        ResponseData::parse(&wrap(tag::SEQUENCE, &fields.concat()))
    }

    #[test]
    fn refuses_to_encode_nonsense() {
        let refused = |data: ResponseData| data.encode().unwrap_err();
        let empty = ResponseData { responses: vec![], ..sample() };
        assert_eq!(refused(empty), DerError::field("responses", "empty"));
        let instant = SingleResponse { next_update: UnixTime(0), ..single(CertStatus::Good) };
        let instant = ResponseData { responses: vec![instant], ..sample() };
        assert_eq!(refused(instant), DerError::field("nextUpdate", "not after thisUpdate"));
        let nonce = ResponseData { nonce: Some(vec![]), ..sample() };
        assert_eq!(refused(nonce), DerError::field("Nonce", "not of 1 to 128 octets"));
        let many = ResponseData { responses: vec![single(CertStatus::Good); 200], ..sample() };
        assert_eq!(refused(many), DerError::TooLarge { limit: MAX_RESPONSE_DATA });
    }

    #[test]
    fn refuses_other_fields() {
        let field = DerError::field;
        let version = [b"\xa0\x03\x02\x01\x00".to_vec(), fields()[0].clone()].concat();
        let by_name = wrap(0xa1, &[0x30, 0]);
        let fraction = wrap(tag::GENERALIZED_TIME, b"20240101000000.5Z");
        let unknown = wrap(0xa1, &wrap(0x30, b"\x30\x08\x06\x02\x2a\x03\x04\x02\x05\x00"));
        for (index, bytes, error) in [
            (0, version, field("version", "DEFAULT encoded")),
            (0, by_name, DerError::Unsupported { what: "a responder named by its name" }),
            (0, wrap(0xa2, &wrap(4, &[0; 19])), field("KeyHash", "not of 20 octets")),
            (1, fraction, field("GeneralizedTime", "not of the form YYYYMMDDHHMMSSZ")),
            (1, wrap(tag::UTC_TIME, b"240101000000Z"), field("producedAt", "another type")),
            (2, vec![0x30, 0], field("responses", "empty")),
            (
                2,
                [fields()[2].clone(), unknown].concat(),
                DerError::Unsupported { what: "this OCSP response extension" },
            ),
            (2, [fields()[2].clone(), vec![5, 0]].concat(), DerError::Trailing),
        ] {
            assert_eq!(with(index, &bytes), Err(error), "{bytes:02x?}");
        }
    }

    #[test]
    fn refuses_a_status_with_content() {
        let der = sample().encode().unwrap().into_vec();
        let good = der.windows(2).position(|pair| pair == [0x80, 0x00]).unwrap();
        let mut status = Parser::new(b"\x80\x01\x00");
        let refused = Err(DerError::field("CertStatus", "another type"));
        assert_eq!(CertStatus::parse(&mut status), refused);
        let mut other = der;
        other[good] = 0x83;
        assert_eq!(ResponseData::parse(&other), Err(DerError::field("CertStatus", "another type")));
    }

    fn any_status() -> impl Strategy<Value = CertStatus> {
        let time = (0_i64..253_402_300_800).prop_map(UnixTime);
        prop_oneof![
            Just(CertStatus::Good),
            Just(CertStatus::Unknown),
            (time, any::<u8>()).prop_map(|(at, code)| CertStatus::Revoked {
                at,
                reason: CrlReason::from_code(code)
            }),
        ]
    }

    proptest! {
        #[test]
        fn encode_then_parse_gives_the_same(
            statuses in prop::collection::vec(any_status(), 1..5),
            nonce in prop::option::of(prop::collection::vec(any::<u8>(), 1..129)),
            extended_revoke: bool,
        ) {
            let responses = statuses.into_iter().map(single).collect();
            let data = ResponseData { responses, nonce, extended_revoke, ..sample() };
            prop_assert_eq!(ResponseData::parse(data.encode().unwrap().as_bytes()), Ok(data));
        }
    }
}

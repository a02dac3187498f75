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
            w.sequence(|w| {
                self.responses
                    .iter()
                    .try_for_each(|single| single.encode(w))
            })?;
            self.encode_extensions(w)
        })?;
        let der = writer.finish();
        if der.len() > MAX_RESPONSE_DATA {
            return Err(DerError::TooLarge {
                limit: MAX_RESPONSE_DATA,
            });
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
            return Err(DerError::TooLarge {
                limit: MAX_RESPONSE_DATA,
            });
        }
        let mut fields = only(der, tag::SEQUENCE, "ResponseData")?;
        if fields.peek() == Some(tag::context_constructed(0)) {
            return Err(DerError::field("version", "DEFAULT encoded"));
        }
        if fields.peek() == Some(tag::context_constructed(1)) {
            return Err(DerError::Unsupported {
                what: "a responder named by its name",
            });
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
        let data = Self {
            responder_key_hash,
            produced_at,
            responses,
            nonce,
            extended_revoke,
        };
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
                return Err(DerError::Unsupported {
                    what: "this OCSP response extension",
                });
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
            w.nested(tag::context_constructed(0), |w| {
                w.generalized_time(self.next_update)
            })
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
        Ok(Self {
            cert_id,
            status,
            this_update,
            next_update,
        })
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

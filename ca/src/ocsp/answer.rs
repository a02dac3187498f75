//! From a request's bytes to the answer's. It never fails: errors are OCSP statuses.

use std::sync::Arc;

use model::{IssuerName, UnixTime};
use signer_proto::{CertIdHash as WireHash, OcspItem, OcspNonce, OcspSubject, OcspSubjects};
use x509::{CertId, CertIdHash, OcspErrorStatus, OcspRequest, OcspResponseDer, Serial, ocsp_error};

use super::batch::Outcome;
use super::cache::{Kept, Key};
use crate::authority::Authority;
use crate::issuers::IssuerEntry;

/// An OCSP response in DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OcspReply {
    /// The response; also errors are one.
    pub response: Arc<OcspResponseDer>,
    /// How long anybody may keep it; nothing for errors and for answers to a nonce.
    pub cacheable: Option<Cacheable>,
}

/// What stands in the headers of an answer that may be kept (RFC 5019 §6.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cacheable {
    /// Since when it is right.
    pub this_update: UnixTime,
    /// When there is a newer one.
    pub next_update: UnixTime,
    /// A strong entity tag, quotes included.
    pub etag: Arc<str>,
}

impl OcspReply {
    /// Makes an unsigned error.
    #[must_use]
    pub fn error(status: OcspErrorStatus) -> Self {
        Self { response: Arc::new(ocsp_error(status)), cacheable: None }
    }
}

impl Authority {
    /// Says whether certificates of this issuer have OCSP; those of a CA that signs only CAs have
    /// their status on the CRL alone.
    #[must_use]
    pub fn speaks_ocsp(&self, issuer: &IssuerName) -> bool {
        self.certified(issuer).is_ok_and(|issuer| issuer.is_issuing)
    }

    /// Answers an OCSP request for certificates of this issuer.
    pub async fn ocsp(&self, issuer: &IssuerName, request: &[u8]) -> OcspReply {
        let Ok(request) = OcspRequest::parse(request) else {
            return OcspReply::error(OcspErrorStatus::MalformedRequest);
        };
        let Some(entry) = self.entry_by_name(issuer) else {
            // RFC 5019 §2.2.3: not capable of answering authoritatively; tryLater if it will be.
            return OcspReply::error(match self.speaks_ocsp(issuer) {
                true => OcspErrorStatus::TryLater,
                false => OcspErrorStatus::Unauthorized,
            });
        };
        if !request.requests.iter().all(|id| entry.is_named(id)) {
            return OcspReply::error(OcspErrorStatus::Unauthorized);
        }
        match (request.requests.as_slice(), &request.nonce) {
            ([only], None) => self.kept_answer(&entry, only.hash, only.serial).await,
            _ => self.fresh_answer(&entry, item(&request)).await,
        }
    }

    /// Answers from the cache, or has it signed and keeps it.
    async fn kept_answer(
        &self,
        issuer: &Arc<IssuerEntry>,
        hash: CertIdHash,
        serial: Serial,
    ) -> OcspReply {
        let key = Key { issuer: issuer.issuer.id, hash, serial };
        let responders = &self.0.responders;
        if let Some(reply) = responders.get(&key, self.now()) {
            return reply;
        }
        let before = responders.forgotten();
        let subject = OcspSubject { hash: wire(hash), serial };
        let item = OcspItem { subjects: OcspSubjects(vec![subject]), nonce: OcspNonce(Vec::new()) };
        match self.batched(issuer, item).await {
            Outcome::Signed(signed) => {
                let reply = OcspReply {
                    cacheable: Some(Cacheable {
                        this_update: signed.this_update,
                        next_update: signed.next_update,
                        etag: etag(&signed.response),
                    }),
                    response: signed.response,
                };
                let half = signed.next_update.seconds_since(signed.this_update) / 2;
                let kept =
                    Kept { reply: reply.clone(), until: signed.this_update.plus_seconds(half) };
                responders.keep(key, kept, before);
                reply
            }
            Outcome::Failed(status) => OcspReply::error(status),
        }
    }

    async fn fresh_answer(&self, issuer: &Arc<IssuerEntry>, item: OcspItem) -> OcspReply {
        match self.batched(issuer, item).await {
            Outcome::Signed(signed) => OcspReply { response: signed.response, cacheable: None },
            Outcome::Failed(status) => OcspReply::error(status),
        }
    }
}

impl IssuerEntry {
    /// Says whether a client's CertID names a certificate of this issuer.
    fn is_named(&self, id: &CertId) -> bool {
        self.named.iter().any(|named| {
            named.hash == id.hash
                && named.issuer_name_hash == id.issuer_name_hash
                && named.issuer_key_hash == id.issuer_key_hash
        })
    }
}

fn item(request: &OcspRequest) -> OcspItem {
    let subject = |id: &CertId| OcspSubject { hash: wire(id.hash), serial: id.serial };
    OcspItem {
        subjects: OcspSubjects(request.requests.iter().map(subject).collect()),
        nonce: OcspNonce(request.nonce.clone().unwrap_or_default()),
    }
}

fn wire(hash: CertIdHash) -> WireHash {
    match hash {
        CertIdHash::Sha1 => WireHash::Sha1,
        CertIdHash::Sha256 => WireHash::Sha256,
    }
}

fn etag(response: &OcspResponseDer) -> Arc<str> {
    let digest = x509::sha256(response.as_bytes());
    let tag: String = digest[..16].iter().map(|b| format!("{b:02x}")).collect();
    Arc::from(format!("\"{tag}\""))
}

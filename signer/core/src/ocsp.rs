//! OCSP responses, built from the signer's own state.

use signer_proto::{CertIdHash, OcspItem, RevocationStatus};
use x509::{
    CertId, CertStatus, CrlReason, Name, PublicKey, ResponseData, Serial, SingleResponse, UnixTime,
};

use crate::state::Key;
use signer_policy::NeverIssued;

/// RFC 6960 §2.2: a certificate that was never issued is "revoked" at this time.
const NEVER_ISSUED_AT: UnixTime = UnixTime(0);

/// The times of a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OcspTimes {
    /// thisUpdate and producedAt.
    pub(crate) this_update: UnixTime,
    /// nextUpdate.
    pub(crate) next_update: UnixTime,
}

/// CertIDs of one issuer: name and key are hashed once for a whole batch.
pub(crate) struct CertIds {
    sha1: CertId,
    sha256: CertId,
}

impl CertIds {
    /// Hashes the issuer's name and key; `any` is a serial that is replaced later.
    pub(crate) fn new(issuer: &Name, issuer_key: &PublicKey, any: Serial) -> Self {
        let id = |hash| CertId::for_certificate(hash, issuer, issuer_key, any);
        Self { sha1: id(x509::CertIdHash::Sha1), sha256: id(x509::CertIdHash::Sha256) }
    }

    fn id(&self, hash: CertIdHash, serial: Serial) -> CertId {
        let template = match hash {
            CertIdHash::Sha1 => &self.sha1,
            CertIdHash::Sha256 => &self.sha256,
        };
        CertId { serial, ..template.clone() }
    }
}

/// The statuses of one item's certificates, in order; taken under the state lock.
#[derive(Debug, Clone)]
pub(crate) struct Statuses {
    statuses: Vec<CertStatus>,
    extended_revoke: bool,
}

/// Looks an item's certificates up; none if one was never issued and that is not answered.
pub(crate) fn statuses(issuer: &Key, item: &OcspItem, never: NeverIssued) -> Option<Statuses> {
    let mut extended_revoke = false;
    let statuses = item.subjects.0.iter().map(|subject| {
        if issuer.issued.get(&subject.serial).is_some() {
            return Some(status(issuer, &subject.serial));
        }
        extended_revoke = true;
        (never == NeverIssued::Revoked).then_some(CertStatus::Revoked {
            at: NEVER_ISSUED_AT,
            // RFC 6960 §2.2: certificateHold, so that it may become good later.
            reason: Some(CrlReason::CertificateHold),
        })
    });
    let statuses = statuses.collect::<Option<Vec<_>>>()?;
    Some(Statuses { statuses, extended_revoke })
}

fn status(issuer: &Key, serial: &Serial) -> CertStatus {
    match issuer.revocations.latest(serial) {
        Some(change) if change.status != RevocationStatus::Released => CertStatus::Revoked {
            at: change.at,
            reason: (change.reason != CrlReason::Unspecified).then_some(change.reason),
        },
        _ => CertStatus::Good,
    }
}

/// Builds the response to one item.
pub(crate) fn build(
    responder: &PublicKey,
    ids: &CertIds,
    times: OcspTimes,
    item: &OcspItem,
    statuses: &Statuses,
) -> ResponseData {
    let single = |(subject, status): (&signer_proto::OcspSubject, &CertStatus)| SingleResponse {
        cert_id: ids.id(subject.hash, subject.serial),
        status: *status,
        this_update: times.this_update,
        next_update: times.next_update,
    };
    let subjects = item.subjects.0.iter().zip(&statuses.statuses);
    ResponseData {
        responder_key_hash: responder.key_identifier(),
        produced_at: times.this_update,
        responses: subjects.map(single).collect(),
        nonce: (!item.nonce.0.is_empty()).then(|| item.nonce.0.clone()),
        extended_revoke: statuses.extended_revoke,
    }
}

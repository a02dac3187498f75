//! Revocation, hold and release. The signer's own set is the truth; the inventory follows it.

use std::sync::Arc;

use model::{CertificateStatus, Id, IssuedCertificate, Issuer, JournalPosition, NewAuditEvent};
use signer_proto::{Hold, Release, RevocationChange, RevocationStatus, Revoke};
use store::{StoreError, audit, certificates};
use x509::{CrlReason, UnixTime};

use crate::authority::Authority;
use crate::issue::IssueError;
use crate::issuers::IssuerEntry;
use crate::recover::action;
use crate::rings::Ring;

/// What is to become of a certificate.
#[derive(Debug, Clone)]
pub struct RevokeRequest {
    /// Which.
    pub id: Id<IssuedCertificate>,
    /// Why. certificateHold puts on hold, removeFromCRL releases (RFC 5280 §5.3.1).
    pub reason: CrlReason,
    /// Since when the key is believed to be known to others.
    pub invalidity: Option<UnixTime>,
    /// Who asks, for the audit.
    pub by: String,
}

impl Authority {
    /// Revokes, holds or releases. Revoking what is revoked already changes nothing and succeeds.
    pub async fn revoke(&self, request: RevokeRequest) -> Result<IssuedCertificate, IssueError> {
        // RFC 5280 §5.3.2; the signer says so too, but as of a message that we should not send.
        if let Some(since) = request.invalidity
            && (since.0 < 0 || since > self.now())
        {
            return Err(IssueError::InvalidityDate(since));
        }
        let certificate =
            certificates::get(&self.0.store, request.id).await?.ok_or(IssueError::NotFound)?;
        let issuer = self
            .entry_by_id(certificate.issuer)
            .ok_or_else(|| self.no_key_of(certificate.issuer))?;
        let change = self.ask_signer(&issuer, &certificate, &request).await?;
        self.forget_status(&issuer.ring, issuer.issuer.id, &change);
        let certificate = self.follow_change(certificate, &change, &request.by).await?;
        issuer.ring.note_recorded(change.position);
        Ok(certificate)
    }

    async fn ask_signer(
        &self,
        issuer: &Arc<IssuerEntry>,
        certificate: &IssuedCertificate,
        request: &RevokeRequest,
    ) -> Result<RevocationChange, IssueError> {
        let key = issuer.key.clone();
        let serial = certificate.serial;
        let signer = &issuer.ring.signer;
        Ok(match request.reason {
            CrlReason::CertificateHold => signer.hold(&Hold { key, serial }).await?,
            CrlReason::RemoveFromCrl => signer.release(&Release { key, serial }).await?,
            reason => {
                let invalidity = request.invalidity;
                signer.revoke(&Revoke { key, serial, reason, invalidity }).await?
            }
        })
    }

    /// Drops cached statuses and wakes the CRL job of the issuer's ring.
    pub(crate) fn forget_status(&self, ring: &Ring, issuer: Id<Issuer>, change: &RevocationChange) {
        self.0.responders.forget(issuer, change.serial);
        self.0.crls.mark_stale(issuer);
        ring.revoked.notify_one();
        let responder = self.entry_by_id(issuer).and_then(|entry| entry.responder.clone());
        if responder.is_some_and(|responder| responder.ring.name != ring.name) {
            ring.following_others.tell(change.position, issuer, change.serial);
        }
    }

    /// Brings the inventory to what the signer's set says.
    pub(crate) async fn follow_change(
        &self,
        mut certificate: IssuedCertificate,
        change: &RevocationChange,
        by: &str,
    ) -> Result<IssuedCertificate, IssueError> {
        let target = status_after(change);
        if certificate.status == target {
            return Ok(certificate);
        }
        let event = NewAuditEvent {
            at: self.now(),
            actor: by.to_owned(),
            action: action(change.status),
            target: certificate.id.to_string(),
            detail: format!(
                r#"{{"serial":"{}","reason":"{}"}}"#,
                certificate.serial,
                change.reason.as_str()
            ),
            journal: Some(JournalPosition(change.position)),
        };
        let (id, from) = (certificate.id, certificate.status);
        let outcome = self
            .0
            .store
            .write(move |tx| {
                Box::pin(async move {
                    certificates::set_status(tx, id, &from, &target).await?;
                    audit::append(tx, &event).await
                })
            })
            .await;
        match outcome {
            Ok(()) => {
                certificate.status = target;
                Ok(certificate)
            }
            // The journal job was faster, or another revocation came between: read again.
            Err(StoreError::Conflict) => {
                certificates::get(&self.0.store, id).await?.ok_or(IssueError::NotFound)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Says what a change makes of a certificate.
pub(crate) fn status_after(change: &RevocationChange) -> CertificateStatus {
    match change.status {
        RevocationStatus::Revoked => CertificateStatus::Revoked {
            at: change.at,
            reason: change.reason,
            invalidity: change.invalidity,
        },
        RevocationStatus::Held => CertificateStatus::Held { since: change.at },
        RevocationStatus::Released => CertificateStatus::Valid,
    }
}

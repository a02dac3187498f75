//! Revocations, holds and releases that the journal has.

use std::collections::BTreeMap;

use model::{AuditAction, CertificateStatus, Id, Issuer, JournalPosition, NewAuditEvent, UnixTime};
use signer_proto::{RevocationChange, RevocationChanged, RevocationStatus};
use store::{StoreError, Tx, audit, certificates};
use x509::Serial;

use super::portion::At;
use super::{Keys, RecoverError, RecoveryReport};
use crate::authority::Authority;
use crate::revoke::status_after;
use crate::rings::Ring;

/// The last change of a certificate within a portion.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) issuer: Id<Issuer>,
    pub(crate) change: RevocationChange,
    /// Made by this process, which forgot the old status already.
    pub(crate) ours: bool,
    pub(crate) noted_at: UnixTime,
}

impl Authority {
    pub(super) fn changes(
        &self,
        keys: &Keys,
        leaves: &[(At<RevocationChanged>, bool)],
        report: &mut RecoveryReport,
    ) -> Result<Vec<Known>, RecoverError> {
        let issuers = self.issuers();
        let mut last: BTreeMap<(Id<Issuer>, Serial), Known> = BTreeMap::new();
        for (leaf, ours) in leaves {
            let key = keys.by_id(leaf.event.key, leaf.position)?;
            let Some(issuer) = keys.ring.issuer_of(&issuers, key.label.as_str()) else {
                self.wait_for_others(&keys.ring, leaf.position)?;
                tracing::error!(position = leaf.position, key = %key.label, "a change of an unknown issuer");
                report.skipped += 1;
                continue;
            };
            let known = Known {
                issuer: issuer.id,
                change: RevocationChange {
                    position: leaf.position,
                    serial: leaf.event.serial,
                    status: leaf.event.status,
                    at: leaf.at,
                    reason: leaf.event.reason,
                    invalidity: leaf.event.invalidity,
                },
                ours: *ours,
                noted_at: self.now(),
            };
            last.insert((issuer.id, leaf.event.serial), known);
        }
        Ok(last.into_values().collect())
    }

    /// Drops cached statuses of what others changed, and wakes the CRL job for them.
    pub(crate) fn forget_changed(&self, ring: &Ring, changes: &[Known]) {
        for known in changes.iter().filter(|known| !known.ours) {
            self.forget_status(ring, known.issuer, &known.change);
        }
    }
}

/// Brings the inventory to what the changes say, and counts what it did not say yet.
pub(crate) async fn apply(tx: &mut Tx, changes: &[Known]) -> Result<u64, StoreError> {
    let mut changed = 0;
    for known in changes {
        let change = &known.change;
        let found = certificates::get_by_serial(&mut *tx, known.issuer, change.serial).await?;
        let Some(certificate) = found else {
            tracing::error!(serial = %change.serial, "a change of a certificate that the inventory lacks");
            continue;
        };
        let target = status_after(change);
        if certificate.status == target || is_final(&certificate.status, &target) {
            continue;
        }
        certificates::set_status(tx, certificate.id, &certificate.status, &target).await?;
        let event = NewAuditEvent {
            at: known.noted_at,
            actor: "system".into(),
            action: action(change.status),
            target: certificate.id.to_string(),
            detail: format!(
                r#"{{"serial":"{}","reason":"{}"}}"#,
                change.serial,
                change.reason.as_str()
            ),
            journal: Some(JournalPosition(change.position)),
        };
        audit::append(tx, &event).await?;
        changed += 1;
    }
    Ok(changed)
}

/// Says whether the inventory is ahead: revoked never changes, so what lies before it is over.
fn is_final(there: &CertificateStatus, target: &CertificateStatus) -> bool {
    let revoked = |status: &CertificateStatus| matches!(status, CertificateStatus::Revoked { .. });
    revoked(there) && !revoked(target)
}

/// Names a change for the audit.
pub(crate) fn action(status: RevocationStatus) -> AuditAction {
    match status {
        RevocationStatus::Revoked => AuditAction::CertificateRevoke,
        RevocationStatus::Held => AuditAction::CertificateHold,
        RevocationStatus::Released => AuditAction::CertificateRelease,
    }
}

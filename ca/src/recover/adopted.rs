//! CAs that were adopted, and what they issued before.

use model::{
    ADOPTED_PROFILE, AuditAction, CertificateStatus, Id, IssuedCertificate, Issuer,
    IssuerCertificate, IssuerKind, JournalPosition, NewAuditEvent, ProfileName, UnixTime,
};
use signer_proto::{InventoryImported, KeyAdopted, OldCertificate};
use x509::{CertificateDer, CrlReason, ForeignCertificate};

use super::portion::At;
use super::structure::{Found, Step};
use super::{Keys, RecoverError};
use crate::authority::Authority;
use crate::issuers::path_of;

/// Who asked for what was issued before is not known.
const REQUESTER: &str = "adoption";

impl Authority {
    /// Makes an issuer of an adopted CA, unless there is one with its key.
    pub(super) fn key_adopted(
        &self,
        keys: &Keys,
        (position, at): (u64, UnixTime),
        event: &KeyAdopted,
        listed: &[Issuer],
    ) -> Result<Step, RecoverError> {
        if keys.ring.issuer_of(listed, event.label.as_str()).is_some() {
            return Ok(Step::Nothing);
        }
        let certificate = ForeignCertificate::parse(event.certificate.as_bytes())
            .map_err(|source| RecoverError::Certificate { position, source })?;
        let itself = certificate.subject().der() == certificate.issuer().der();
        let parent = listed.iter().find(|above| !itself && is_above(above, &certificate));
        let found = Found {
            key: keys.by_id(event.id, position)?,
            subject: certificate.subject().der().clone(),
            parent: parent.map(|parent| parent.id),
            held: IssuerCertificate {
                certificate: event.certificate.clone(),
                chain: parent.map(|parent| path_of(parent, listed)).unwrap_or_default(),
                not_after: certificate.not_after(),
            },
            created_at: at,
        };
        let mut issuer = found.issuer(Id::generate(&*self.0.clock), &keys.ring, listed);
        if issuer.kind == IssuerKind::Root && !itself {
            // Another CA signed it, and is none of ours.
            issuer.kind = IssuerKind::Intermediate;
        }
        let event = NewAuditEvent {
            at: self.now(),
            actor: "system".into(),
            action: AuditAction::IssuerAdopt,
            target: issuer.name.to_string(),
            detail: format!(
                r#"{{"kind":"{}","imported":{},"certificates":{}}}"#,
                issuer.kind, event.imported, event.inventory.certificates
            ),
            journal: Some(JournalPosition(position)),
        };
        Ok(Step::Insert(Box::new(issuer), Box::new(event)))
    }

    /// Records what an adopted CA issued before.
    pub(super) fn inventory_imported(
        &self,
        keys: &Keys,
        leaf: &At<InventoryImported>,
        listed: &[Issuer],
    ) -> Result<Step, RecoverError> {
        let At { position, at, event } = leaf;
        let key = keys.by_id(event.key, *position)?;
        let Some(issuer) = keys.ring.issuer_of(listed, key.label.as_str()) else {
            tracing::error!(position, key = %key.label, "an inventory of an unknown issuer");
            return Ok(Step::Nothing);
        };
        let old = event.chunk.certificates.0.iter();
        let rows: Vec<IssuedCertificate> =
            old.map(|old| self.old_certificate(issuer, old, (*position, *at))).collect();
        let audit = NewAuditEvent {
            at: self.now(),
            actor: "system".into(),
            action: AuditAction::CertificateAdopt,
            target: issuer.name.to_string(),
            detail: format!(r#"{{"certificates":{}}}"#, rows.len()),
            journal: Some(JournalPosition(*position)),
        };
        Ok(Step::Adopt(keys.ring.name.clone(), rows, Box::new(audit)))
    }

    /// Makes the row of a certificate of which serial, end and status are all that is known.
    pub(crate) fn old_certificate(
        &self,
        issuer: &Issuer,
        old: &OldCertificate,
        (position, at): (u64, UnixTime),
    ) -> IssuedCertificate {
        IssuedCertificate {
            id: Id::generate(&*self.0.clock),
            issuer: issuer.id,
            serial: old.serial,
            profile: ProfileName::new(ADOPTED_PROFILE).expect("`adopted` is a profile name"),
            subject: String::new(),
            names: Vec::new(),
            not_before: UnixTime(0),
            not_after: old.not_after,
            spki_sha256: [0; 32],
            der: CertificateDer::from_vec(Vec::new()),
            status: status(old),
            journal: JournalPosition(position),
            requested_by: REQUESTER.into(),
            created_at: at,
            replaces: None,
        }
    }
}

fn status(old: &OldCertificate) -> CertificateStatus {
    match old.revoked {
        None => CertificateStatus::Valid,
        Some(revoked) if revoked.reason == CrlReason::CertificateHold => {
            CertificateStatus::Held { since: revoked.at }
        }
        Some(revoked) => CertificateStatus::Revoked {
            at: revoked.at,
            reason: revoked.reason,
            invalidity: revoked.invalidity,
        },
    }
}

/// Says whether a CA of ours signed the certificate.
fn is_above(above: &Issuer, certificate: &ForeignCertificate) -> bool {
    let Some(held) = above.state.certificate() else { return false };
    above.subject == *certificate.issuer().der()
        && ForeignCertificate::parse(held.certificate.as_bytes())
            .is_ok_and(|held| matches!(certificate.verify_by(held.public_key()), Some(Ok(()))))
}

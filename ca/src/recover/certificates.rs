//! Certificates that the journal has: into the inventory, if they are not there.

use futures_util::future::try_join_all;
use model::{
    AuditAction, CertificateStatus, Id, IssuedCertificate, Issuer, JournalPosition, NewAuditEvent,
    ProfileName,
};
use signer_proto::CertificateSigned;
use store::{NewIssued, Recorded};
use x509::{
    Certificate, CertificateDer, PublicKey, Signature, SignatureScheme, TbsCertificate,
    TbsCertificateDer, UnixTime,
};

use super::portion::At;
use super::{Keys, RecoverError, RecoveryReport};
use crate::authority::Authority;
use crate::issue::names_of;

/// Who asked for what is found only in the journal.
const UNKNOWN_REQUESTER: &str = "recovery";
/// The profile of what was issued under a text that is no profile's any more.
const UNKNOWN_PROFILE: &str = "unknown";

/// A signed certificate whose signature verifies.
pub(crate) struct Verified {
    pub(super) tbs: TbsCertificate,
    pub(super) der: CertificateDer,
}

impl Verified {
    /// Assembles and verifies what a leaf holds.
    pub(crate) fn new(
        tbs: &TbsCertificateDer,
        scheme: SignatureScheme,
        signature: &Signature,
        signer: &PublicKey,
        position: u64,
    ) -> Result<Self, RecoverError> {
        signer
            .verify(scheme, tbs.as_bytes(), signature)
            .map_err(|source| RecoverError::Signature { position, source })?;
        Ok(Self {
            der: Certificate::assemble(tbs, scheme, signature),
            tbs: TbsCertificate::parse(tbs.as_bytes())
                .map_err(|source| RecoverError::Certificate { position, source })?,
        })
    }
}

impl Authority {
    pub(super) async fn record_certificates(
        &self,
        keys: &Keys,
        leaves: &[At<CertificateSigned>],
        report: &mut RecoveryReport,
    ) -> Result<(), RecoverError> {
        let mut found = Vec::with_capacity(leaves.len());
        for leaf in leaves {
            match self.recovered(keys, leaf)? {
                Some(issued) => found.push(issued),
                None => report.skipped += 1,
            }
        }
        // Calls at the same time share a commit.
        let recorded = found.into_iter().map(|issued| self.0.store.record_issued(issued));
        let outcomes = try_join_all(recorded).await?;
        let fresh = outcomes.iter().filter(|outcome| **outcome == Recorded::New);
        report.certificates += fresh.count() as u64;
        Ok(())
    }

    fn recovered(
        &self,
        keys: &Keys,
        leaf: &At<CertificateSigned>,
    ) -> Result<Option<NewIssued>, RecoverError> {
        let At { position, at, event } = leaf;
        let key = keys.by_id(event.key, *position)?;
        let issuers = self.issuers();
        let Some(issuer) = keys.ring.issuer_of(&issuers, key.label.as_str()) else {
            self.wait_for_others(&keys.ring, *position)?;
            tracing::error!(position, key = %key.label, "a certificate of an unknown issuer");
            return Ok(None);
        };
        let signer = public_key(key, *position)?;
        let verified =
            Verified::new(&event.tbs, event.scheme, &event.signature, &signer, *position)?;
        let profile = self.recovered_profile(&event.profile.0);
        Ok(Some(self.new_issued(issuer, verified, profile, (*position, *at))))
    }

    /// Names the profile that a leaf tells by its digest.
    pub(crate) fn recovered_profile(&self, digest: &[u8; 32]) -> ProfileName {
        self.profile_by_digest(digest).unwrap_or_else(|| {
            ProfileName::new(UNKNOWN_PROFILE).expect("`unknown` is a profile name")
        })
    }

    /// Makes the row of a certificate that was found in the journal.
    pub(crate) fn new_issued(
        &self,
        issuer: &Issuer,
        Verified { tbs, der }: Verified,
        profile: ProfileName,
        (position, at): (u64, UnixTime),
    ) -> NewIssued {
        let names = tbs.extensions.subject_alt_name().unwrap_or_default();
        let certificate = IssuedCertificate {
            id: Id::generate(&*self.0.clock),
            issuer: issuer.id,
            serial: tbs.serial,
            profile,
            subject: tbs.subject.to_string(),
            names: names_of(&tbs.subject, names),
            not_before: tbs.not_before,
            not_after: tbs.not_after,
            spki_sha256: tbs.public_key.spki_sha256(),
            der,
            status: CertificateStatus::Valid,
            journal: JournalPosition(position),
            requested_by: UNKNOWN_REQUESTER.into(),
            created_at: at,
            replaces: None,
        };
        let audit = NewAuditEvent {
            at: self.now(),
            actor: "system".into(),
            action: AuditAction::CertificateRecover,
            target: certificate.id.to_string(),
            detail: format!(r#"{{"serial":"{}","issuer":"{}"}}"#, certificate.serial, issuer.name),
            journal: Some(certificate.journal),
        };
        NewIssued { certificate, idempotency: None, audit, ring: issuer.ring.clone(), order: None }
    }
}

/// Reads the public key of a key of the ring.
pub(crate) fn public_key(
    key: &signer_proto::KeyDescription,
    position: u64,
) -> Result<PublicKey, RecoverError> {
    key.spki
        .as_ref()
        .and_then(|spki| PublicKey::parse(spki.as_bytes()).ok())
        .ok_or(RecoverError::Key { position })
}

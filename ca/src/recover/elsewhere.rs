//! CAs whose key is in one ring and whose certificate was signed in another.
//!
//! The parent's journal has the certificate, the key's journal has the key, and neither waits for
//! the other: the certificate goes into the inventory as one of the parent's, and whichever comes
//! second finds the first.

use model::{
    AuditAction, Id, IssuedCertificate, Issuer, IssuerCertificate, IssuerKind, IssuerState,
};
use signer_proto::KeyDescription;
use std::sync::Arc;
use store::{certificates, issuers};
use x509::{Certificate, UnixTime, sha256};

use super::structure::{Found, Step, apply};
use super::{Keys, RecoverError};
use crate::authority::Authority;
use crate::issuers::path_of;
use crate::rings::{Progress, Ring};

impl Authority {
    /// Refuses to pass over a leaf of an unknown issuer while the journal of another ring, which
    /// may tell of it, is not followed to its end. Rings do not wait for each other in a circle.
    pub(super) fn wait_for_others(&self, ring: &Ring, position: u64) -> Result<(), RecoverError> {
        let mut others = self.0.rings.iter().filter(|other| other.name != ring.name);
        if others.any(|other| other.progress() == Progress::Behind) {
            return Err(RecoverError::IssuerElsewhere { position });
        }
        Ok(())
    }

    /// Looks in every ring for keys whose certificate was signed in another one. A ring that does
    /// not answer looks when it is followed again.
    pub(super) async fn take_signed_everywhere(&self) -> Result<u64, RecoverError> {
        let mut taken = 0;
        for ring in self.0.rings.iter().filter(|_| self.0.rings.len() > 1) {
            if ring.described().is_some() {
                taken += match self.take_signed(ring).await {
                    Err(RecoverError::Signer(_)) => 0,
                    outcome => outcome?,
                };
            }
        }
        Ok(taken)
    }

    /// Gives the CAs of a ring the certificates that other rings signed for their keys. Gives how
    /// many changed.
    pub(super) async fn take_signed(&self, ring: &Arc<Ring>) -> Result<u64, RecoverError> {
        if self.0.rings.len() == 1 {
            return Ok(0);
        }
        let keys = Keys::of(ring).await?;
        let mut taken = 0;
        for key in keys.authorities() {
            let _structuring = self.0.structuring.lock().await;
            let listed = issuers::list(&self.0.store).await?;
            let there = ring.issuer_of(&listed, key.label.as_str());
            let Some((parent, signed)) = self.signed_elsewhere(ring, key, there, &listed).await?
            else {
                continue;
            };
            let step = self.step(ring, key, (parent, &signed), &listed)?;
            if step.is_something() {
                let write = self.0.store.write(move |tx| Box::pin(apply(tx, step)));
                write.await?;
                taken += 1;
            }
        }
        if taken > 0 {
            if let Err(error) = self.reload_ring(ring).await {
                tracing::debug!(ring = %ring.name, %error, "its keys are read later");
            }
            self.wake_all();
        }
        Ok(taken)
    }

    /// Finds the newest certificate that a CA in another ring signed for a key, unless the issuer
    /// has it or one that is as new.
    async fn signed_elsewhere<'a>(
        &self,
        ring: &Ring,
        key: &KeyDescription,
        there: Option<&Issuer>,
        listed: &'a [Issuer],
    ) -> Result<Option<(&'a Issuer, IssuedCertificate)>, RecoverError> {
        let Some(spki) = &key.spki else {
            return Ok(None);
        };
        let mut newest: Option<(&Issuer, IssuedCertificate)> = None;
        for parent in listed.iter().filter(|p| !ring.holds(p) && p.kind != IssuerKind::Issuing) {
            // An issuer stays below the CA that it was asked for below.
            if there.is_some_and(|there| there.parent != Some(parent.id)) {
                continue;
            }
            let digest = sha256(spki.as_bytes());
            let found = certificates::newest_for_key(&self.0.store, parent.id, digest).await?;
            let is_newer = |found: &IssuedCertificate| {
                newest.as_ref().is_none_or(|(_, known)| known.created_at < found.created_at)
            };
            if let Some(found) = found.filter(is_newer) {
                newest = Some((parent, found));
            }
        }
        let held = there.and_then(|there| there.state.certificate());
        let is_news = |found: &IssuedCertificate| match held {
            None => true,
            Some(held) => held.certificate != found.der && !begins_later(held, found),
        };
        Ok(newest.filter(|(_, found)| is_news(found)))
    }

    fn step(
        &self,
        ring: &Ring,
        key: &KeyDescription,
        (parent, signed): (&Issuer, &IssuedCertificate),
        listed: &[Issuer],
    ) -> Result<Step, RecoverError> {
        let position = signed.journal.0;
        let parsed = Certificate::parse(signed.der.as_bytes())
            .map_err(|source| RecoverError::Certificate { position, source })?;
        let held = IssuerCertificate {
            certificate: signed.der.clone(),
            chain: path_of(parent, listed),
            not_after: signed.not_after,
        };
        match ring.issuer_of(listed, key.label.as_str()) {
            Some(Issuer { state: IssuerState::Draining(_) | IssuerState::Retired(_), .. }) => {
                Ok(Step::Nothing)
            }
            Some(issuer) => Ok(self.renewed(issuer, held, position)),
            None => {
                let found = Found {
                    key,
                    subject: parsed.tbs().subject.der().clone(),
                    parent: Some(parent.id),
                    held,
                    created_at: signed.created_at,
                };
                let issuer = found.issuer(Id::generate(&*self.0.clock), ring, listed);
                let event = self.event(AuditAction::IssuerActivate, &issuer, position);
                Ok(Step::Insert(Box::new(issuer), event))
            }
        }
    }
}

/// Says whether a certificate that is held begins later than one that was found.
fn begins_later(held: &IssuerCertificate, found: &IssuedCertificate) -> bool {
    let begin = |certificate: &Certificate| -> UnixTime { certificate.tbs().not_before };
    Certificate::parse(held.certificate.as_bytes())
        .is_ok_and(|held| begin(&held) > found.not_before)
}

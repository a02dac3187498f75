//! The certificates of our responders: issued for the rings' OCSP keys, renewed by themselves.

use std::sync::Arc;

use model::{AuditAction, Issuer, NewAuditEvent, ProfileName, Responder};
use store::{StoreError, audit, issuers};
use x509::Certificate;

use crate::authority::Authority;
use crate::issue::{IssueError, Recording, Standing};
use crate::issuers::{IssuerEntry, ResponderKey};
use crate::rings::Ring;

/// The profile of these certificates.
pub(crate) const RESPONDER_PROFILE: &str = "ocsp-responder";

impl Authority {
    /// Issues what is missing, and renews what has passed half of its time. Gives how many. An
    /// issuer that fails keeps no other from its responder; the first error is told. One ring's
    /// issuers.
    pub(crate) async fn renew_responders(&self, ring: &Arc<Ring>) -> Result<usize, IssueError> {
        let mut renewed = 0;
        let mut failed = None;
        for issuer in self.entries().iter().filter(|entry| ring.holds(&entry.issuer)) {
            let Some(key) = issuer.responder.as_ref().filter(|key| self.is_due(issuer, key)) else {
                continue;
            };
            match self.renew_responder(issuer, key).await {
                Ok(is_new) => renewed += usize::from(is_new),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if renewed > 0 {
            self.reload_ring(ring).await?;
            self.0.responders.forget_all();
        }
        failed.map_or(Ok(renewed), Err)
    }

    fn is_due(&self, issuer: &IssuerEntry, key: &ResponderKey) -> bool {
        let now = self.now();
        let Some((_, certificate)) = self.responder_of(issuer, now) else {
            return true;
        };
        let Ok(certificate) = Certificate::parse(certificate.as_bytes()) else {
            return true;
        };
        let tbs = certificate.tbs();
        let half = tbs.not_after.seconds_since(tbs.not_before) / 2;
        tbs.public_key != key.public_key || now >= tbs.not_before.plus_seconds(half)
    }

    async fn renew_responder(
        &self,
        issuer: &IssuerEntry,
        key: &ResponderKey,
    ) -> Result<bool, IssueError> {
        let lease = format!("responder/{}", issuer.issuer.id);
        let issue = self.issue_responder(issuer, key);
        Ok(self.0.leases.with(&lease, issue).await?.unwrap_or(false))
    }

    async fn issue_responder(
        &self,
        issuer: &IssuerEntry,
        key: &ResponderKey,
    ) -> Result<bool, IssueError> {
        let name =
            ProfileName::new(RESPONDER_PROFILE).map_err(|e| IssueError::State(e.to_string()))?;
        let profile = self.profile(&name)?;
        let serial = issuer.serials.take().await?;
        let prepared = issuer.facts.prepare_responder(
            &profile,
            &key.public_key,
            serial,
            &self.0.urls,
            self.now(),
        )?;
        let signed = self.sign(issuer, &profile, &prepared, Standing::default()).await?;
        let not_after = prepared.tbs().not_after;
        let recording = Recording {
            profile: name,
            requested_by: "system".into(),
            idempotency: None,
            replaces: None,
            order: None,
            validations: Vec::new(),
            proof: None,
        };
        let issued = self.record(issuer, recording, prepared, &signed).await?;
        let responder = Responder {
            ring: key.ring.name.clone(),
            key_label: key.label.to_string(),
            certificate: issued.certificate.der,
            not_after,
        };
        self.keep_responder(&issuer.issuer, responder).await
    }

    async fn keep_responder(
        &self,
        issuer: &Issuer,
        responder: Responder,
    ) -> Result<bool, IssueError> {
        let event = NewAuditEvent {
            at: self.now(),
            actor: "system".into(),
            action: AuditAction::IssuerResponder,
            target: issuer.name.to_string(),
            detail: format!(r#"{{"not_after":"{}"}}"#, responder.not_after),
            journal: None,
        };
        let (id, revision) = (issuer.id, issuer.revision);
        let outcome = self
            .0
            .store
            .write(move |tx| {
                Box::pin(async move {
                    issuers::update_responder(tx, id, revision, Some(&responder)).await?;
                    audit::append(tx, &event).await
                })
            })
            .await;
        match outcome {
            Ok(()) => Ok(true),
            // The issuer changed since it was read: what is in the database now is looked at in
            // the next round.
            Err(StoreError::Conflict) => {
                if let Some(ring) = self.ring(&issuer.ring) {
                    self.reload_ring(ring).await?;
                }
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }
}

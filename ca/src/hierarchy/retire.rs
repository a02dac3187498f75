//! The end of an issuer: first it issues no more, then, when nothing of it is valid, it is done.

use model::{AuditAction, Issuer, IssuerName, IssuerState, NewAuditEvent};
use store::{StoreError, certificates, issuers};

use super::IssuerError;
use crate::authority::Authority;
use crate::ocsp::RESPONDER_PROFILE;

/// So many certificates are looked at; a responder has two or three at a time.
const PAGE: u16 = 100;
/// How often a row that changed meanwhile is looked at again.
const TRIES: usize = 3;

impl Authority {
    /// Stops an issuer from issuing. CRL and OCSP go on until everything of it has expired; then
    /// it is retired by itself.
    pub async fn retire(&self, name: &IssuerName, by: &str) -> Result<Issuer, IssuerError> {
        let mut issuer = issuers::get_by_name(&self.0.store, name)
            .await?
            .ok_or_else(|| IssuerError::NotFound(name.clone()))?;
        issuer.state = issuer.state.drain(self.now())?;
        let event = self.end_event(&issuer, AuditAction::IssuerDrain, by);
        issuer.revision = self.keep_state(&issuer, event).await?;
        if let Err(error) = self.reload_issuers().await {
            tracing::warn!(%error, "the issuers are read again later");
        }
        Ok(issuer)
    }

    /// Retires issuers that drain and have nothing valid left. Gives how many.
    pub(crate) async fn retire_drained(&self) -> Result<usize, IssuerError> {
        let now = self.now();
        let listed = issuers::list(&self.0.store).await?;
        let draining = |issuer: &&Issuer| matches!(issuer.state, IssuerState::Draining(_));
        let mut retired = 0;
        for issuer in listed.iter().filter(draining) {
            let over = issuer.state.certificate().is_some_and(|held| held.not_after < now);
            if !over && self.has_unexpired(issuer).await? {
                continue;
            }
            if self.end(issuer).await? {
                retired += 1;
            }
        }
        if retired > 0 {
            self.list_issuers_again().await?;
        }
        Ok(retired)
    }

    /// Retires one issuer; tells whether it did.
    async fn end(&self, issuer: &Issuer) -> Result<bool, IssuerError> {
        // Its responder's certificate may be renewed at the same time, which changes the row.
        for _ in 0..TRIES {
            let Some(mut fresh) = issuers::get(&self.0.store, issuer.id).await? else {
                return Ok(false);
            };
            if !matches!(fresh.state, IssuerState::Draining(_)) {
                return Ok(false);
            }
            fresh.state = fresh.state.retire(self.now())?;
            let event = self.end_event(&fresh, AuditAction::IssuerRetire, "system");
            match self.keep_state(&fresh, event).await {
                Ok(_) => return Ok(true),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }

    /// Says whether anything is left that somebody may ask about. What is revoked counts until it
    /// expires, since it stands on the CRL; the responder's own certificates do not count, as they
    /// are renewed for as long as the issuer answers.
    async fn has_unexpired(&self, issuer: &Issuer) -> Result<bool, StoreError> {
        let now = self.now();
        let filter = certificates::Filter {
            issuer: Some(issuer.id),
            expires_after: Some(now),
            ..certificates::Filter::default()
        };
        let page = certificates::list(&self.0.store, &filter, now, None, PAGE).await?;
        let left = page.items.iter().any(|row| row.profile.as_str() != RESPONDER_PROFILE);
        Ok(left || page.next.is_some())
    }

    fn end_event(&self, issuer: &Issuer, action: AuditAction, by: &str) -> NewAuditEvent {
        NewAuditEvent {
            at: self.now(),
            actor: by.to_owned(),
            action,
            target: issuer.name.to_string(),
            detail: "{}".into(),
            journal: None,
        }
    }
}

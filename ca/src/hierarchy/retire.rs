//! The end of an issuer: first it issues no more, then, when nothing of it is valid, it is done.

use model::{AuditAction, Issuer, IssuerName, IssuerState, NewAuditEvent};
use store::{StoreError, certificates, issuers};

use super::IssuerError;
use crate::authority::Authority;

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
        if !listed.iter().any(|issuer| draining(&issuer)) {
            return Ok(0);
        }
        let counts = certificates::count_by_state(&self.0.store, now).await?;
        let mut retired = 0;
        for issuer in listed.iter().filter(draining) {
            let over = issuer
                .state
                .certificate()
                .is_some_and(|held| held.not_after < now);
            let left = counts.get(&issuer.id).is_some_and(|c| c.valid + c.held > 0);
            // A revoked certificate that has not expired still stands on the CRL: while the CA's
            // own certificate is valid, the CRL goes on.
            if left || !over && self.has_unexpired(issuer).await? {
                continue;
            }
            let state = issuer.state.clone().retire(now)?;
            let next = Issuer {
                state,
                ..issuer.clone()
            };
            let event = self.end_event(issuer, AuditAction::IssuerRetire, "system");
            match self.keep_state(&next, event).await {
                Ok(_) => retired += 1,
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if retired > 0 {
            self.list_issuers_again().await?;
        }
        Ok(retired)
    }

    async fn has_unexpired(&self, issuer: &Issuer) -> Result<bool, StoreError> {
        let now = self.now();
        let filter = certificates::Filter {
            issuer: Some(issuer.id),
            expires_after: Some(now),
            ..certificates::Filter::default()
        };
        let page = certificates::list(&self.0.store, &filter, now, None, 1).await?;
        Ok(!page.items.is_empty())
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

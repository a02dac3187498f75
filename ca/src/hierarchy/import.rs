//! The certificate of a CA of ours that somebody else signed.

use model::{
    AuditAction, Issuer, IssuerCertificate, IssuerKind, IssuerName, IssuerState, NewAuditEvent,
};
use store::{StoreError, audit, issuers};
use x509::{Deviation, ForeignCertificate, KeyUsage};

use super::{ImportFault, IssuerError};
use crate::authority::Authority;

impl Authority {
    /// Takes the certificate that somebody else signed for a key of ours, the first or a new one,
    /// with the path above it, root last. The operator has the key's policy end with it before
    /// ([`crate::ceremony::adopt`]).
    pub async fn import_certificate(
        &self,
        name: &IssuerName,
        certificate: ForeignCertificate,
        chain: Vec<ForeignCertificate>,
        accept_deviations: bool,
        by: &str,
    ) -> Result<Issuer, IssuerError> {
        let mut issuer = issuers::get_by_name(&self.0.store, name)
            .await?
            .ok_or_else(|| IssuerError::NotFound(name.clone()))?;
        if issuer.parent.is_some() || issuer.kind == IssuerKind::Root {
            let why = format!("`{name}` is signed by a CA of ours: nothing is imported for it");
            return Err(IssuerError::State(why));
        }
        self.check_key(&issuer, &certificate).await?;
        if certificate.subject().der() != &issuer.subject {
            return Err(ImportFault::OtherSubject.into());
        }
        check_authority(&certificate)?;
        let now = self.now();
        if now < certificate.not_before() || now > certificate.not_after() {
            return Err(ImportFault::NotNow.into());
        }
        let deviations = check_chain(&certificate, &chain)?;
        if !deviations.is_empty() && !accept_deviations {
            return Err(ImportFault::Deviates(deviations).into());
        }
        let held = IssuerCertificate {
            certificate: certificate.raw().clone(),
            chain: chain.iter().map(|above| above.raw().clone()).collect(),
            not_after: certificate.not_after(),
        };
        let (action, state) = match issuer.state {
            IssuerState::Pending(pending) => {
                (AuditAction::IssuerActivate, IssuerState::Active(pending.activate(held)))
            }
            other => (AuditAction::IssuerRenew, other.renew(held)?),
        };
        issuer.state = state;
        let event = NewAuditEvent {
            at: now,
            actor: by.to_owned(),
            action,
            target: issuer.name.to_string(),
            detail: r#"{"imported":true}"#.into(),
            journal: None,
        };
        issuer.revision = self.keep_state(&issuer, event).await?;
        if let Err(error) = self.reload_issuers().await {
            tracing::warn!(%error, "the imported issuer is taken into use later");
        }
        Ok(issuer)
    }

    async fn check_key(
        &self,
        issuer: &Issuer,
        certificate: &ForeignCertificate,
    ) -> Result<(), IssuerError> {
        let ring = self.ring(&issuer.ring).ok_or_else(|| IssuerError::Ring(issuer.ring.clone()))?;
        let described = ring.describe().await?;
        let mut keys = described.keys.0.iter();
        let spki = keys
            .find(|key| key.label.as_str() == issuer.key_label)
            .and_then(|key| key.spki.as_ref())
            .ok_or_else(|| {
                IssuerError::State(format!(
                    "the key does not exist yet: run `chancery ca csr {}` where the signer is",
                    issuer.name
                ))
            })?;
        if spki == certificate.public_key().spki() {
            Ok(())
        } else {
            Err(ImportFault::OtherKey.into())
        }
    }

    /// Writes an issuer's state with an audit event; gives the new revision.
    pub(super) async fn keep_state(
        &self,
        issuer: &Issuer,
        event: NewAuditEvent,
    ) -> Result<i64, StoreError> {
        let (id, revision, state) = (issuer.id, issuer.revision, issuer.state.clone());
        self.0
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let revision = issuers::update_state(tx, id, revision, &state).await?;
                    audit::append(tx, &event).await?;
                    Ok(revision)
                })
            })
            .await
    }
}

fn check_authority(certificate: &ForeignCertificate) -> Result<(), ImportFault> {
    if !certificate.basic_constraints().is_some_and(|bc| bc.ca) {
        return Err(ImportFault::NoCa("cA is not TRUE"));
    }
    let needed = KeyUsage::KEY_CERT_SIGN.union(KeyUsage::CRL_SIGN);
    if certificate.key_usage().is_some_and(|usage| !usage.contains(needed)) {
        return Err(ImportFault::NoCa("it may not sign certificates and CRLs"));
    }
    Ok(())
}

/// Follows the path upward; gives the deviations of all of it.
fn check_chain(
    leaf: &ForeignCertificate,
    above: &[ForeignCertificate],
) -> Result<Vec<Deviation>, ImportFault> {
    let mut deviations = leaf.deviations().to_vec();
    let path: Vec<&ForeignCertificate> = std::iter::once(leaf).chain(above).collect();
    for (index, pair) in path.windows(2).enumerate() {
        let (lower, upper) = (pair[0], pair[1]);
        if lower.issuer().der() != upper.subject().der() {
            return Err(ImportFault::Chain(index, None));
        }
        check_authority(upper)?;
        match lower.verify_by(upper.public_key()) {
            Some(Ok(())) => {}
            Some(Err(error)) => return Err(ImportFault::Chain(index, Some(error))),
            None => return Err(ImportFault::Chain(index, None)),
        }
        deviations.extend(upper.deviations().iter().cloned());
    }
    Ok(deviations)
}

//! A wish for a CA: the API keeps it, an operator executes it on admin.sock.

use model::{
    AuditAction, Id, Issuer, IssuerKind, IssuerName, IssuerState, NewAuditEvent, PendingIssuer,
    PendingRequest,
};
use store::{StoreError, audit, issuers};
use x509::{CsrDer, ForeignCertificate};

use super::{CaRequest, HierarchyError, IssuerError, check_path_length, within};
use crate::authority::Authority;

impl Authority {
    /// Keeps a wish for a CA. Nothing is signed: `chancery ca sign` executes it, and the journal
    /// brings the outcome back.
    pub async fn create_issuer(&self, request: CaRequest, by: &str) -> Result<Issuer, IssuerError> {
        let checked = request.check()?;
        let listed = issuers::list(&self.0.store).await?;
        let wanted = request.ring.as_ref().unwrap_or(&self.first_ring().name);
        let ring = self.ring(wanted).ok_or_else(|| IssuerError::Ring(wanted.clone()))?;
        let taken = |issuer: &&Issuer| {
            let same_key = ring.holds(issuer) && issuer.key_label == request.name.as_str();
            issuer.name == request.name || same_key
        };
        if listed.iter().any(|issuer| taken(&issuer)) {
            return Err(IssuerError::NameTaken(request.name));
        }
        let parent = match &request.parent {
            Some(name) => Some(
                listed
                    .iter()
                    .find(|issuer| issuer.name == *name && signs_authorities(issuer))
                    .ok_or_else(|| IssuerError::Parent(name.clone()))?,
            ),
            None => None,
        };
        if let Some(held) = parent.and_then(|parent| parent.state.certificate()) {
            let parent = ForeignCertificate::parse(held.certificate.as_bytes())
                .map_err(HierarchyError::Encode)?;
            let limit = parent.basic_constraints().and_then(|bc| bc.path_len);
            check_path_length(limit, checked.path_len)?;
            within(parent.name_constraints(), checked.constraints.as_ref())?;
        }
        let issuer = Issuer {
            id: Id::generate(&*self.0.clock),
            name: request.name.clone(),
            subject: checked.subject.der().clone(),
            parent: parent.map(|parent| parent.id),
            ring: ring.name.clone(),
            key_label: request.name.to_string(),
            kind: request.kind,
            is_issuing: request.kind == IssuerKind::Issuing,
            state: IssuerState::Pending(PendingIssuer {
                request: PendingRequest::Wish(request.to_text()?),
                spki: None,
                requested_at: self.now(),
            }),
            responder: None,
            revision: 1,
            created_at: self.now(),
        };
        let (row, event) = (issuer.clone(), self.created(&issuer, by));
        let outcome = self
            .0
            .store
            .write(move |tx| {
                Box::pin(async move {
                    issuers::insert(tx, &row).await?;
                    audit::append(tx, &event).await
                })
            })
            .await;
        match outcome {
            Ok(()) => {}
            Err(StoreError::Conflict) => return Err(IssuerError::NameTaken(request.name)),
            Err(error) => return Err(error.into()),
        }
        self.list_issuers_again().await?;
        Ok(issuer)
    }

    /// Returns the CSR of a pending issuer that somebody else is to sign.
    pub async fn issuer_csr(&self, name: &IssuerName) -> Result<CsrDer, IssuerError> {
        let issuer = issuers::get_by_name(&self.0.store, name)
            .await?
            .ok_or_else(|| IssuerError::NotFound(name.clone()))?;
        match issuer.state {
            IssuerState::Pending(PendingIssuer { request: PendingRequest::Csr(csr), .. }) => {
                Ok(csr)
            }
            IssuerState::Pending(_) => Err(IssuerError::State(format!(
                "there is no CSR yet: run `chancery ca csr {name}` where the signer is"
            ))),
            other => Err(IssuerError::State(format!(
                "the issuer is {} and has its certificate",
                other.as_str()
            ))),
        }
    }

    fn created(&self, issuer: &Issuer, by: &str) -> NewAuditEvent {
        NewAuditEvent {
            at: self.now(),
            actor: by.to_owned(),
            action: AuditAction::IssuerCreate,
            target: issuer.name.to_string(),
            detail: format!(r#"{{"kind":"{}"}}"#, issuer.kind),
            journal: None,
        }
    }
}

fn signs_authorities(issuer: &Issuer) -> bool {
    issuer.kind != IssuerKind::Issuing && matches!(issuer.state, IssuerState::Active(_))
}

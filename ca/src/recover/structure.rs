//! What admin.sock made: keys, requests for CAs' certificates, and CAs' certificates.

use model::{
    ActiveIssuer, AuditAction, Id, IssuedCertificate, Issuer, IssuerCertificate, IssuerKind,
    IssuerName, IssuerState, JournalPosition, NewAuditEvent, PendingIssuer, PendingRequest,
    ProfileName, RingName,
};
use signer_proto::{AuthoritySigned, KeyDescription, Purpose};
use store::{StoreError, Tx, audit, issuers};
use x509::{Csr, NameDer, SpkiDer, UnixTime};

use super::certificates::{Verified, public_key};
use super::portion::{At, Structural};
use super::{Keys, RecoverError};
use crate::authority::Authority;
use crate::issuers::path_of;
use crate::rings::Ring;

/// The profile that stands for certificates of CAs in the inventory.
const PROFILE: &str = "sub-ca";

/// What is to be done to the issuers.
pub(super) enum Step {
    Nothing,
    Insert(Box<Issuer>, Box<NewAuditEvent>),
    /// Certificates of before an adoption are recorded.
    Adopt(RingName, Vec<IssuedCertificate>, Box<NewAuditEvent>),
    Update {
        id: Id<Issuer>,
        revision: i64,
        state: Box<IssuerState>,
        event: Option<Box<NewAuditEvent>>,
    },
}

impl Step {
    pub(super) fn is_something(&self) -> bool {
        !matches!(self, Self::Nothing)
    }
}

/// Does it.
pub(super) async fn apply(tx: &mut Tx, step: Step) -> Result<(), StoreError> {
    match step {
        Step::Nothing => Ok(()),
        Step::Insert(issuer, event) => {
            issuers::insert(tx, &issuer).await?;
            audit::append(tx, &event).await
        }
        Step::Adopt(ring, rows, event) => {
            store::record_adopted(tx, &ring, &rows).await?;
            audit::append(tx, &event).await
        }
        Step::Update { id, revision, state, event } => {
            issuers::update_state(tx, id, revision, &state).await?;
            match event {
                Some(event) => audit::append(tx, &event).await,
                None => Ok(()),
            }
        }
    }
}

impl Authority {
    /// Finds out what a leaf means for the issuers.
    pub(super) async fn structure(
        &self,
        keys: &Keys,
        leaf: &At<Structural>,
    ) -> Result<Step, RecoverError> {
        // As they are now, not as they were cached: states are compared and set.
        let listed = issuers::list(&self.0.store).await?;
        let with_label = |label: &str| keys.ring.issuer_of(&listed, label);
        Ok(match &leaf.event {
            Structural::Key(event) => pending(with_label(event.label.as_str())).map_or(
                Step::Nothing,
                |(issuer, state)| {
                    let spki = event.spki.clone();
                    stay_pending(issuer, state.request.clone(), spki, state)
                },
            ),
            Structural::Request(event) => {
                let key = keys.by_id(event.key, leaf.position)?;
                let csr = Csr::assemble(&event.info, event.scheme, &event.signature);
                pending(with_label(key.label.as_str())).map_or(Step::Nothing, |(issuer, state)| {
                    // A CA of ours signs it, in another ring: `ca sign` may have to go on.
                    let request = match issuer.parent {
                        Some(_) => state.request.clone(),
                        None => PendingRequest::Csr(csr),
                    };
                    stay_pending(issuer, request, key.spki.clone(), state)
                })
            }
            Structural::Adopted(event) => {
                let place = (leaf.position, leaf.at);
                self.key_adopted(keys, place, event, &listed)?
            }
            Structural::Inventory(event) => {
                let At { position, at, .. } = *leaf;
                let leaf = At { position, at, event: event.clone() };
                self.inventory_imported(keys, &leaf, &listed)?
            }
            Structural::Authority(event) => {
                self.authority_signed(keys, leaf, event, &listed).await?
            }
        })
    }

    async fn authority_signed(
        &self,
        keys: &Keys,
        leaf: &At<Structural>,
        event: &AuthoritySigned,
        listed: &[Issuer],
    ) -> Result<Step, RecoverError> {
        let position = leaf.position;
        let signer = keys.by_id(event.key, position)?;
        let signer_key = public_key(signer, position)?;
        let verified =
            Verified::new(&event.tbs, event.scheme, &event.signature, &signer_key, position)?;
        let self_signed = verified.tbs.public_key == signer_key;
        let parent = match self_signed {
            true => None,
            false => keys.ring.issuer_of(listed, signer.label.as_str()),
        };
        let held = IssuerCertificate {
            certificate: verified.der.clone(),
            chain: parent.map(|parent| path_of(parent, listed)).unwrap_or_default(),
            not_after: verified.tbs.not_after,
        };
        let subject = verified.tbs.subject.der().clone();
        let own = keys.by_spki(verified.tbs.public_key.spki());
        if let Some(parent) = parent {
            // In the inventory as well, so that it can be found and revoked like any other.
            let profile = ProfileName::new(PROFILE).expect("`sub-ca` is a profile name");
            let at = (position, leaf.at);
            let issued = self.new_issued(parent, verified, profile, at);
            self.0.store.record_issued(issued).await?;
        }
        let Some(key) = own else {
            // Found in the inventory by its key, if that is in a ring of this server.
            tracing::info!(position, "a CA of another ring was signed");
            return Ok(Step::Nothing);
        };
        let there = keys.ring.issuer_of(listed, key.label.as_str());
        Ok(match there {
            Some(issuer) => self.renewed(issuer, held, position),
            None => {
                let found = Found {
                    key,
                    subject,
                    parent: parent.map(|parent| parent.id),
                    held,
                    created_at: leaf.at,
                };
                let issuer = found.issuer(Id::generate(&*self.0.clock), &keys.ring, listed);
                let event = self.event(AuditAction::IssuerActivate, &issuer, position);
                Step::Insert(Box::new(issuer), event)
            }
        })
    }

    /// Gives a pending issuer its first certificate, or an active one a new one.
    pub(super) fn renewed(&self, issuer: &Issuer, held: IssuerCertificate, position: u64) -> Step {
        let (action, state) = match issuer.state.clone() {
            IssuerState::Pending(pending) => {
                (AuditAction::IssuerActivate, IssuerState::Active(pending.activate(held)))
            }
            IssuerState::Active(active) => {
                (AuditAction::IssuerRenew, IssuerState::Active(active.renew(held)))
            }
            IssuerState::Draining(_) | IssuerState::Retired(_) => {
                tracing::warn!(issuer = %issuer.name, "a new certificate came for an issuer that issues no more");
                return Step::Nothing;
            }
        };
        Step::Update {
            id: issuer.id,
            revision: issuer.revision,
            state: Box::new(state),
            event: Some(self.event(action, issuer, position)),
        }
    }

    pub(super) fn event(
        &self,
        action: AuditAction,
        issuer: &Issuer,
        position: u64,
    ) -> Box<NewAuditEvent> {
        Box::new(NewAuditEvent {
            at: self.now(),
            actor: "system".into(),
            action,
            target: issuer.name.to_string(),
            detail: format!(r#"{{"kind":"{}"}}"#, issuer.kind),
            journal: Some(JournalPosition(position)),
        })
    }
}

fn pending(issuer: Option<&Issuer>) -> Option<(&Issuer, &PendingIssuer)> {
    match issuer {
        Some(issuer @ Issuer { state: IssuerState::Pending(state), .. }) => Some((issuer, state)),
        _ => None,
    }
}

fn stay_pending(
    issuer: &Issuer,
    request: PendingRequest,
    spki: Option<SpkiDer>,
    state: &PendingIssuer,
) -> Step {
    Step::Update {
        id: issuer.id,
        revision: issuer.revision,
        state: Box::new(IssuerState::Pending(PendingIssuer {
            request,
            spki,
            requested_at: state.requested_at,
        })),
        event: None,
    }
}

/// A CA whose certificate is there and which the inventory does not know.
pub(super) struct Found<'a> {
    pub(super) key: &'a KeyDescription,
    pub(super) subject: NameDer,
    /// None for a root.
    pub(super) parent: Option<Id<Issuer>>,
    pub(super) held: IssuerCertificate,
    pub(super) created_at: UnixTime,
}

impl Found<'_> {
    pub(super) fn issuer(self, id: Id<Issuer>, ring: &Ring, listed: &[Issuer]) -> Issuer {
        let is_taken = |name: &IssuerName| listed.iter().any(|issuer| issuer.name == *name);
        Issuer {
            id,
            name: name_of(self.key, ring, is_taken),
            subject: self.subject,
            parent: self.parent,
            ring: ring.name.clone(),
            key_label: self.key.label.to_string(),
            kind: kind_of(self.key, self.parent.is_none()),
            is_issuing: self.key.purpose == Purpose::CertAndCrl,
            state: IssuerState::Active(ActiveIssuer { certificate: self.held }),
            responder: None,
            revision: 1,
            created_at: self.created_at,
        }
    }
}

fn kind_of(key: &KeyDescription, self_signed: bool) -> IssuerKind {
    match key.purpose {
        Purpose::CertAndCrl => IssuerKind::Issuing,
        _ if self_signed => IssuerKind::Root,
        _ => IssuerKind::Intermediate,
    }
}

/// Names an issuer after its key, and after its ring if that name is taken: keys of two rings may
/// have one label. Labels may have characters that names have not.
fn name_of(
    key: &KeyDescription,
    ring: &Ring,
    is_taken: impl Fn(&IssuerName) -> bool,
) -> IssuerName {
    let slug = key.label.as_str().replace(['.', '_'], "-");
    let slug = slug.trim_matches('-');
    let names = [slug.to_owned(), format!("{slug}-{}", ring.name)];
    let free = names.into_iter().filter_map(|name| IssuerName::new(name).ok());
    free.into_iter().find(|name| !is_taken(name)).unwrap_or_else(|| {
        IssuerName::new(format!("ca-{}", key.id)).expect("hexadecimal digits make a name")
    })
}

//! The path of one certificate: docs/ISSUANCE.md follows it step by step.

use std::sync::atomic::Ordering;

use model::{
    AcmeOrder, AuditAction, CertificateStatus, Id, IssuedCertificate, JournalPosition,
    NewAuditEvent, ProfileName,
};
use signer_client::CallError;
use signer_proto::{
    Digest, Evidence, EvidenceList, IdempotencyKey, OfficerSignature, Positions, Renewal, Rule,
    SignCertificate, SignedCertificate,
};
use store::{IdempotencyEntry, NewIssued, Recorded, StoreError, certificates, idempotency};
use x509::{AttributeType, Csr, GeneralName};

use super::{Idempotency, IssueError, IssueRequest, Issued, Prepared, Wanted};
use crate::authority::Authority;
use crate::issuers::IssuerEntry;
use crate::profile::Profile;

/// The signer verified every signature already; one in so many is verified here again.
const VERIFY_ONE_IN: u32 = 64;

/// What the inventory keeps of a request.
pub(crate) struct Recording {
    pub(crate) profile: ProfileName,
    pub(crate) requested_by: String,
    pub(crate) idempotency: Option<Idempotency>,
    pub(crate) replaces: Option<Id<IssuedCertificate>>,
    /// The ACME order that it is for.
    pub(crate) order: Option<Id<AcmeOrder>>,
    /// Positions of validation records, for policies that demand them.
    pub(crate) validations: Vec<u64>,
    /// The old key's signature over the request, where somebody brought it.
    pub(crate) proof: Option<Renewal>,
}

impl IssueRequest {
    pub(super) fn wanted(&self) -> Wanted<'_> {
        Wanted {
            key: self.csr.public_key(),
            csr: Some(&self.csr),
            subject: self.subject.as_ref(),
            names: self.names.as_deref(),
            sid: None,
            validity: self.validity,
            between: (None, None),
        }
    }

    fn recording(&self) -> Recording {
        Recording {
            profile: self.profile.clone(),
            requested_by: self.requested_by.clone(),
            idempotency: self.idempotency.clone(),
            replaces: self.replaces,
            order: None,
            validations: Vec::new(),
            proof: None,
        }
    }
}

impl Authority {
    /// Issues one certificate: signed, durable in the signer's journal, and in the inventory.
    pub async fn issue(&self, request: IssueRequest) -> Result<Issued, IssueError> {
        let _turn = self.0.turns.take(request.idempotency.as_ref()).await;
        if let Some(issued) = self.replay(request.idempotency.as_ref()).await? {
            return Ok(issued);
        }
        check_csr(&request.csr)?;
        self.issue_wanted(&request.wanted(), request.recording()).await
    }

    /// Issues what was read and proved: from the profile to the inventory.
    pub(super) async fn issue_wanted(
        &self,
        wanted: &Wanted<'_>,
        recording: Recording,
    ) -> Result<Issued, IssueError> {
        let profile = self.profile(&recording.profile)?;
        let issuer = self.issuer_for(&profile)?;
        self.issue_by(&issuer, &profile, wanted, recording).await
    }

    pub(crate) async fn issue_by(
        &self,
        issuer: &IssuerEntry,
        profile: &Profile,
        wanted: &Wanted<'_>,
        recording: Recording,
    ) -> Result<Issued, IssueError> {
        let serial = issuer.serials.take().await?;
        let prepared = issuer.facts.prepare(profile, wanted, serial, &self.0.urls, self.now())?;
        let stands = Standing {
            csr: wanted.csr,
            validations: &recording.validations,
            proof: recording.proof.as_ref(),
            officers: &[],
        };
        let signed = self.sign(issuer, profile, &prepared, stands).await?;
        self.record(issuer, recording, prepared, &signed).await
    }

    /// Repeats what an idempotency key was answered with.
    pub(super) async fn replay(
        &self,
        wanted: Option<&Idempotency>,
    ) -> Result<Option<Issued>, IssueError> {
        let Some(wanted) = wanted else {
            return Ok(None);
        };
        let Some(entry) = idempotency::get(&self.0.store, wanted.token, &wanted.key).await? else {
            return Ok(None);
        };
        if entry.request_sha256 != wanted.request_sha256 {
            return Err(IssueError::IdempotencyConflict);
        }
        self.issued(entry.certificate).await.map(Some)
    }

    /// Reads an issued certificate with its path.
    pub(super) async fn issued(&self, id: Id<IssuedCertificate>) -> Result<Issued, IssueError> {
        let certificate =
            certificates::get(&self.0.store, id).await?.ok_or(IssueError::NotFound)?;
        let chain = self.path(certificate.issuer);
        Ok(Issued { certificate, chain, replayed: true })
    }

    /// Has the signer sign exactly the prepared bytes.
    pub(crate) async fn sign(
        &self,
        issuer: &IssuerEntry,
        profile: &Profile,
        prepared: &Prepared,
        stands: Standing<'_>,
    ) -> Result<SignedCertificate, IssueError> {
        let digest = x509::sha256(prepared.der().as_bytes());
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        let mut call = SignCertificate {
            key: issuer.key.clone(),
            policy: issuer.policy,
            profile: Digest(profile.digest),
            tbs: prepared.der().clone(),
            evidence: evidence(issuer, stands),
            // The serial is in the bytes, so their digest tells one request from all others and
            // a retry after a lost answer is the same request.
            idempotency: IdempotencyKey(key),
        };
        let signed = match issuer.ring.signer.sign_certificate(&call).await {
            Err(CallError::Refused(refusal)) if refusal.rule == Rule::PolicyDigestUnknown => {
                // The policy changed since the issuers were read.
                self.reload_ring(&issuer.ring).await?;
                let entry = self
                    .entry_by_id(issuer.issuer.id)
                    .ok_or_else(|| IssueError::NoIssuer("the issuer is gone".into()))?;
                call.policy = entry.policy;
                call.evidence = evidence(&entry, stands);
                let again = issuer.ring.signer.sign_certificate(&call).await;
                again.map_err(|error| entry.wants.advise(error))?
            }
            other => other.map_err(|error| issuer.wants.advise(error))?,
        };
        let count = self.0.signed.fetch_add(1, Ordering::Relaxed);
        if count.is_multiple_of(VERIFY_ONE_IN) {
            issuer
                .facts
                .public_key
                .verify(issuer.facts.scheme, prepared.der().as_bytes(), &signed.signature)
                .map_err(|_| IssueError::SignerFaulty)?;
        }
        Ok(signed)
    }

    /// Puts a signed certificate into the inventory.
    pub(crate) async fn record(
        &self,
        issuer: &IssuerEntry,
        recording: Recording,
        prepared: Prepared,
        signed: &SignedCertificate,
    ) -> Result<Issued, IssueError> {
        let assembled = prepared.assemble(&signed.signature);
        let now = self.now();
        let tbs = assembled.tbs;
        let certificate = IssuedCertificate {
            id: Id::generate(&*self.0.clock),
            issuer: issuer.issuer.id,
            serial: tbs.serial,
            profile: recording.profile,
            subject: tbs.subject.to_string(),
            names: names_of(&assembled.holder.subject, &assembled.holder.names),
            not_before: tbs.not_before,
            not_after: tbs.not_after,
            spki_sha256: tbs.public_key.spki_sha256(),
            der: assembled.certificate,
            status: CertificateStatus::Valid,
            journal: JournalPosition(signed.position),
            requested_by: recording.requested_by.clone(),
            created_at: now,
            replaces: recording.replaces,
        };
        let action = match recording.replaces {
            Some(_) => AuditAction::CertificateRenew,
            None => AuditAction::CertificateIssue,
        };
        let audit = NewAuditEvent {
            at: now,
            actor: recording.requested_by,
            action,
            target: certificate.id.to_string(),
            detail: format!(
                r#"{{"serial":"{}","profile":"{}","issuer":"{}"}}"#,
                certificate.serial, certificate.profile, issuer.issuer.name
            ),
            journal: Some(certificate.journal),
        };
        let entry = recording.idempotency.as_ref().map(|wanted| IdempotencyEntry {
            token: wanted.token,
            key: wanted.key.clone(),
            request_sha256: wanted.request_sha256,
            certificate: certificate.id,
            created_at: now,
        });
        let new = NewIssued {
            certificate: certificate.clone(),
            idempotency: entry,
            audit,
            ring: issuer.issuer.ring.clone(),
            order: recording.order,
        };
        let recorded = match self.0.store.record_issued(new).await {
            Err(StoreError::Conflict) => {
                // Another server answered a request with this key meanwhile. What was signed here
                // is in the journal, and recorded from there.
                let other = self.replay(recording.idempotency.as_ref()).await?;
                return other.ok_or(IssueError::Store(StoreError::Conflict));
            }
            outcome => outcome?,
        };
        issuer.ring.note_recorded(signed.position);
        match recorded {
            Recorded::New => Ok(Issued { certificate, chain: issuer.path(), replayed: false }),
            Recorded::Known(id) => self.issued(id).await,
        }
    }
}

/// Verifies a CSR's own signature. A weak key verifies nothing: that is told as what it is, or
/// its owner would look for the fault in the signature. Keys that do are checked when the
/// certificate is prepared.
pub(super) fn check_csr(csr: &Csr) -> Result<(), IssueError> {
    csr.verify_self_signature().map_err(|error| match csr.public_key().check_strength() {
        Err(weak) => IssueError::WeakKey(weak),
        Ok(()) => IssueError::CsrSignature(error),
    })
}

/// What can stand for a certificate beside its bytes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Standing<'a> {
    pub(crate) csr: Option<&'a Csr>,
    pub(crate) validations: &'a [u64],
    /// What people brought.
    pub(crate) proof: Option<&'a Renewal>,
    pub(crate) officers: &'a [OfficerSignature],
}

/// Sends what the policy speaks of, since the signer checks whatever it is given, and what people
/// brought: that is to stand in the journal. With a renewal the CSR goes along.
fn evidence(issuer: &IssuerEntry, stands: Standing<'_>) -> EvidenceList {
    let csr = stands.csr.filter(|_| issuer.wants.request && stands.proof.is_none());
    let request = csr.map(|csr| Evidence::Request(csr.der().clone()));
    let records = issuer.wants.validation && !stands.validations.is_empty();
    let records = records.then(|| Evidence::Validation(Positions(stands.validations.to_vec())));
    let proof = stands.proof.cloned().map(Evidence::Renewal);
    let officers = stands.officers.iter().cloned().map(Evidence::Officer);
    EvidenceList(request.into_iter().chain(records).chain(proof).chain(officers).collect())
}

/// Collects what a search by name finds: the alternative names and the common names, as text.
pub(crate) fn names_of(subject: &x509::Name, alternative: &[GeneralName]) -> Vec<String> {
    let mut names: Vec<String> = alternative
        .iter()
        .filter_map(|name| match name {
            GeneralName::Dns(text)
            | GeneralName::Email(text)
            | GeneralName::Uri(text)
            | GeneralName::Upn(text) => Some(text.clone()),
            GeneralName::Ip(ip) => Some(ip.to_string()),
            _ => None,
        })
        .collect();
    for attribute in subject.attributes() {
        let value = attribute.value();
        if attribute.attribute_type() == AttributeType::CommonName
            && !names.iter().any(|name| name == value)
        {
            names.push(value.to_owned());
        }
    }
    names
}

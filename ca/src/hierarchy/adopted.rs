//! The certificates that an adopted CA issued before, beyond their serial numbers.

use model::{AuditAction, IssuerName, NewAuditEvent};
use store::{AdoptedContent, audit, complete_adopted, issuers};
use x509::ForeignCertificate;

use super::IssuerError;
use crate::authority::Authority;
use crate::issue::names_of;

/// What became of certificates that were brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completed {
    /// Stored: of these, serial and status alone were known.
    pub stored: u64,
    /// Left as they were: stored before.
    pub known: u64,
    /// Of no serial number that the inventory has.
    pub unknown: u64,
}

impl Authority {
    /// Stores certificates that an adopted CA issued before, each with the serial that the journal
    /// has of it.
    ///
    /// # Errors
    /// [`IssuerError`]; nothing is stored if one of them is not the issuer's.
    pub async fn complete_adopted(
        &self,
        name: &IssuerName,
        certificates: Vec<ForeignCertificate>,
        by: &str,
    ) -> Result<Completed, IssuerError> {
        let issuer = issuers::get_by_name(&self.0.store, name)
            .await?
            .ok_or_else(|| IssuerError::NotFound(name.clone()))?;
        let held = issuer
            .state
            .certificate()
            .and_then(|held| ForeignCertificate::parse(held.certificate.as_bytes()).ok());
        let held =
            held.ok_or_else(|| IssuerError::State(format!("`{name}` has no certificate")))?;
        let mut rows = Vec::with_capacity(certificates.len());
        for certificate in &certificates {
            rows.push(content(certificate, &held)?);
        }
        let mut event = NewAuditEvent {
            at: self.now(),
            actor: by.to_owned(),
            action: AuditAction::CertificateAdopt,
            target: name.to_string(),
            detail: String::new(),
            journal: None,
        };
        let done = self
            .0
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let mut done = Completed { stored: 0, known: 0, unknown: 0 };
                    for (serial, content) in &rows {
                        match complete_adopted(tx, issuer.id, *serial, content).await? {
                            Some(true) => done.stored += 1,
                            Some(false) => done.known += 1,
                            None => done.unknown += 1,
                        }
                    }
                    event.detail = format!(r#"{{"stored":{}}}"#, done.stored);
                    audit::append(tx, &event).await?;
                    Ok(done)
                })
            })
            .await?;
        Ok(done)
    }
}

fn content(
    certificate: &ForeignCertificate,
    issuer: &ForeignCertificate,
) -> Result<(x509::Serial, AdoptedContent), IssuerError> {
    let serial = certificate.serial();
    let ours = certificate.issuer().der() == issuer.subject().der()
        && matches!(certificate.verify_by(issuer.public_key()), Some(Ok(())));
    let Some(serial) = serial.filter(|_| ours) else {
        let subject = certificate.subject();
        return Err(IssuerError::State(format!("the certificate of `{subject}` is another CA's")));
    };
    let names = certificate.extensions().subject_alt_name().unwrap_or_default();
    let content = AdoptedContent {
        subject: certificate.subject().to_string(),
        names: names_of(certificate.subject(), names),
        not_before: certificate.not_before().0,
        spki_sha256: certificate.public_key().spki_sha256(),
        der: certificate.raw().as_bytes().to_vec(),
    };
    Ok((serial, content))
}

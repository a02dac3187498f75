//! Renewal: the same names under the same profile, for the same key or a new one.

use model::{ADOPTED_PROFILE, CertificateStatus, Id, IssuedCertificate};
use store::certificates;
use x509::{Certificate, Csr, ExtensionValue};

use super::flow::check_csr;
use super::{Idempotency, IssueError, Issued, Recording, Wanted};
use crate::authority::Authority;

impl Authority {
    /// Issues a certificate in place of another: profile, subject and names are taken over from
    /// it. The key is the CSR's; without one it is the same, whose possession was proved before.
    pub async fn renew(
        &self,
        id: Id<IssuedCertificate>,
        csr: Option<Csr>,
        requested_by: String,
        idempotency: Option<Idempotency>,
    ) -> Result<Issued, IssueError> {
        let _turn = self.0.turns.take(idempotency.as_ref()).await;
        if let Some(issued) = self.replay(idempotency.as_ref()).await? {
            return Ok(issued);
        }
        if let Some(csr) = &csr {
            check_csr(csr)?;
        }
        let old = certificates::get(&self.0.store, id).await?.ok_or(IssueError::NotFound)?;
        if !matches!(old.status, CertificateStatus::Valid) {
            return Err(IssueError::State(format!(
                "the certificate is {} and is not renewed: issue a new one",
                old.status.as_str()
            )));
        }
        if old.profile.as_str() == ADOPTED_PROFILE {
            let why = "the certificate was issued before its CA was adopted, and under no profile: \
                       issue a new one";
            return Err(IssueError::State(why.into()));
        }
        let parsed = Certificate::parse(old.der.as_bytes()).map_err(IssueError::Encode)?;
        let tbs = parsed.tbs();
        let names = tbs.extensions.subject_alt_name().unwrap_or_default();
        let wanted = Wanted {
            key: csr.as_ref().map_or(&tbs.public_key, Csr::public_key),
            csr: csr.as_ref(),
            subject: Some(&tbs.subject),
            names: Some(names),
            sid: tbs.extensions.iter().find_map(|e| match &e.value {
                ExtensionValue::MicrosoftSid(sid) => Some(sid.as_str()),
                _ => None,
            }),
            validity: None,
            between: (None, None),
        };
        let recording = Recording {
            profile: old.profile,
            requested_by,
            idempotency,
            replaces: Some(id),
            order: None,
            validations: Vec::new(),
        };
        self.issue_wanted(&wanted, recording).await
    }
}

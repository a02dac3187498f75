//! Renewal: the same names under the same profile, for the same key or a new one.

use model::{ADOPTED_PROFILE, CertificateStatus, Id, IssuedCertificate};
use signer_proto::Renewal;
use store::certificates;
use x509::{Certificate, Csr, ExtensionValue, Signature, SignatureScheme};

use super::flow::check_csr;
use super::{Idempotency, IssueError, Issued, Recording, Wanted};
use crate::authority::Authority;

impl Authority {
    /// Issues a certificate in place of another: profile, subject and names are taken over from
    /// it. The key is the CSR's; without one it is the same, whose possession was proved before.
    ///
    /// `proof` is the old key's signature over the CSR ([`Renewal::message`]).
    pub async fn renew(
        &self,
        id: Id<IssuedCertificate>,
        (csr, proof): (Option<Csr>, Option<Vec<u8>>),
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
        let old = self.renewable(id).await?;
        let proof = proof.map(|signature| old.proof(csr.as_ref(), signature)).transpose()?;
        let recording = Recording {
            profile: old.row.profile.clone(),
            requested_by,
            idempotency,
            replaces: Some(id),
            order: None,
            validations: Vec::new(),
            proof,
        };
        self.issue_wanted(&old.wanted(csr.as_ref()), recording).await
    }

    /// Reads a certificate that may be renewed.
    pub(super) async fn renewable(&self, id: Id<IssuedCertificate>) -> Result<Renewed, IssueError> {
        let row = certificates::get(&self.0.store, id).await?.ok_or(IssueError::NotFound)?;
        if !matches!(row.status, CertificateStatus::Valid) {
            return Err(IssueError::State(format!(
                "the certificate is {} and is not renewed: issue a new one",
                row.status.as_str()
            )));
        }
        if row.profile.as_str() == ADOPTED_PROFILE {
            let why = "the certificate was issued before its CA was adopted, and under no profile: \
                       issue a new one";
            return Err(IssueError::State(why.into()));
        }
        let certificate = Certificate::parse(row.der.as_bytes()).map_err(IssueError::Encode)?;
        Ok(Renewed { row, certificate })
    }
}

/// A certificate that another one takes over from.
pub(super) struct Renewed {
    pub(super) row: IssuedCertificate,
    certificate: Certificate,
}

impl Renewed {
    /// Asks for the same again.
    pub(super) fn wanted<'a>(&'a self, csr: Option<&'a Csr>) -> Wanted<'a> {
        let tbs = self.certificate.tbs();
        Wanted {
            key: csr.map_or(&tbs.public_key, Csr::public_key),
            csr,
            subject: Some(&tbs.subject),
            names: Some(tbs.extensions.subject_alt_name().unwrap_or_default()),
            sid: tbs.extensions.iter().find_map(|e| match &e.value {
                ExtensionValue::MicrosoftSid(sid) => Some(sid.as_str()),
                _ => None,
            }),
            validity: None,
            between: (None, None),
        }
    }

    /// Makes evidence of the old key's signature. How it signed is found out: whoever called
    /// openssl chose a digest, and need not say which.
    pub(super) fn proof(
        &self,
        csr: Option<&Csr>,
        signature: Vec<u8>,
    ) -> Result<Renewal, IssueError> {
        let Some(csr) = csr else {
            let why = "a renewal is proved over a CSR, and there is none";
            return Err(IssueError::RenewalProof(why.to_owned()));
        };
        let key = &self.certificate.tbs().public_key;
        let message = Renewal::message(csr.der());
        let signature = Signature::from_vec(signature);
        let verifies = |scheme: &SignatureScheme| {
            scheme.is_verified_for(key.kind()) && key.verify(*scheme, &message, &signature).is_ok()
        };
        let Some(scheme) = SignatureScheme::ALL.into_iter().find(verifies) else {
            let serial = self.row.serial;
            let why = format!("the signature is not by the key of {serial} over this CSR");
            return Err(IssueError::RenewalProof(why));
        };
        let renewed = self.row.journal.0;
        Ok(Renewal { renewed, csr: csr.der().clone(), scheme, signature })
    }
}

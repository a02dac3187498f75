//! Issuing for an ACME order (RFC 8555 §7.4): checked first, so that a CSR which is at fault leaves
//! the order ready, and issued later, perhaps by another process after a crash.

use model::{AcmeOrder, Id, IssuedCertificate, ProfileName};
use x509::{Csr, GeneralName, Name, UnixTime};

use super::flow::check_csr;
use super::{IssueError, Issued, Recording, Wanted};
use crate::authority::Authority;

/// What an order wants.
#[derive(Debug)]
pub struct OrderRequest {
    /// The order; the certificate completes it in one transaction.
    pub order: Id<AcmeOrder>,
    /// Under which profile.
    pub profile: ProfileName,
    /// The CSR.
    pub csr: Csr,
    /// The subject, in place of the CSR's.
    pub subject: Name,
    /// The alternative names, in place of the CSR's.
    pub names: Vec<GeneralName>,
    /// The wished first and last second; exactly these or none.
    pub between: (Option<UnixTime>, Option<UnixTime>),
    /// Who asks, for the audit.
    pub requested_by: String,
    /// Which certificate this one takes over from.
    pub replaces: Option<Id<IssuedCertificate>>,
    /// Positions of validation records, for policies that demand them.
    pub validations: Vec<u64>,
}

/// An order that profile and issuer admit and whose CSR proves possession of its key. Only
/// [`Authority::check_order`] makes one.
#[derive(Debug)]
pub struct CheckedOrder(OrderRequest);

impl CheckedOrder {
    /// Returns the request.
    #[must_use]
    pub fn request(&self) -> &OrderRequest {
        &self.0
    }
}

impl Authority {
    /// Checks what can be checked before anything is signed: the CSR's signature, its key, and
    /// that the profile admits names, subject and requested extensions.
    pub fn check_order(&self, request: OrderRequest) -> Result<CheckedOrder, IssueError> {
        let profile = self.profile(&request.profile)?;
        let issuer = self.issuer_for(&profile)?;
        check_csr(&request.csr)?;
        issuer.facts.admit(&profile, &wanted(&request), self.now())?;
        Ok(CheckedOrder(request))
    }

    /// Issues for an order: signed, durable in the signer's journal, in the inventory and the
    /// order complete.
    pub async fn issue_order(&self, order: CheckedOrder) -> Result<Issued, IssueError> {
        let CheckedOrder(request) = order;
        let recording = Recording {
            profile: request.profile.clone(),
            requested_by: request.requested_by.clone(),
            idempotency: None,
            replaces: request.replaces,
            order: Some(request.order),
            validations: request.validations.clone(),
            proof: None,
        };
        self.issue_wanted(&wanted(&request), recording).await
    }
}

fn wanted(request: &OrderRequest) -> Wanted<'_> {
    Wanted {
        key: request.csr.public_key(),
        csr: Some(&request.csr),
        subject: Some(&request.subject),
        names: Some(&request.names),
        sid: None,
        validity: None,
        between: request.between,
    }
}

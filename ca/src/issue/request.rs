//! What is asked for, and what comes of it.

use model::{ApiToken, Id, IssuedCertificate, ProfileName};
use x509::{CertificateDer, Csr, GeneralName, Name};

use crate::profile::Seconds;

/// A request for a certificate, from any protocol.
#[derive(Debug)]
pub struct IssueRequest {
    /// Under which profile.
    pub profile: ProfileName,
    /// The CSR; its own signature is verified here.
    pub csr: Csr,
    /// A subject in place of the CSR's.
    pub subject: Option<Name>,
    /// Alternative names in place of the CSR's.
    pub names: Option<Vec<GeneralName>>,
    /// A span in place of the profile's.
    pub validity: Option<Seconds>,
    /// Who asks, for the audit.
    pub requested_by: String,
    /// What makes a retry the same request.
    pub idempotency: Option<Idempotency>,
    /// Which certificate this one takes over from.
    pub replaces: Option<Id<IssuedCertificate>>,
}

/// What makes a retry the same request.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// Whose key it is.
    pub token: Id<ApiToken>,
    /// The key as the client chose it.
    pub key: String,
    /// SHA-256 of the request.
    pub request_sha256: [u8; 32],
}

/// A certificate that is signed, journaled and in the inventory.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate.
    pub certificate: IssuedCertificate,
    /// The path above it, root last.
    pub chain: Vec<CertificateDer>,
    /// Whether it was issued before and is only repeated here.
    pub replayed: bool,
}

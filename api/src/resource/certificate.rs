//! Certificates of the inventory.

use model::{CertificateState, CertificateStatus, Id, IssuedCertificate, Issuer, UnixTime};
use serde::Serialize;
use utoipa::ToSchema;
use x509::{CertificateDer, pem};

use super::Time;

/// A certificate without its bytes, as lists have it.
#[derive(Debug, Serialize, ToSchema)]
pub struct CertificateSummary {
    /// Identifies it in this API.
    #[schema(value_type = String)]
    pub id: Id<IssuedCertificate>,
    /// The serial number in hexadecimal.
    #[schema(example = "01d3b5f0a1c2")]
    pub serial: String,
    /// The name of its issuer.
    pub issuer: String,
    /// The profile that it was issued from.
    #[schema(example = "tls-server")]
    pub profile: String,
    /// Its state now.
    #[schema(value_type = String, example = "valid")]
    pub state: CertificateState,
    /// The subject (RFC 4514); may be empty.
    pub subject: String,
    /// Alternative names and common names.
    pub names: Vec<String>,
    /// The first second of its validity; none where only the serial number was adopted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Time>,
    /// The last second of its validity.
    pub not_after: Time,
    /// SHA-256 of the SubjectPublicKeyInfo in hexadecimal; none as above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spki_sha256: Option<String>,
    /// Who asked for it.
    pub requested_by: String,
    /// When it was recorded.
    pub created_at: Time,
    /// The certificate in whose place it was issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub replaces: Option<Id<IssuedCertificate>>,
    /// What was said against it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation: Option<RevocationBody>,
}

/// A revocation or a hold.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevocationBody {
    /// The reason (RFC 5280 §5.3.1); `certificateHold` for a hold.
    #[schema(example = "keyCompromise")]
    pub reason: &'static str,
    /// When it was revoked or held.
    pub at: Time,
    /// Since when the key is suspected (RFC 5280 §5.3.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invalidity_date: Option<Time>,
}

/// A certificate with its bytes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Certificate)]
pub struct CertificateBody {
    /// What stands in lists, too.
    #[serde(flatten)]
    pub summary: CertificateSummary,
    /// The certificate (RFC 7468 §5); none where only the serial number was adopted with its CA.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "-----BEGIN CERTIFICATE-----\n…")]
    pub certificate: Option<String>,
    /// The certificates above it, root last.
    pub chain: Vec<String>,
}

impl CertificateSummary {
    /// Describes a certificate at `now`; its issuer is named by the list of issuers.
    #[must_use]
    pub fn new(certificate: &IssuedCertificate, issuers: &[Issuer], now: UnixTime) -> Self {
        let issuer = issuers.iter().find(|issuer| issuer.id == certificate.issuer);
        let name = |issuer: &Issuer| issuer.name.to_string();
        let known = !certificate.is_serial_alone();
        Self {
            id: certificate.id,
            serial: certificate.serial.to_hex(),
            // An issuer that this process has not read yet has its id for a name.
            issuer: issuer.map_or_else(|| certificate.issuer.to_string(), name),
            profile: certificate.profile.to_string(),
            state: certificate.state(now),
            subject: certificate.subject.clone(),
            names: certificate.names.clone(),
            not_before: known.then_some(Time(certificate.not_before)),
            not_after: Time(certificate.not_after),
            spki_sha256: known.then(|| hex::encode(certificate.spki_sha256)),
            requested_by: certificate.requested_by.clone(),
            created_at: Time(certificate.created_at),
            replaces: certificate.replaces,
            revocation: revocation(&certificate.status),
        }
    }
}

fn revocation(status: &CertificateStatus) -> Option<RevocationBody> {
    match *status {
        CertificateStatus::Valid => None,
        CertificateStatus::Held { since } => Some(RevocationBody {
            reason: x509::CrlReason::CertificateHold.as_str(),
            at: Time(since),
            invalidity_date: None,
        }),
        CertificateStatus::Revoked { at, reason, invalidity } => Some(RevocationBody {
            reason: reason.as_str(),
            at: Time(at),
            invalidity_date: invalidity.map(Time),
        }),
    }
}

impl CertificateBody {
    /// Describes a certificate with the path above it.
    #[must_use]
    pub fn new(
        certificate: &IssuedCertificate,
        chain: &[CertificateDer],
        issuers: &[Issuer],
        now: UnixTime,
    ) -> Self {
        let encode = |der: &CertificateDer| pem::encode("CERTIFICATE", der.as_bytes());
        Self {
            summary: CertificateSummary::new(certificate, issuers, now),
            certificate: (!certificate.is_serial_alone()).then(|| encode(&certificate.der)),
            chain: chain.iter().map(encode).collect(),
        }
    }
}

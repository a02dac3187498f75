//! Issuers.

use ca::PublicUrls;
use model::{Id, Issuer, IssuerKind, IssuerState, PendingIssuer, PendingRequest};
use serde::Serialize;
use utoipa::ToSchema;
use x509::{CertificateDer, ForeignCertificate, Name, pem};

use super::Time;

/// One of our CAs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Issuer)]
pub struct IssuerBody {
    /// Identifies it.
    #[schema(value_type = String)]
    pub id: Id<Issuer>,
    /// Its name in this API and in URLs.
    #[schema(example = "issuing")]
    pub name: String,
    /// Its place in the hierarchy.
    #[schema(value_type = String, example = "issuing")]
    pub kind: IssuerKind,
    /// `pending`, `active`, `draining` or `retired`.
    #[schema(example = "active")]
    pub state: &'static str,
    /// Whether it issues leaf certificates.
    pub is_issuing: bool,
    /// The subject (RFC 4514).
    pub subject: String,
    /// The name of the issuer above it, if that is ours.
    pub parent: Option<String>,
    /// The ring that holds its key.
    pub ring: String,
    /// The key's label in the ring.
    pub key_label: String,
    /// When it was made.
    pub created_at: Time,
    /// The last second of its certificate.
    pub not_after: Option<Time>,
    /// The last second of its OCSP responder's certificate.
    pub responder_not_after: Option<Time>,
    /// Its certificate (RFC 7468 §5); null while it is pending.
    pub certificate: Option<String>,
    /// The certificates above it, root last.
    pub chain: Vec<String>,
    /// While it is pending: the wish that `chancery ca sign` executes, in TOML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wish: Option<String>,
    /// Where relying parties find its status.
    pub urls: IssuerUrls,
}

/// Where relying parties find an issuer's status.
#[derive(Debug, Serialize, ToSchema)]
pub struct IssuerUrls {
    /// The CRL.
    pub crl: String,
    /// OCSP; CAs that sign only CAs have none.
    pub ocsp: Option<String>,
    /// The certificate.
    pub certificate: String,
}

impl IssuerBody {
    /// Describes an issuer; `path` is its certificate and those above it.
    #[must_use]
    pub fn new(
        issuer: &Issuer,
        path: &[CertificateDer],
        all: &[Issuer],
        urls: &PublicUrls,
    ) -> Self {
        let parent = all.iter().find(|above| Some(above.id) == issuer.parent);
        let subject = Name::parse(issuer.subject.as_bytes());
        let (certificate, chain) = match path.split_first() {
            Some((own, above)) => (Some(own), above),
            None => (None, path),
        };
        Self {
            id: issuer.id,
            name: issuer.name.to_string(),
            kind: issuer.kind,
            state: issuer.state.as_str(),
            is_issuing: issuer.is_issuing,
            subject: subject.map_or_else(|_| String::new(), |name| name.to_string()),
            parent: parent.map(|parent| parent.name.to_string()),
            ring: issuer.ring.to_string(),
            key_label: issuer.key_label.clone(),
            created_at: Time(issuer.created_at),
            not_after: issuer.state.certificate().map(|held| Time(held.not_after)),
            responder_not_after: issuer.responder.as_ref().map(|held| Time(held.not_after)),
            certificate: certificate.map(encode),
            chain: chain.iter().map(encode).collect(),
            wish: wish(&issuer.state),
            urls: IssuerUrls {
                crl: urls.crl(&issuer.name),
                ocsp: issuer.is_issuing.then(|| urls.ocsp(&issuer.name)),
                certificate: urls.ca_certificate(&issuer.name),
            },
        }
    }
}

fn wish(state: &IssuerState) -> Option<String> {
    match state {
        IssuerState::Pending(PendingIssuer { request: PendingRequest::Wish(text), .. }) => {
            Some(text.clone())
        }
        _ => None,
    }
}

fn encode(der: &CertificateDer) -> String {
    pem::encode("CERTIFICATE", der.as_bytes())
}

/// Writes a path as PEM, leaf first, without self-issued certificates above the first: clients
/// have their roots (RFC 8555 §9.1).
#[must_use]
pub fn pem_of(path: &[CertificateDer]) -> String {
    let self_issued = |der: &CertificateDer| {
        ForeignCertificate::parse(der.as_bytes())
            .is_ok_and(|certificate| certificate.subject() == certificate.issuer())
    };
    let wanted = |(index, der): &(usize, &CertificateDer)| *index == 0 || !self_issued(der);
    let blocks = path.iter().enumerate().filter(wanted);
    blocks.map(|(_, der)| encode(der)).collect()
}

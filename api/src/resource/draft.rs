//! Drafts of certificates.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca::Draft;
use serde::Serialize;
use utoipa::ToSchema;

use super::Time;

/// A certificate that waits for signatures of people. The server keeps nothing of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct DraftBody {
    /// What is to be given back as it is, with the signatures.
    pub draft: String,
    /// The serial number that the certificate will have, in hexadecimal.
    #[schema(example = "01d3b5f0a1c2")]
    pub serial: String,
    /// The name of its issuer.
    pub issuer: String,
    /// The profile.
    #[schema(example = "tls-server")]
    pub profile: String,
    /// The subject (RFC 4514); may be empty.
    pub subject: String,
    /// The first second of the certificate's validity.
    pub not_before: Time,
    /// The last second of the certificate's validity.
    pub not_after: Time,
    /// The last second in which the draft can be issued.
    pub expires_at: Time,
    /// The to-be-signed certificate: base64 of its DER.
    pub tbs: String,
    /// What an officer signs, octet by octet: `ssh-keygen -Y sign -n NAMESPACE`.
    pub summary: String,
    /// The namespace of officers' signatures.
    #[schema(example = "chancery/officer/v1")]
    pub namespace: &'static str,
    /// The sets of evidence of which the signer's policy demands one; empty: none.
    #[schema(example = json!([["possession", "officer"], ["renewal"]]))]
    pub demands: Vec<Vec<String>>,
}

impl From<Draft> for DraftBody {
    fn from(draft: Draft) -> Self {
        Self {
            serial: draft.tbs.serial.to_hex(),
            issuer: draft.issuer.to_string(),
            profile: draft.profile.to_string(),
            subject: draft.tbs.subject.to_string(),
            not_before: Time(draft.tbs.not_before),
            not_after: Time(draft.tbs.not_after),
            expires_at: Time(draft.expires),
            tbs: STANDARD.encode(draft.der.as_bytes()),
            summary: draft.summary,
            namespace: Draft::NAMESPACE,
            demands: draft.demands,
            draft: draft.sealed,
        }
    }
}

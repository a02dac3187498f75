//! A CA that was elsewhere before is taken over.

use signer_proto::{Action, AdoptKey, Digest, KeySource, KeySpec, Refusal, Rule};
use x509::{CertificateDer, ForeignCertificate, KeyUsage, PublicKey};

use crate::proposal::Subject;

/// The largest certificate of an adopted CA, in octets: with any warrant it fits a leaf.
const MAX_CERTIFICATE: usize = 16 * 1024;

pub(super) fn subject(call: &AdoptKey) -> Result<Subject, Refusal> {
    let ca = adopted_ca(&call.certificate)?;
    let held = &ca.certificate;
    let inventory = call.inventory;
    let subject = Subject::new(Action::Adopt)
        .line("Key", &call.label)
        .line("Key purpose", call.purpose)
        .line("Key algorithm", ca.spec)
        .line("Public key", Digest(held.public_key().spki_sha256()))
        .line("Certificate", Digest(held.sha256()));
    let subject = match &call.source {
        KeySource::Location(location) => subject.line("Key location", location),
        KeySource::File(digest) => subject.line("Key file", digest),
    };
    let first = inventory.first.map_or("none".to_owned(), |digest| digest.to_string());
    let subject = subject
        .line("CRL numbers", format!("above {}", call.crl_number))
        .line("Inventory", format!("{} certificates", inventory.certificates))
        .line("Inventory digest", first)
        .words(format!("takes over the CA {}", held.subject()))
        .words(format!("issued by {}", if ca.root { "itself" } else { "another CA" }))
        .words(format!("valid from {} to {}", held.not_before(), held.not_after()));
    Ok(match &call.source {
        KeySource::Location(_) => subject,
        KeySource::File(_) => {
            subject.words("the key comes as a file: whoever has a copy of it can sign as this CA")
        }
    })
}

/// What the certificate of a CA that is taken over says.
#[derive(Debug)]
pub struct AdoptedCa {
    /// The certificate.
    pub certificate: ForeignCertificate,
    /// The algorithm of its key.
    pub spec: KeySpec,
    /// Whether it names itself as its issuer.
    pub root: bool,
}

impl AdoptedCa {
    /// Returns its key.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        self.certificate.public_key()
    }
}

/// Reads the certificate of a CA that is to be taken over.
///
/// # Errors
/// `field-malformed`, `der-not-strict`, or the rule that the CA breaks: what is signed by it from
/// now on would not be a chain with it.
pub fn adopted_ca(der: &CertificateDer) -> Result<AdoptedCa, Refusal> {
    let refuse = |rule, why: &str| Err(Refusal::new(rule, format!("the CA's certificate: {why}")));
    if der.as_bytes().len() > MAX_CERTIFICATE {
        return refuse(Rule::FieldMalformed, "it is longer than 16 KiB");
    }
    let certificate = ForeignCertificate::parse(der.as_bytes())
        .map_err(|error| Refusal::new(Rule::DerNotStrict, error.to_string()))?;
    if !certificate.basic_constraints().is_some_and(|bc| bc.ca) {
        return refuse(Rule::BasicConstraintsRefused, "cA is not TRUE");
    }
    let needed = KeyUsage::KEY_CERT_SIGN.union(KeyUsage::CRL_SIGN);
    if certificate.key_usage().is_some_and(|usage| !usage.contains(needed)) {
        return refuse(Rule::KeyUsageRefused, "it may not sign certificates and CRLs");
    }
    let key = certificate.public_key();
    // RFC 5280 §4.2.1.1: what is signed from now on names the key by its SHA-1.
    let own = key.key_identifier();
    if certificate.subject_key_identifier().is_some_and(|named| named != own) {
        return refuse(
            Rule::SubjectKeyIdMismatch,
            "its key identifier is not the SHA-1 of its key",
        );
    }
    let spec = KeySpec::ALL.iter().find(|spec| spec.kind() == Some(key.kind())).copied();
    let spec = spec.ok_or_else(|| Refusal::new(Rule::KeySpecRefused, key.kind().to_string()))?;
    key.check_strength().map_err(|error| Refusal::new(Rule::WeakKey, error.to_string()))?;
    let root = certificate.issuer().der() == certificate.subject().der();
    Ok(AdoptedCa { certificate, spec, root })
}

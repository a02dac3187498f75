//! A CA whose key is in another ring, or in somebody else's hands: its CSR, signed by a CA of
//! ours.

use x509::{
    BasicConstraints, Certificate, CertificateDer, Csr, ExtensionValue, KeyUsage, Name,
    NameConstraints, UnixTime,
};

use super::CeremonyError;
use super::execute::Parent;
use super::operator::Operator;
use super::ring::{Ring, label};
use crate::hierarchy::permitted;
use crate::hierarchy::request::LONGEST;
use crate::hierarchy::{self, CaWish};
use crate::profile::Seconds;
use crate::urls::PublicUrls;

/// What a CSR's CA is to be.
#[derive(Debug, Clone)]
pub struct RequestWish {
    /// A subject in place of the CSR's.
    pub subject: Option<Name>,
    /// From now to its last second; never beyond the parent's.
    pub validity: Seconds,
    /// How many CAs may stand below it, in place of what the CSR asks for; 0 if neither says.
    pub path_len: Option<u8>,
    /// Domains and networks that it is confined to, in place of what the CSR asks for.
    pub constraints: Vec<String>,
}

/// Has the certificate of a CA signed whose key is not in this ring. Who has the key takes it in
/// with [`adopt`](super::adopt) and an import.
///
/// The CSR's own signature and the key's strength are verified. Of its extensions,
/// basicConstraints, keyUsage and nameConstraints are looked at; the certificate has the
/// extensions of every CA of ours and no others. Each run signs another certificate.
pub async fn sign_request(
    operator: &Operator,
    parent: &Parent,
    csr: &Csr,
    wish: &RequestWish,
    urls: &PublicUrls,
    now: UnixTime,
) -> Result<CertificateDer, CeremonyError> {
    // The strength first: a weak key verifies nothing.
    csr.public_key().check_strength().map_err(CeremonyError::WeakKey)?;
    csr.verify_self_signature().map_err(CeremonyError::CsrSignature)?;
    let asked = Asked::of(csr)?;
    let ring = Ring(operator);
    if let Some(own) = ring.holder_of(csr.public_key()).await? {
        return Err(CeremonyError::KeyOfThisRing(own.to_string()));
    }
    let above =
        Certificate::parse(parent.certificate.as_bytes()).map_err(CeremonyError::Certificate)?;
    let signer = label(&parent.key_label)?;
    let signer = ring.key(&signer).await?;
    let signer = signer.ok_or_else(|| CeremonyError::NoKey(parent.key_label.clone()))?;
    let subject = wish.subject.as_ref().unwrap_or(csr.subject());
    if subject.is_empty() {
        return Err(CeremonyError::NotACa("it names nobody"));
    }
    if wish.validity.0 <= 0 || wish.validity > LONGEST {
        return Err(hierarchy::CaRequestError::Validity.into());
    }
    let wish = CaWish {
        subject: subject.clone(),
        public_key: csr.public_key().clone(),
        validity: wish.validity,
        path_len: Some(wish.path_len.or(asked.path_len).unwrap_or(0)),
        constraints: permitted(&wish.constraints)?.or(asked.constraints),
        crl_url: Some(urls.crl(&parent.name)),
        parent_url: Some(urls.ca_certificate(&parent.name)),
    };
    let serial = ring.serial(&signer).await?;
    let tbs = hierarchy::subordinate(&wish, &above, serial, signer.scheme, now)?;
    ring.sign(&signer, &tbs).await
}

/// What a CSR asks for that a CA's certificate may have in more than one way.
#[derive(Default)]
struct Asked {
    path_len: Option<u8>,
    constraints: Option<NameConstraints>,
}

impl Asked {
    fn of(csr: &Csr) -> Result<Self, CeremonyError> {
        let mut asked = Self::default();
        for extension in csr.extensions().iter() {
            match &extension.value {
                ExtensionValue::BasicConstraints(BasicConstraints { ca: false, .. }) => {
                    return Err(CeremonyError::NotACa("it asks for cA FALSE"));
                }
                ExtensionValue::BasicConstraints(basic) => asked.path_len = basic.path_len,
                ExtensionValue::KeyUsage(usage) if !usage.contains(KeyUsage::KEY_CERT_SIGN) => {
                    return Err(CeremonyError::NotACa(
                        "it asks for a key usage without keyCertSign",
                    ));
                }
                ExtensionValue::NameConstraints(names) => asked.constraints = Some(names.clone()),
                _ => {}
            }
        }
        Ok(asked)
    }
}

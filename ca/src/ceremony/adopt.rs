//! CAs of ours that somebody else signs: what the signer must know of their certificates.

use x509::{CertificateDer, CsrDer, ForeignCertificate, UnixTime};

use super::CeremonyError;
use super::ends::{move_back, move_end};
use super::execute::csr;
use super::operator::Operator;
use super::ring::{Key, Ring, label};

/// Has the policy of a CA's key end with the certificate that somebody else signed for it, the
/// first or a later one. Gives the end before, for [`end_at`] if the server does not take the
/// certificate in.
///
/// It goes before the import: an issuer that is active while the signer does not know its end
/// would issue certificates that outlive it, or none. It can be run again.
pub async fn adopt(
    operator: &Operator,
    key_label: &str,
    certificate: &CertificateDer,
) -> Result<UnixTime, CeremonyError> {
    let ring = Ring(operator);
    let held = foreign(certificate)?;
    let mut key = key_of(&ring, key_label, &held).await?;
    if key.policy.is_none() {
        return Err(CeremonyError::NoPolicy(key.label.to_string()));
    }
    if ring.issuer(&key).await? != *held.subject().der() {
        return Err(CeremonyError::OtherSubject(held.subject().to_string()));
    }
    let before = ring.issuer_not_after(&key).await?;
    move_end(&ring, &mut key, held.not_after()).await?;
    Ok(before)
}

/// Puts the end of a key's policy where it was.
pub async fn end_at(
    operator: &Operator,
    key_label: &str,
    end: UnixTime,
) -> Result<(), CeremonyError> {
    let ring = Ring(operator);
    let name = label(key_label)?;
    let found = ring.key(&name).await?;
    let mut key = found.ok_or_else(|| CeremonyError::NoKey(name.to_string()))?;
    move_back(&ring, &mut key, end).await
}

/// Has a CSR signed for a CA that has its certificate: whoever signed that is to renew it.
pub async fn request_renewal(
    operator: &Operator,
    key_label: &str,
    certificate: &CertificateDer,
) -> Result<CsrDer, CeremonyError> {
    let ring = Ring(operator);
    let held = foreign(certificate)?;
    let key = key_of(&ring, key_label, &held).await?;
    let path_len = held.basic_constraints().and_then(|bc| bc.path_len);
    csr(&ring, held.subject(), path_len, &key).await
}

fn foreign(certificate: &CertificateDer) -> Result<ForeignCertificate, CeremonyError> {
    ForeignCertificate::parse(certificate.as_bytes()).map_err(CeremonyError::Certificate)
}

async fn key_of(
    ring: &Ring<'_>,
    key_label: &str,
    held: &ForeignCertificate,
) -> Result<Key, CeremonyError> {
    let name = label(key_label)?;
    let found = ring.key(&name).await?;
    let key = found.ok_or_else(|| CeremonyError::NoKey(name.to_string()))?;
    if key.public_key != *held.public_key() {
        return Err(CeremonyError::OtherKey {
            label: name.to_string(),
            what: "not the one in the certificate".into(),
        });
    }
    Ok(key)
}

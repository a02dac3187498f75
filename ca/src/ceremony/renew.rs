//! A new certificate for a CA's key: same subject, same key, later end.

use signer_client::CallError;
use x509::{Certificate, CertificateDer, UnixTime};

use super::CeremonyError;
use super::ends::{move_back, move_end};
use super::execute::Parent;
use super::operator::Operator;
use super::ring::{Key, Ring, label};
use crate::hierarchy::{self, CaWish};
use crate::profile::Seconds;
use crate::urls::PublicUrls;

/// What is renewed.
#[derive(Debug, Clone)]
pub struct Renewal {
    /// The label of its key.
    pub key_label: String,
    /// Its certificate as it is.
    pub certificate: CertificateDer,
    /// The CA of ours above it; none for a root.
    pub parent: Option<Parent>,
    /// From now to the new end.
    pub validity: Seconds,
}

/// Has a new certificate signed for a CA's key and moves its policy's end along.
pub async fn renew(
    operator: &Operator,
    renewal: &Renewal,
    urls: &PublicUrls,
    now: UnixTime,
) -> Result<CertificateDer, CeremonyError> {
    let ring = Ring(operator);
    let name = label(&renewal.key_label)?;
    let found = ring.key(&name).await?;
    let mut key = found.ok_or_else(|| CeremonyError::NoKey(name.to_string()))?;
    let Some(parent) = &renewal.parent else {
        let wish = wish(&key, renewal, urls)?;
        return root(&ring, &mut key, &wish, now).await;
    };
    let certificate = sign_renewal(operator, &key, parent, renewal, (urls, now)).await?;
    // It may be an earlier draft, which operators had signed already.
    let signed = Certificate::parse(certificate.as_bytes()).map_err(CeremonyError::Certificate)?;
    move_end(&ring, &mut key, signed.tbs().not_after).await?;
    Ok(certificate)
}

/// Has a new certificate signed for a CA's key by its parent, whose key the operator's ring has.
pub(super) async fn sign_renewal(
    operator: &Operator,
    key: &Key,
    parent: &Parent,
    renewal: &Renewal,
    (urls, now): (&PublicUrls, UnixTime),
) -> Result<CertificateDer, CeremonyError> {
    let ring = Ring(operator);
    let wish = wish(key, renewal, urls)?;
    let above =
        Certificate::parse(parent.certificate.as_bytes()).map_err(CeremonyError::Certificate)?;
    let parent_label = label(&parent.key_label)?;
    let signer = ring.key(&parent_label).await?;
    let signer = signer.ok_or_else(|| CeremonyError::NoKey(parent.key_label.clone()))?;
    let serial = ring.serial(&signer).await?;
    let tbs = hierarchy::subordinate(&wish, &above, serial, signer.scheme, now)?;
    ring.sign(&signer, &tbs).await
}

/// Reads from the certificate that is held what the new one is to be.
fn wish(key: &Key, renewal: &Renewal, urls: &PublicUrls) -> Result<CaWish, CeremonyError> {
    let held =
        Certificate::parse(renewal.certificate.as_bytes()).map_err(CeremonyError::Certificate)?;
    let tbs = held.tbs();
    if tbs.public_key != key.public_key {
        return Err(CeremonyError::OtherKey {
            label: key.label.to_string(),
            what: "not the one in the certificate".into(),
        });
    }
    Ok(CaWish {
        subject: tbs.subject.clone(),
        public_key: key.public_key.clone(),
        validity: renewal.validity,
        path_len: tbs.extensions.basic_constraints().and_then(|bc| bc.path_len),
        constraints: tbs.extensions.name_constraints().cloned(),
        crl_url: renewal.parent.as_ref().map(|parent| urls.crl(&parent.name)),
        parent_url: renewal.parent.as_ref().map(|parent| urls.ca_certificate(&parent.name)),
    })
}

/// How long a renewal may have waited for operators to sign its second act, in seconds.
const WAITED: i64 = 8 * 86_400;

/// Renews a root by itself. The policy goes first: no certificate outlives what it says. It comes
/// back if nothing was signed.
async fn root(
    ring: &Ring<'_>,
    key: &mut Key,
    wish: &CaWish,
    now: UnixTime,
) -> Result<CertificateDer, CeremonyError> {
    let before = ring.issuer_not_after(key).await?;
    let planned = now.plus_seconds(wish.validity.0 - 1);
    // A renewal that waited here for operators planned with another clock.
    let moved = (0..WAITED).contains(&planned.seconds_since(before));
    if !moved {
        move_end(ring, key, planned).await?;
    }
    let end = if moved { before } else { planned };
    let wish = CaWish { validity: Seconds(end.seconds_since(now) + 1), ..wish.clone() };
    let serial = ring.serial(key).await?;
    let tbs = hierarchy::root(&wish, serial, key.scheme, now)?;
    let signed = ring.sign(key, &tbs).await;
    if let Err(CeremonyError::Call { source: CallError::Refused(_), .. }) = &signed {
        move_back(ring, key, before).await?;
    }
    signed
}

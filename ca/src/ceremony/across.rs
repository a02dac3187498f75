//! A CA whose key is in one ring and whose parent's key is in another, both at hand.

use x509::{CertificateDer, Csr, CsrDer};

use super::CeremonyError;
use super::adopt::adopt;
use super::execute::{Executed, Parent, execute};
use super::operator::Operator;
use super::renew::{Renewal, sign_renewal};
use super::ring::{Ring, label};
use super::sign_request::{RequestWish, sign_request};
use crate::hierarchy::CaRequest;
use crate::urls::PublicUrls;
use x509::UnixTime;

/// Two rings: the one that is to hold the CA's key, and the one that holds its parent's.
#[derive(Clone, Copy)]
pub struct Across<'a> {
    /// Where the CA's key is to be.
    pub key: &'a Operator,
    /// Where its parent's key is.
    pub parent: &'a Operator,
}

/// Executes a wish for a CA below one of another ring: key, policies and CSR in the one, the
/// certificate in the other, and the policy's end moved to the certificate's.
///
/// It can be run again wherever it stopped: the journals tell what was signed already.
///
/// # Errors
/// [`CeremonyError`].
pub async fn execute_across(
    rings: Across<'_>,
    request: &CaRequest,
    parent: &Parent,
    urls: &PublicUrls,
    now: UnixTime,
) -> Result<CertificateDer, CeremonyError> {
    let certificate = match signed_before(rings, request).await? {
        Some(certificate) => certificate,
        None => {
            let csr = request_of(rings.key, request, urls, now).await?;
            let csr = Csr::parse(csr.as_bytes()).map_err(CeremonyError::Certificate)?;
            let wish = RequestWish {
                subject: None,
                validity: request.validity,
                path_len: request.check()?.path_len,
                constraints: request.constraints.clone(),
            };
            sign_request(rings.parent, parent, &csr, &wish, urls, now).await?
        }
    };
    adopt(rings.key, request.name.as_str(), &certificate).await?;
    Ok(certificate)
}

/// Has a CA of another ring sign a new certificate for a CA's key, and moves its policy's end
/// along.
///
/// # Errors
/// [`CeremonyError`].
pub async fn renew_across(
    rings: Across<'_>,
    renewal: &Renewal,
    urls: &PublicUrls,
    now: UnixTime,
) -> Result<CertificateDer, CeremonyError> {
    let name = label(&renewal.key_label)?;
    let key = Ring(rings.key).key(&name).await?;
    let key = key.ok_or_else(|| CeremonyError::NoKey(name.to_string()))?;
    let parent = renewal.parent.as_ref().ok_or(CeremonyError::NotACa("a root renews itself"))?;
    let certificate = sign_renewal(rings.parent, &key, parent, renewal, (urls, now)).await?;
    adopt(rings.key, &renewal.key_label, &certificate).await?;
    Ok(certificate)
}

/// Finds in the parent's journal what was signed for the key, if there is a key already.
async fn signed_before(
    rings: Across<'_>,
    request: &CaRequest,
) -> Result<Option<CertificateDer>, CeremonyError> {
    let name = label(request.name.as_str())?;
    let Some(key) = Ring(rings.key).key(&name).await? else {
        return Ok(None);
    };
    Ring(rings.parent).certificate_of(&key).await
}

/// Has the CSR signed, or finds the one that was.
async fn request_of(
    operator: &Operator,
    request: &CaRequest,
    urls: &PublicUrls,
    now: UnixTime,
) -> Result<CsrDer, CeremonyError> {
    let (ring, name) = (Ring(operator), label(request.name.as_str())?);
    if let Some(key) = ring.key(&name).await?
        && key.policy.is_some()
        && let Some(csr) = ring.request_of(&key).await?
    {
        return Ok(csr);
    }
    match execute(operator, request, None, urls, now).await? {
        Executed::Request(csr) => Ok(csr),
        // Only a root signs itself, and a root has no parent.
        Executed::Signed(_) => Err(CeremonyError::NotACa("a root stands below nobody")),
    }
}

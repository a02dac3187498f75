//! Executing a wish for a CA: its key, its certificate or request, its policy, its responder.

use model::{IssuerKind, IssuerName};
use signer_proto::{KeySpec, Purpose, SignCaRequest, Warrant};
use x509::{
    BasicConstraints, Certificate, CertificateDer, CertificationRequestInfo, Csr, CsrDer,
    Extension, ExtensionValue, Extensions, KeyUsage, Name, NameDer, UnixTime,
};

use super::CeremonyError;
use super::operator::Operator;
use super::ring::{Key, Ring, label, stopped};
use crate::hierarchy::request::Checked;
use crate::hierarchy::{self, AuthorityPolicy, BACKDATE, CaRequest, CaWish};
use crate::issuers::responder_label;
use crate::profile::Seconds;
use crate::urls::PublicUrls;

/// The CA of ours that signs.
#[derive(Debug, Clone)]
pub struct Parent {
    /// Its name in URLs.
    pub name: IssuerName,
    /// The label of its key.
    pub key_label: String,
    /// Its certificate.
    pub certificate: CertificateDer,
}

/// What came of executing a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Executed {
    /// The CA has its certificate.
    Signed(CertificateDer),
    /// Somebody else is to sign this; then [`adopt`](super::adopt) and the import follow.
    Request(CsrDer),
}

/// Executes a wish: generates the key, has the certificate signed by the parent or, for a root,
/// by itself, and puts the policies in force. Without a parent of ours it makes a CSR.
pub async fn execute(
    operator: &Operator,
    request: &CaRequest,
    parent: Option<&Parent>,
    urls: &PublicUrls,
    now: UnixTime,
) -> Result<Executed, CeremonyError> {
    let ring = Ring(operator);
    let checked = request.check()?;
    let purpose = match request.kind {
        IssuerKind::Issuing => Purpose::CertAndCrl,
        IssuerKind::Root | IssuerKind::Intermediate => Purpose::CaCertAndCrl,
    };
    let name = label(request.name.as_str())?;
    let mut key = ring.ensure_key(&name, purpose, checked.spec).await?;
    if request.kind == IssuerKind::Root {
        return root(&ring, request, &checked, &mut key, now).await.map(Executed::Signed);
    }
    let Some(parent) = parent else {
        // The policies come first: once the CSR stands in the journal, the wish is done with. The
        // end is the one wished for, until the certificate is there.
        let pinned = Pinned {
            issuer: checked.subject.der().clone(),
            not_after: now.plus_seconds(request.validity.0 - 1),
            path_len: checked.path_len,
        };
        policies(&ring, request, &checked, &mut key, pinned).await?;
        return csr(&ring, &checked.subject, checked.path_len, &key).await.map(Executed::Request);
    };
    let certificate = match ring.certificate_of(&key).await? {
        Some(certificate) => certificate,
        None => subordinate(&ring, request, &checked, &key, (parent, urls, now)).await?,
    };
    let held = Certificate::parse(certificate.as_bytes()).map_err(CeremonyError::Certificate)?;
    let tbs = held.tbs();
    let pinned = Pinned {
        issuer: tbs.subject.der().clone(),
        not_after: tbs.not_after,
        path_len: tbs.extensions.basic_constraints().and_then(|bc| bc.path_len),
    };
    policies(&ring, request, &checked, &mut key, pinned).await?;
    Ok(Executed::Signed(certificate))
}

/// What a CA's certificate pins its policy to.
struct Pinned {
    issuer: NameDer,
    not_after: UnixTime,
    path_len: Option<u8>,
}

async fn root(
    ring: &Ring<'_>,
    request: &CaRequest,
    checked: &Checked,
    key: &mut Key,
    now: UnixTime,
) -> Result<CertificateDer, CeremonyError> {
    // The policy comes first: a key without one signs nothing.
    let planned = now.plus_seconds(request.validity.0 - 1);
    let policy = AuthorityPolicy {
        scheme: key.scheme,
        issuer: checked.subject.der().clone(),
        issuer_not_after: planned,
        imported: false,
    };
    let below = checked.path_len.map_or(MAX_PATH_LEN, |limit| limit.saturating_sub(1));
    let longest = longest_below(request);
    ring.first_policy(key, policy.authorities(below, longest, true)).await?;
    if let Some(certificate) = ring.certificate_of(key).await? {
        return Ok(certificate);
    }
    // A ceremony that was interrupted here planned with another clock.
    let not_after = ring.issuer_not_after(key).await?;
    let wish = CaWish {
        subject: checked.subject.clone(),
        public_key: key.public_key.clone(),
        validity: Seconds(not_after.seconds_since(now) + 1),
        path_len: checked.path_len,
        constraints: checked.constraints.clone(),
        crl_url: None,
        parent_url: None,
    };
    let serial = ring.serial(key).await?;
    let tbs = hierarchy::root(&wish, serial, key.scheme, now)?;
    ring.sign(key, &tbs).await
}

/// How deep a hierarchy under a root without a limit may be.
pub(super) const MAX_PATH_LEN: u8 = 2;

async fn subordinate(
    ring: &Ring<'_>,
    request: &CaRequest,
    checked: &Checked,
    key: &Key,
    (parent, urls, now): (&Parent, &PublicUrls, UnixTime),
) -> Result<CertificateDer, CeremonyError> {
    let above =
        Certificate::parse(parent.certificate.as_bytes()).map_err(CeremonyError::Certificate)?;
    let parent_label = label(&parent.key_label)?;
    let signer = ring.key(&parent_label).await?;
    let signer = signer.ok_or_else(|| CeremonyError::NoKey(parent.key_label.clone()))?;
    let wish = CaWish {
        subject: checked.subject.clone(),
        public_key: key.public_key.clone(),
        validity: request.validity,
        path_len: checked.path_len,
        constraints: checked.constraints.clone(),
        crl_url: Some(urls.crl(&parent.name)),
        parent_url: Some(urls.ca_certificate(&parent.name)),
    };
    let serial = ring.serial(&signer).await?;
    let tbs = hierarchy::subordinate(&wish, &above, serial, signer.scheme, now)?;
    ring.sign(&signer, &tbs).await
}

async fn policies(
    ring: &Ring<'_>,
    request: &CaRequest,
    checked: &Checked,
    key: &mut Key,
    pinned: Pinned,
) -> Result<(), CeremonyError> {
    let policy = AuthorityPolicy {
        scheme: key.scheme,
        issuer: pinned.issuer,
        issuer_not_after: pinned.not_after,
        imported: false,
    };
    if request.kind != IssuerKind::Issuing {
        let below = pinned.path_len.map_or(MAX_PATH_LEN, |limit| limit.saturating_sub(1));
        let text = policy.authorities(below, longest_below(request), false);
        return ring.first_policy(key, text).await;
    }
    let longest = Seconds(request.leaf_validity.0 + LONGEST_BACKDATE.0);
    ring.first_policy(key, policy.issuing(&checked.scope, longest)).await?;
    let responder = label(&responder_label(key.label.as_str()))?;
    // Many answers a second: P-256 is by far the fastest. A CA that is post-quantum is so in all.
    let spec = match checked.spec {
        KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87 => KeySpec::MlDsa44,
        _ => KeySpec::P256,
    };
    let mut responder = ring.ensure_key(&responder, Purpose::Ocsp, spec).await?;
    let text = policy.responder(key.label.as_str(), responder.scheme);
    ring.first_policy(&mut responder, text).await
}

/// What a CA signs lasts no longer than itself; notBefore is set back besides.
fn longest_below(request: &CaRequest) -> Seconds {
    Seconds(request.validity.0 + BACKDATE.0)
}

/// The furthest that profiles set notBefore back.
pub(super) const LONGEST_BACKDATE: Seconds = Seconds(49 * 3_600);

/// Has the CSR for a CA's key signed.
pub(super) async fn csr(
    ring: &Ring<'_>,
    subject: &Name,
    path_len: Option<u8>,
    key: &Key,
) -> Result<CsrDer, CeremonyError> {
    let extensions = vec![
        Extension::critical(ExtensionValue::BasicConstraints(BasicConstraints {
            ca: true,
            path_len,
        })),
        Extension::critical(ExtensionValue::KeyUsage(
            KeyUsage::KEY_CERT_SIGN.union(KeyUsage::CRL_SIGN),
        )),
        Extension::non_critical(ExtensionValue::SubjectKeyIdentifier(
            key.public_key.key_identifier().to_vec(),
        )),
    ];
    let info = CertificationRequestInfo {
        subject: subject.clone(),
        public_key: key.public_key.clone(),
        extensions: Extensions::new(extensions).map_err(CeremonyError::Certificate)?,
    };
    let info = info.encode().map_err(CeremonyError::Certificate)?;
    let call = SignCaRequest { key: key.label.clone(), info, warrant: Warrant::none() };
    let act = format!("signing the CSR of `{}`", key.label);
    let (call, signed) = ring.0.act(call).await.map_err(stopped(act))?;
    key.public_key
        .verify(key.scheme, call.info.as_bytes(), &signed.signature)
        .map_err(CeremonyError::Signature)?;
    Ok(Csr::assemble(&call.info, key.scheme, &signed.signature))
}

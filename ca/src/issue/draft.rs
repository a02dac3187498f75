//! Drafts: certificates that are fixed to the last octet before they are signed, so that people can
//! put their names to them first.
//!
//! A draft is kept by whoever asked for it, and nowhere else. The signer seals it, so it comes back
//! as it went or is refused; a table of drafts would have to be emptied, and whoever writes into the
//! database could exchange what an officer's signature is then asked for. It is good for one
//! certificate: its serial is in it, and the signer uses none twice.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Id, IssuedCertificate, Issuer, IssuerName, ProfileName};
use serde::{Deserialize, Serialize};
use signer_proto::OfficerSignature;
use store::certificates;
use x509::{Csr, TbsCertificate, TbsCertificateDer, UnixTime};

use super::flow::{Standing, check_csr};
use super::{IssueError, IssueRequest, Issued, Prepared, Recording, Wanted};
use crate::authority::Authority;
use crate::profile::{Profile, Seconds};
use crate::seal::Secret;

/// What drafts are sealed for: nothing else that is sealed opens as one.
const PLACE: &str = "chancery/draft/v1";
/// The signer seals 64 KiB at most.
const LARGEST: usize = 64 * 1024;
/// What it then gives has a few octets more.
const LARGEST_SEALED: usize = 65 * 1024;

/// What to draft.
#[derive(Debug)]
pub enum DraftRequest {
    /// A new certificate.
    New(IssueRequest),
    /// One in place of another.
    Renewal {
        /// Of which.
        of: Id<IssuedCertificate>,
        /// A CSR with a new key; without one the key stays.
        csr: Option<Csr>,
    },
}

/// A certificate that waits for signatures of people.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What is to be given back.
    pub sealed: String,
    /// Under which profile.
    pub profile: ProfileName,
    /// By which issuer.
    pub issuer: IssuerName,
    /// What the certificate will say, octet by octet.
    pub der: TbsCertificateDer,
    /// The same, read.
    pub tbs: TbsCertificate,
    /// What an officer signs.
    pub summary: String,
    /// The last second of the draft.
    pub expires: UnixTime,
    /// The sets of evidence of which the policy demands one.
    pub demands: Vec<Vec<String>>,
}

impl Draft {
    /// The namespace of officers' signatures (`ssh-keygen -Y sign -n`).
    pub const NAMESPACE: &'static str = signer_policy::OFFICER_NAMESPACE;
}

/// A draft that comes back.
#[derive(Debug)]
pub struct DraftOrder {
    /// What [`Draft::sealed`] was.
    pub sealed: String,
    /// Signatures of officers over the summary.
    pub officers: Vec<OfficerSignature>,
    /// The old key's signature over the CSR.
    pub proof: Option<Vec<u8>>,
    /// Who asks, for the audit.
    pub requested_by: String,
}

/// Why a draft is not made, or not issued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// What came back is no draft of this CA, or not as it went.
    #[error(
        "this is no draft of this CA, or it was altered: `chancery cert draft` makes a new one, \
         which is to be given back as it is"
    )]
    Altered,
    /// It was good for a while only.
    #[error("the draft was good until {0}: `chancery cert draft` makes a new one")]
    Expired(UnixTime),
    /// Something that it was made by is another by now.
    #[error("{0}: `chancery cert draft` makes a new draft")]
    Outdated(String),
    /// The policy leaves no time between draft and signature.
    #[error(
        "the signer's policy lets a certificate begin {max_backdate} before it is signed, and the \
         profile sets it back by {backdate}: nobody could sign a draft in time; raise max_backdate \
         with `chancery policy set`"
    )]
    WithoutTime {
        /// Of the policy.
        max_backdate: Seconds,
        /// Of the profile.
        backdate: Seconds,
    },
}

impl DraftError {
    /// Returns a stable name of the rule that was broken, in kebab-case.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Altered => "draft-altered",
            Self::Expired(_) => "draft-expired",
            Self::Outdated(_) => "draft-outdated",
            Self::WithoutTime { .. } => "draft-without-time",
        }
    }
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Body {
    issuer: Id<Issuer>,
    profile: ProfileName,
    profile_sha256: [u8; 32],
    replaces: Option<Id<IssuedCertificate>>,
    #[serde(with = "octets")]
    tbs: Vec<u8>,
    #[serde(with = "octets")]
    csr: Vec<u8>,
    expires: i64,
}

mod octets {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD_NO_PAD;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(octets: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD_NO_PAD.encode(octets))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        STANDARD_NO_PAD.decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}

impl Authority {
    /// Drafts a certificate: everything of issuing but the signature. Nothing is kept.
    pub async fn draft(&self, request: DraftRequest) -> Result<Draft, IssueError> {
        match request {
            DraftRequest::New(request) => {
                check_csr(&request.csr)?;
                let profile = self.profile(&request.profile)?;
                self.draft_of(&profile, &request.wanted(), request.replaces).await
            }
            DraftRequest::Renewal { of, csr } => {
                if let Some(csr) = &csr {
                    check_csr(csr)?;
                }
                let old = self.renewable(of).await?;
                let profile = self.profile(&old.row.profile)?;
                self.draft_of(&profile, &old.wanted(csr.as_ref()), Some(of)).await
            }
        }
    }

    async fn draft_of(
        &self,
        profile: &Profile,
        wanted: &Wanted<'_>,
        replaces: Option<Id<IssuedCertificate>>,
    ) -> Result<Draft, IssueError> {
        let issuer = self.issuer_for(profile)?;
        let now = self.now();
        let serial = issuer.serials.take().await?;
        let prepared = issuer.facts.prepare(profile, wanted, serial, &self.0.urls, now)?;
        let tbs = prepared.tbs().clone();
        // The signer refuses what begins too long before its signature.
        let max_backdate = issuer.wants.max_backdate;
        let expires = tbs.not_before.plus_seconds(max_backdate.0).min(tbs.not_after);
        if expires <= now {
            let backdate = profile.body.backdate;
            return Err(DraftError::WithoutTime { max_backdate, backdate }.into());
        }
        let summary = signer_policy::certificate_summary(&tbs).map_err(IssueError::Refused)?;
        let body = Body {
            issuer: issuer.issuer.id,
            profile: profile.name.clone(),
            profile_sha256: profile.digest,
            replaces,
            tbs: prepared.der().as_bytes().to_vec(),
            csr: wanted.csr.map(|csr| csr.der().as_bytes().to_vec()).unwrap_or_default(),
            expires: expires.0,
        };
        let body = serde_json::to_vec(&body).map_err(|why| IssueError::State(why.to_string()))?;
        if body.len() > LARGEST {
            return Err(IssueError::State("the request is too large for a draft".to_owned()));
        }
        let sealed = self.seal_by(&issuer.ring, PLACE, Secret::from(&body[..])).await?;
        Ok(Draft {
            sealed: URL_SAFE_NO_PAD.encode(sealed),
            profile: profile.name.clone(),
            issuer: issuer.issuer.name.clone(),
            der: prepared.der().clone(),
            tbs,
            summary,
            expires,
            demands: issuer.wants.sets.clone(),
        })
    }

    /// Issues exactly what was drafted, with what people put to it. A draft that was issued
    /// already gives the same certificate again.
    pub async fn issue_draft(&self, order: DraftOrder) -> Result<Issued, IssueError> {
        let body = self.open_draft(&order.sealed).await?;
        let prepared = Prepared::of_draft(TbsCertificateDer::from_vec(body.tbs))?;
        let serial = prepared.tbs().serial;
        let known = certificates::get_by_serial(&self.0.store, body.issuer, serial).await?;
        if let Some(known) = known {
            return self.issued(known.id).await;
        }
        let expires = UnixTime(body.expires);
        if self.now() > expires {
            return Err(DraftError::Expired(expires).into());
        }
        let profile = self.profile(&body.profile)?;
        if profile.digest != body.profile_sha256 {
            let why = format!("the profile `{}` was changed since", profile.name);
            return Err(DraftError::Outdated(why).into());
        }
        let Some(issuer) = self.entry_by_id(body.issuer) else {
            return Err(self.no_key_of(body.issuer));
        };
        if !issuer.issues(self.now()) {
            let why = format!("the issuer `{}` issues no more", issuer.issuer.name);
            return Err(DraftError::Outdated(why).into());
        }
        let csr = Some(body.csr).filter(|csr| !csr.is_empty()).map(|csr| Csr::parse(&csr));
        let csr = csr.transpose().map_err(IssueError::Encode)?;
        let proof = match (body.replaces, order.proof) {
            (None, None) => None,
            (None, Some(_)) => {
                let why = "the draft is of a new certificate, which no old key speaks for";
                return Err(IssueError::RenewalProof(why.to_owned()));
            }
            // It may have been revoked since.
            (Some(of), proof) => {
                let old = self.renewable(of).await?;
                proof.map(|signature| old.proof(csr.as_ref(), signature)).transpose()?
            }
        };
        let stands = Standing {
            csr: csr.as_ref(),
            validations: &[],
            proof: proof.as_ref(),
            officers: &order.officers,
        };
        let signed = self.sign(&issuer, &profile, &prepared, stands).await?;
        let recording = Recording {
            profile: body.profile,
            requested_by: order.requested_by,
            idempotency: None,
            replaces: body.replaces,
            order: None,
            validations: Vec::new(),
            proof: None,
        };
        self.record(&issuer, recording, prepared, &signed).await
    }

    async fn open_draft(&self, sealed: &str) -> Result<Body, IssueError> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| DraftError::Altered)?;
        if sealed.len() > LARGEST_SEALED {
            return Err(DraftError::Altered.into());
        }
        let body = match self.unseal(PLACE, sealed).await {
            Ok(body) => body,
            // The signer does not tell what is wrong with it.
            Err(IssueError::Refused(_)) => return Err(DraftError::Altered.into()),
            Err(other) => return Err(other),
        };
        Ok(serde_json::from_slice(body.reveal()).map_err(|_| DraftError::Altered)?)
    }
}

//! `POST /certificates/draft`

use axum::Json;
use axum::extract::State;
use ca::profile::Seconds;
use ca::{Authority, DraftRequest};
use model::{Id, IssuedCertificate, ProfileName};
use serde::Deserialize;
use utoipa::ToSchema;

use super::issue::IssueCertificate;
use crate::auth::{Authorized, permission::IssueCertificates};
use crate::extract::JsonBody;
use crate::flow::refusal;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::resource::{DraftBody, read_csr};

/// What to draft: a new certificate by `profile` and `csr`, or one in place of another by `renews`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftCertificate {
    /// The profile to issue from.
    #[schema(value_type = Option<String>, example = "tls-server")]
    profile: Option<ProfileName>,
    /// The certificate in whose place it is issued: profile, subject and names are taken from it.
    #[schema(value_type = Option<String>)]
    renews: Option<Id<IssuedCertificate>>,
    /// The CSR (RFC 2986), as PEM or as DER in base64; without one a renewal keeps its key.
    csr: Option<String>,
    /// A subject in place of the CSR's (RFC 4514).
    #[schema(example = "CN=www.corp.example,O=Example")]
    subject: Option<String>,
    /// Alternative names in place of the CSR's.
    #[schema(example = json!(["www.corp.example", "ip:10.0.0.1"]))]
    sans: Option<Vec<String>>,
    /// A span in place of the profile's: an integer and `s`, `m`, `h` or `d`.
    #[schema(value_type = Option<String>, example = "90d")]
    validity: Option<Seconds>,
}

/// Drafts a certificate for people to sign.
///
/// Everything of it is fixed, the serial number too, and nothing is signed or kept. An officer signs
/// the `summary` with ssh-keygen; then the draft is issued by `POST /certificates/draft/issue`, as
/// long as it is good.
#[utoipa::path(
    post, path = "/certificates/draft", operation_id = "draftCertificate", tag = "certificates",
    security(("token" = [])), extensions(("x-permission" = json!("certificates:issue"))),
    request_body = DraftCertificate,
    responses((status = 200, description = "A draft", body = DraftBody), Problems)
)]
pub async fn draft(
    who: Authorized<IssueCertificates>,
    State(authority): State<Authority>,
    body: JsonBody<DraftCertificate>,
) -> Result<Json<DraftBody>, Problem> {
    let wish = body.value;
    let target = match (&wish.profile, &wish.renews) {
        (Some(profile), _) => profile.to_string(),
        (None, renews) => renews.map(|id| id.to_string()).unwrap_or_default(),
    };
    let draft = async {
        let request = wish.request(who.actor())?;
        authority.draft(request).await.map_err(Problem::from)
    };
    match draft.await {
        Ok(draft) => Ok(Json(draft.into())),
        Err(problem) => Err(refusal::note(&authority, who.actor(), &target, problem).await),
    }
}

impl DraftCertificate {
    fn request(self, actor: &str) -> Result<DraftRequest, Problem> {
        let both = "give `profile` with `csr`, or `renews`, whose profile, subject and names stay";
        let odd = || Problem::malformed("draft-malformed", both);
        if let Some(of) = self.renews {
            let besides = self.profile.is_some() || self.subject.is_some() || self.sans.is_some();
            if besides || self.validity.is_some() {
                return Err(odd());
            }
            let csr = self.csr.as_deref().map(read_csr).transpose()?;
            return Ok(DraftRequest::Renewal { of, csr });
        }
        let new = IssueCertificate {
            profile: self.profile.ok_or_else(odd)?,
            csr: self.csr.ok_or_else(odd)?,
            subject: self.subject,
            sans: self.sans,
            validity: self.validity,
        };
        new.request(actor).map(DraftRequest::New)
    }
}

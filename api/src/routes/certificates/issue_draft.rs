//! `POST /certificates/draft/issue`

use axum::extract::State;
use axum::response::IntoResponse;
use ca::{Authority, DraftOrder};
use serde::Deserialize;
use utoipa::ToSchema;

use super::issue::created;
use crate::auth::{Authorized, permission::IssueCertificates};
use crate::extract::JsonBody;
use crate::flow::detached::detached;
use crate::flow::refusal;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::resource::{CertificateBody, officer_signature, read_signature};

/// The signer takes eight pieces of evidence; a CSR and a renewal are among them.
const OFFICERS: usize = 6;

/// A draft with what people put to it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueDraft {
    /// The member `draft` of what `POST /certificates/draft` answered, as it was.
    draft: String,
    /// Signatures of officers over the `summary`, as `ssh-keygen -Y sign` writes them; at most six.
    #[serde(default)]
    officer_signatures: Vec<String>,
    /// Of a renewal: the signature of the old certificate's key over the CSR, in base64.
    proof: Option<String>,
}

/// Issues what was drafted.
///
/// It is signed, in the signer's journal and in the inventory before this answers. A draft gives one
/// certificate: asked again, it is the same.
#[utoipa::path(
    post, path = "/certificates/draft/issue", operation_id = "issueDraft", tag = "certificates",
    security(("token" = [])), extensions(("x-permission" = json!("certificates:issue"))),
    request_body = IssueDraft,
    responses((status = 201, description = "Issued", body = CertificateBody), Problems)
)]
pub async fn issue_draft(
    who: Authorized<IssueCertificates>,
    State(authority): State<Authority>,
    body: JsonBody<IssueDraft>,
) -> Result<impl IntoResponse + use<>, Problem> {
    let issue = async {
        let wish = body.value;
        if wish.officer_signatures.len() > OFFICERS {
            let why = format!("at most {OFFICERS} signatures of officers are taken");
            return Err(Problem::malformed("officer-signatures-too-many", why));
        }
        let officers = wish.officer_signatures.into_iter().map(officer_signature);
        let order = DraftOrder {
            sealed: wish.draft,
            officers: officers.collect::<Result<_, _>>()?,
            proof: wish.proof.as_deref().map(read_signature).transpose()?,
            requested_by: who.actor().to_owned(),
        };
        let issuer = authority.clone();
        detached(async move { issuer.issue_draft(order).await }).await
    };
    match issue.await {
        Ok(issued) => Ok(created(&authority, &issued)),
        Err(problem) => Err(refusal::note(&authority, who.actor(), "draft", problem).await),
    }
}

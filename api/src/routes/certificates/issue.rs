//! `POST /certificates`

use axum::Json;
use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse};
use ca::profile::Seconds;
use ca::{Authority, IssueRequest, Issued};
use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, StatusCode};
use model::ProfileName;
use serde::Deserialize;
use utoipa::ToSchema;
use x509::Name;

use super::idempotency;
use crate::auth::{Authorized, permission::IssueCertificates};
use crate::extract::JsonBody;
use crate::flow::detached::detached;
use crate::flow::refusal;
use crate::meters;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::resource::{CertificateBody, alternative_name, read_csr};

/// What to issue.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueCertificate {
    /// The profile to issue from.
    #[schema(value_type = String, example = "tls-server")]
    pub(super) profile: ProfileName,
    /// The CSR (RFC 2986), as PEM or as DER in base64.
    pub(super) csr: String,
    /// A subject in place of the CSR's (RFC 4514).
    #[schema(example = "CN=www.corp.example,O=Example")]
    pub(super) subject: Option<String>,
    /// Alternative names in place of the CSR's: `dns:…`, `ip:…`, `email:…`, `uri:…`, `upn:…`, or
    /// bare, to be told by their look.
    #[schema(example = json!(["www.corp.example", "ip:10.0.0.1"]))]
    pub(super) sans: Option<Vec<String>>,
    /// A span in place of the profile's: an integer and `s`, `m`, `h` or `d`.
    #[schema(value_type = Option<String>, example = "90d")]
    pub(super) validity: Option<Seconds>,
}

/// Issues a certificate.
///
/// It is signed, in the signer's journal and in the inventory before this answers. With an
/// Idempotency-Key the same request can be sent again and gets the same certificate, for a day.
#[utoipa::path(
    post, path = "/certificates", operation_id = "issueCertificate", tag = "certificates",
    security(("token" = [])), extensions(("x-permission" = json!("certificates:issue"))),
    params((
        "Idempotency-Key" = Option<String>, Header,
        description = "Makes a retry the same request; 1 to 255 visible ASCII characters"
    )),
    request_body = IssueCertificate,
    responses((status = 201, description = "Issued", body = CertificateBody), Problems)
)]
pub async fn issue(
    who: Authorized<IssueCertificates>,
    State(authority): State<Authority>,
    headers: HeaderMap,
    body: JsonBody<IssueCertificate>,
) -> Result<impl IntoResponse + use<>, Problem> {
    let profile = body.value.profile.clone();
    let issue = async {
        let idempotency = idempotency::take(&headers, who.token(), "/certificates", &body.octets)?;
        let request = IssueRequest { idempotency, ..body.value.request(who.actor())? };
        let issuer = authority.clone();
        detached(async move { issuer.issue(request).await }).await
    };
    match issue.await {
        Ok(issued) => Ok(created(&authority, &issued)),
        Err(problem) => {
            Err(refusal::note(&authority, who.actor(), profile.as_str(), problem).await)
        }
    }
}

impl IssueCertificate {
    /// Reads what is asked for by somebody.
    pub(super) fn request(self, actor: &str) -> Result<IssueRequest, Problem> {
        Ok(IssueRequest {
            csr: read_csr(&self.csr)?,
            subject: self.subject.as_deref().map(read_subject).transpose()?,
            names: self.sans.as_deref().map(read_names).transpose()?,
            validity: self.validity,
            requested_by: actor.to_owned(),
            profile: self.profile,
            idempotency: None,
            replaces: None,
        })
    }
}

/// Answers with a certificate that is new, or was when the request came first.
pub(super) fn created(authority: &Authority, issued: &Issued) -> impl IntoResponse + use<> {
    let certificate = &issued.certificate;
    if !issued.replayed {
        meters::count_issued(certificate.profile.as_str());
    }
    let body =
        CertificateBody::new(certificate, &issued.chain, &authority.issuers(), authority.now());
    let location = format!("/api/v1/certificates/{}", certificate.id);
    let location = HeaderValue::try_from(location).expect("an id stands in headers");
    (
        StatusCode::CREATED,
        [(LOCATION, location)],
        AppendHeaders(idempotency::replayed(issued.replayed)),
        Json(body),
    )
}

fn read_subject(text: &str) -> Result<Name, Problem> {
    Name::parse_rfc4514(text)
        .map_err(|error| Problem::malformed("subject-malformed", format!("`{text}`: {error}")))
}

fn read_names(texts: &[String]) -> Result<Vec<x509::GeneralName>, Problem> {
    let names = texts.iter().map(|text| alternative_name(text));
    names
        .collect::<Result<_, _>>()
        .map_err(|error| Problem::malformed("san-malformed", error.to_string()))
}

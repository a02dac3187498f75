//! `POST /issuers/{name}/certificate`

use axum::Json;
use axum::extract::State;
use ca::Authority;
use model::IssuerName;
use serde::Deserialize;
use utoipa::ToSchema;
use x509::{ForeignCertificate, pem};

use super::describe;
use crate::auth::{Authorized, permission::ManageIssuers};
use crate::extract::{JsonBody, PathOf};
use crate::openapi::Problems;
use crate::problem::{Problem, chain};
use crate::resource::IssuerBody;

/// A certificate that somebody else signed for a CA of ours.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportCertificate {
    /// The certificate as PEM, and after it those above it, root last.
    certificate: String,
    /// Confirms what the certificates have otherwise than we would have it; the refusal without
    /// it lists that.
    #[serde(default)]
    accept_deviations: bool,
}

/// Takes the certificate that somebody else signed for a pending issuer, or a new one for the same
/// key.
#[utoipa::path(
    post, path = "/issuers/{name}/certificate", operation_id = "importIssuerCertificate",
    tag = "issuers",
    security(("token" = [])), extensions(("x-permission" = json!("issuers:manage"))),
    params(("name" = String, Path, description = "The issuer's name")),
    request_body = ImportCertificate,
    responses((status = 200, description = "As it is now", body = IssuerBody), Problems)
)]
pub async fn import(
    who: Authorized<ManageIssuers>,
    State(authority): State<Authority>,
    PathOf(name): PathOf<IssuerName>,
    body: JsonBody<ImportCertificate>,
) -> Result<Json<IssuerBody>, Problem> {
    let mut path = read_path(&body.value.certificate)?;
    let above = path.split_off(1);
    let Some(certificate) = path.pop() else {
        return Err(Problem::malformed("pem-malformed", "there is no certificate"));
    };
    let accept = body.value.accept_deviations;
    let issuer =
        authority.import_certificate(&name, certificate, above, accept, who.actor()).await?;
    Ok(Json(describe(&authority, &issuer)))
}

/// Reads certificates as PEM; at least one.
pub(super) fn read_path(text: &str) -> Result<Vec<ForeignCertificate>, Problem> {
    let malformed = |detail: String| Problem::malformed("pem-malformed", detail);
    let blocks = pem::decode(text).map_err(|error| malformed(error.to_string()))?;
    let certificates = blocks.iter().map(|(label, der)| {
        if label != pem::CERTIFICATE {
            return Err(malformed(format!("a block is a {label}, not a CERTIFICATE")));
        }
        ForeignCertificate::parse(der).map_err(|error| {
            let detail = format!("a certificate cannot be read: {}", chain(&error));
            Problem::malformed("certificate-malformed", detail)
        })
    });
    certificates.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_holds_no_certificates() {
        for (text, rule) in [
            (String::new(), "pem-malformed"),
            (pem::encode("PRIVATE KEY", &[1]), "pem-malformed"),
            (pem::encode(pem::CERTIFICATE, &[1]), "certificate-malformed"),
        ] {
            let refused = read_path(&text).expect_err("refused");
            assert_eq!(refused.rule(), rule, "{text}");
        }
    }
}

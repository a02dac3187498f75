//! `POST /acme/eab-keys`

use acme::{AcmeState, NewExternalKey};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use ca::profile::Seconds;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use model::ProfileName;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::{Authorized, permission::ManageTokens};
use crate::extract::JsonBody;
use crate::openapi::Problems;
use crate::problem::{Problem, internal};
use crate::resource::{EabKeyBody, NewEabKeyBody};

/// Characters of a key's name.
const LONGEST: usize = 64;
/// Patterns of a key.
const PATTERNS: usize = 100;
/// A longer span is for ever: say so by giving none.
const LONGEST_VALIDITY: Seconds = Seconds::days(36_525);

/// What external account key to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateEabKey {
    /// What people call it: 1 to 64 visible ASCII characters.
    #[schema(example = "web team")]
    name: String,
    /// The profile that its accounts order under.
    #[schema(value_type = String, example = "acme")]
    profile: ProfileName,
    /// What its accounts may name, besides what the profile says: `host.example`, `*.corp.example`
    /// (anything below), `10.0.0.0/8`. None: the profile alone decides.
    #[serde(default)]
    #[schema(example = json!(["*.web.corp.example"]))]
    names: Vec<String>,
    /// How many accounts may be bound to it; any number if it is not given.
    #[schema(example = 1)]
    max_accounts: Option<u32>,
    /// For how long it and its accounts are good; until it is taken back if it is not given.
    #[schema(value_type = Option<String>, example = "365d")]
    validity: Option<Seconds>,
}

/// Makes an external account key (RFC 8555 §7.3.4).
///
/// The answer shows its secret this once: it is kept sealed by the signer.
#[utoipa::path(
    post, path = "/acme/eab-keys", operation_id = "createEabKey", tag = "acme",
    security(("token" = [])), extensions(("x-permission" = json!("tokens:manage"))),
    request_body = CreateEabKey,
    responses((status = 201, description = "Made", body = NewEabKeyBody), Problems)
)]
pub async fn create(
    who: Authorized<ManageTokens>,
    State(acme): State<AcmeState>,
    body: JsonBody<CreateEabKey>,
) -> Result<Response, Problem> {
    let CreateEabKey { name, profile, names, max_accounts, validity } = body.value;
    let visible = name.bytes().all(|octet| octet.is_ascii_graphic() || octet == b' ');
    if name.trim().is_empty() || name.len() > LONGEST || !visible {
        let detail = format!("a key's name has 1 to {LONGEST} visible ASCII characters");
        return Err(Problem::malformed("eab-key-name-malformed", detail));
    }
    if validity.is_some_and(|span| span.0 <= 0 || span > LONGEST_VALIDITY) {
        let detail = format!("a key's validity is positive and at most {LONGEST_VALIDITY}");
        return Err(Problem::malformed("validity-malformed", detail));
    }
    if names.len() > PATTERNS || max_accounts == Some(0) {
        let detail = format!("at most {PATTERNS} names, and at least one account");
        return Err(Problem::malformed("eab-key-malformed", detail));
    }
    let validity = validity.map(|span| span.0);
    let wanted = NewExternalKey { name, profile, names, max_accounts, validity };
    let (key, secret) = acme.make_external_key(wanted, who.actor()).await?;
    let secret = std::str::from_utf8(secret.reveal()).map_err(|error| internal(&error))?;
    let now = acme.now();
    let body = NewEabKeyBody { kept: EabKeyBody::new(&key, now), secret };
    let body = serde_json::to_vec(&body).map_err(|error| internal(&error))?;
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, headers, body).into_response())
}

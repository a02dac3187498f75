//! `POST /tokens`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use ca::profile::Seconds;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use model::{ApiToken, Id, Role};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::{Authorized, TokenSecret, Tokens, permission::ManageTokens};
use crate::extract::JsonBody;
use crate::openapi::Problems;
use crate::problem::{Problem, internal};
use crate::resource::{NewTokenBody, TokenBody};

/// Characters of a token's name.
const LONGEST: usize = 64;

/// A longer span is for ever: say so by giving none. Times beyond the year 9999 have no text.
const LONGEST_VALIDITY: Seconds = Seconds::days(36_525);

/// What token to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// The name that audit events have for it: 1 to 64 visible ASCII characters.
    #[schema(example = "ci")]
    name: String,
    /// What its bearer may do: `admin`, `operator`, `viewer` or `auditor`.
    #[schema(value_type = String, example = "operator")]
    role: Role,
    /// For how long it is good; for ever if it is not given.
    #[schema(value_type = Option<String>, example = "365d")]
    validity: Option<Seconds>,
}

/// Makes a token.
///
/// The answer shows it this once: only its SHA-256 is kept.
#[utoipa::path(
    post, path = "/tokens", operation_id = "createToken", tag = "tokens",
    security(("token" = [])), extensions(("x-permission" = json!("tokens:manage"))),
    request_body = CreateToken,
    responses((status = 201, description = "Made", body = NewTokenBody), Problems)
)]
pub async fn create(
    who: Authorized<ManageTokens>,
    State(tokens): State<Tokens>,
    body: JsonBody<CreateToken>,
) -> Result<Response, Problem> {
    let CreateToken { name, role, validity } = body.value;
    let visible = name.bytes().all(|octet| octet.is_ascii_graphic() || octet == b' ');
    if name.trim().is_empty() || name.len() > LONGEST || !visible {
        let detail = format!("a token's name has 1 to {LONGEST} visible ASCII characters");
        return Err(Problem::malformed("token-name-malformed", detail));
    }
    if validity.is_some_and(|span| span.0 <= 0 || span > LONGEST_VALIDITY) {
        let detail = format!("a token's validity is positive and at most {LONGEST_VALIDITY}");
        return Err(Problem::malformed("validity-malformed", detail));
    }
    let secret = TokenSecret::draw().map_err(|error| internal(&error))?;
    let now = tokens.now();
    let token = ApiToken {
        id: Id::generate(tokens.clock()),
        name,
        sha256: secret.sha256(),
        role,
        created_at: now,
        expires_at: validity.map(|span| now.plus_seconds(span.0)),
        revoked_at: None,
    };
    tokens.create(token.clone(), who.actor()).await?;
    let body = NewTokenBody { kept: TokenBody::new(&token, now), token: secret.reveal() };
    let body = serde_json::to_vec(&body).map_err(|error| internal(&error))?;
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, headers, body).into_response())
}

//! GET directory (RFC 8555 §7.1.1).

use axum::Json;
use axum::extract::{Path, Request, State};
use serde_json::{Map, Value, json};

use super::profile_of_path;
use crate::flow::binding;
use crate::problem::Problem;
use crate::state::AcmeState;

/// The directory of the default profile.
pub(crate) async fn of_default(
    State(state): State<AcmeState>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    directory(&state, request, None)
}

/// The directory of a profile: orders that name none are for this one.
pub(crate) async fn of_profile(
    State(state): State<AcmeState>,
    Path(profile): Path<String>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    directory(&state, request, Some(&profile))
}

fn directory(
    state: &AcmeState,
    request: Request,
    profile: Option<&str>,
) -> Result<Json<Value>, Problem> {
    let profile = profile.map(|profile| profile_of_path(state, profile)).transpose()?;
    let (parts, _) = request.into_parts();
    let base = state.bases.of_request(&parts).ok_or_else(|| {
        Problem::unauthorized("this server does not answer under the name of the request")
    })?;
    let settings = &state.settings;
    let chosen = profile.as_ref().unwrap_or(&settings.default_profile);
    let mut meta = Map::new();
    for (name, url) in [("termsOfService", &settings.terms), ("website", &settings.website)] {
        if let Some(url) = url {
            meta.insert(name.to_owned(), json!(url));
        }
    }
    if !settings.caa_identities.is_empty() {
        meta.insert("caaIdentities".to_owned(), json!(settings.caa_identities));
    }
    if binding::is_required(state, chosen) {
        meta.insert("externalAccountRequired".to_owned(), json!(true));
    }
    let profiles: Map<String, Value> = state
        .authority
        .profiles()
        .iter()
        .filter(|profile| profile.acme().is_some())
        .map(|profile| (profile.name.to_string(), json!(profile.body.description)))
        .collect();
    meta.insert("profiles".to_owned(), Value::Object(profiles));
    let profile = profile.as_ref();
    Ok(Json(json!({
        "newNonce": base.endpoint("new-nonce"),
        "newAccount": base.of_profile(profile, "new-account"),
        "newOrder": base.of_profile(profile, "new-order"),
        "revokeCert": base.endpoint("revoke-cert"),
        "keyChange": base.endpoint("key-change"),
        "renewalInfo": base.endpoint("renewal-info"),
        "meta": meta,
    })))
}

//! Authorizations and challenges (RFC 8555 §7.1.4, §7.1.5, §8).

use model::{AcmeAuthorization, AcmeAuthorizationState, ChallengeMethod};
use serde_json::{Value, json};

use crate::base::Base;
use crate::problem::failure_document;

/// Writes an authorization; `running` is the challenge that is being validated.
pub(crate) fn authorization(
    one: &AcmeAuthorization,
    running: Option<ChallengeMethod>,
    base: &Base,
) -> Value {
    let challenges: Vec<Value> =
        shown(one).into_iter().map(|method| challenge(one, method, running, base)).collect();
    let mut body = json!({
        "status": one.state.as_str(),
        "expires": one.expires_at.to_string(),
        "identifier": { "type": one.identifier.kind(), "value": one.identifier.value() },
        "challenges": challenges,
    });
    if one.wildcard {
        body["wildcard"] = json!(true);
    }
    body
}

/// RFC 8555 §7.1.4: all while it is pending, then the one that decided; where nothing was validated,
/// since the profile trusts its accounts, all that could have been.
fn shown(one: &AcmeAuthorization) -> Vec<ChallengeMethod> {
    match &one.state {
        AcmeAuthorizationState::Valid(proof) => match proof.method {
            Some(method) => vec![method],
            None => Vec::new(),
        },
        AcmeAuthorizationState::Invalid { method, .. } => vec![*method],
        AcmeAuthorizationState::Pending
        | AcmeAuthorizationState::Deactivated
        | AcmeAuthorizationState::Revoked
        | AcmeAuthorizationState::Expired => one.methods.iter().collect(),
    }
}

/// Writes a challenge.
pub(crate) fn challenge(
    one: &AcmeAuthorization,
    method: ChallengeMethod,
    running: Option<ChallengeMethod>,
    base: &Base,
) -> Value {
    let mut body = json!({
        "type": method.as_str(),
        "url": base.challenge(one.key, method),
        "token": one.token,
    });
    let status = match &one.state {
        AcmeAuthorizationState::Valid(proof) if proof.method == Some(method) => {
            body["validated"] = json!(proof.at.to_string());
            "valid"
        }
        AcmeAuthorizationState::Invalid { method: failed, failure } if *failed == method => {
            body["error"] = failure_document(failure);
            "invalid"
        }
        AcmeAuthorizationState::Pending if running == Some(method) => "processing",
        // RFC 8555 §7.1.6: a challenge of an authorization that ended without it stays pending.
        _ => "pending",
    };
    body["status"] = json!(status);
    body
}

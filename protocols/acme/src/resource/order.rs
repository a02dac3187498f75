//! Orders (RFC 8555 §7.1.3).

use model::{AcmeOrder, AcmeOrderState};
use serde_json::{Value, json};

use crate::base::Base;
use crate::problem::failure_document;

/// Writes an order.
pub(crate) fn order(order: &AcmeOrder, base: &Base, replaces: Option<&str>) -> Value {
    let content = &order.content;
    let identifiers: Vec<Value> = content
        .identifiers
        .iter()
        .map(|identifier| json!({ "type": identifier.kind(), "value": identifier.value() }))
        .collect();
    let authorizations: Vec<String> =
        order.authorizations.iter().map(|one| base.authorization(one.key)).collect();
    let mut body = json!({
        "status": order.state.as_str(),
        "expires": content.expires_at.to_string(),
        "identifiers": identifiers,
        "profile": content.profile.as_str(),
        "authorizations": authorizations,
        "finalize": base.finalize(content.id),
    });
    for (name, time) in [("notBefore", content.not_before), ("notAfter", content.not_after)] {
        if let Some(time) = time {
            body[name] = json!(time.to_string());
        }
    }
    if let Some(replaces) = replaces {
        body["replaces"] = json!(replaces);
    }
    match &order.state {
        AcmeOrderState::Valid { certificate } => {
            body["certificate"] = json!(base.certificate(*certificate, None));
        }
        AcmeOrderState::Invalid { failure } => body["error"] = failure_document(failure),
        AcmeOrderState::Pending | AcmeOrderState::Ready | AcmeOrderState::Processing { .. } => {}
    }
    body
}

//! Accounts (RFC 8555 §7.1.2).

use model::AcmeAccount;
use serde_json::{Value, json};

use crate::base::Base;

/// Writes an account.
pub(crate) fn account(account: &AcmeAccount, base: &Base) -> Value {
    let mut body = json!({
        "status": account.state.as_str(),
        "orders": base.orders(account.id, None),
    });
    if !account.contact.is_empty() {
        body["contact"] = json!(account.contact);
    }
    if account.terms_agreed_at.is_some() {
        body["termsOfServiceAgreed"] = json!(true);
    }
    if let Some(bound) = &account.external
        && let Ok(jws) = serde_json::from_str::<Value>(&bound.jws)
    {
        body["externalAccountBinding"] = jws;
    }
    body
}

//! Making and changing accounts (RFC 8555 §7.3).

use model::{
    AcmeAccount, AcmeAccountState, AcmeErrorKind, AuditAction, ExternalBinding, Id, ProfileName,
};
use serde::Deserialize;
use serde_json::{Value, json};
use store::acme::{accounts, authorizations};
use store::{StoreError, audit};

use super::binding;
use crate::jose::Jwk;
use crate::limit::Applicant;
use crate::problem::Problem;
use crate::state::AcmeState;

/// Contact URLs of an account at most.
const CONTACTS: usize = 10;
/// Octets of a contact URL at most.
const CONTACT: usize = 320;

/// What a client says of a new account (RFC 8555 §7.3).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewAccount {
    #[serde(default)]
    contact: Vec<String>,
    #[serde(default)]
    terms_of_service_agreed: bool,
    #[serde(default)]
    pub(crate) only_return_existing: bool,
    external_account_binding: Option<Value>,
}

/// Where a new account comes from.
pub(crate) struct Registration<'a> {
    pub(crate) key: &'a Jwk,
    pub(crate) url: &'a str,
    pub(crate) profile: &'a ProfileName,
    pub(crate) applicant: Option<Applicant>,
}

/// Finds the account of a key; one that is no longer valid is nobody's (RFC 8555 §7.3.6).
pub(crate) async fn existing(state: &AcmeState, key: &Jwk) -> Result<Option<AcmeAccount>, Problem> {
    let found = accounts::find_by_thumbprint(state.store(), &key.thumbprint()).await?;
    match found {
        Some(account) if account.state != AcmeAccountState::Valid => {
            let why = format!("the account of this key is {}", account.state.as_str());
            Err(Problem::unauthorized(why).with_status(axum::http::StatusCode::UNAUTHORIZED))
        }
        found => Ok(found),
    }
}

/// Makes an account.
pub(crate) async fn create(
    state: &AcmeState,
    from: &Registration<'_>,
    wanted: NewAccount,
) -> Result<AcmeAccount, Problem> {
    from.key.check_strength()?;
    check_contact(&wanted.contact)?;
    let terms = state.settings.terms.as_ref();
    if let Some(terms) = terms.filter(|_| !wanted.terms_of_service_agreed) {
        let why = "the terms of service must be agreed to";
        return Err(Problem::new(AcmeErrorKind::UserActionRequired, why).with_terms(terms.clone()));
    }
    let external = match &wanted.external_account_binding {
        Some(jws) => Some(bind(state, from, jws).await?),
        None if binding::is_required(state, from.profile) => {
            let why = "this profile needs an external account binding (RFC 8555 §7.3.4)";
            return Err(Problem::new(AcmeErrorKind::ExternalAccountRequired, why));
        }
        None => None,
    };
    state.limits.account(from.applicant, state.millis())?;
    let now = state.now();
    let account = AcmeAccount {
        id: Id::generate(state.authority.clock()),
        thumbprint: from.key.thumbprint(),
        jwk: from.key.canonical(),
        state: AcmeAccountState::Valid,
        contact: wanted.contact,
        terms_agreed_at: (terms.is_some() || wanted.terms_of_service_agreed).then_some(now),
        external,
        created_at: now,
        revision: 1,
    };
    let detail = json!({
        "profile": from.profile.as_str(),
        "external": account.external.as_ref().map(|bound| bound.key.to_string()),
    });
    let event = state.event(
        &actor(account.id),
        AuditAction::AcmeAccountCreate,
        account.id.to_string(),
        detail,
    );
    let row = account.clone();
    let write = state.store().write(move |tx| {
        Box::pin(async move {
            accounts::insert(tx, &row).await?;
            audit::append(tx, &event).await
        })
    });
    match write.await {
        Ok(()) => Ok(account),
        // The same client asked twice at once.
        Err(StoreError::Conflict) => {
            existing(state, from.key).await?.ok_or_else(|| StoreError::Conflict.into())
        }
        Err(StoreError::NotFound) => {
            Err(Problem::unauthorized("the external account key takes no more accounts"))
        }
        Err(error) => Err(error.into()),
    }
}

async fn bind(
    state: &AcmeState,
    from: &Registration<'_>,
    jws: &Value,
) -> Result<ExternalBinding, Problem> {
    let key = binding::verify(state, from, jws).await?;
    Ok(ExternalBinding { key, jws: jws.to_string() })
}

/// What a client wants changed (RFC 8555 §7.3.2, §7.3.6).
#[derive(Debug, Deserialize)]
pub(crate) struct Change {
    contact: Option<Vec<String>>,
    status: Option<String>,
}

/// Changes an account.
pub(crate) async fn change(
    state: &AcmeState,
    account: &AcmeAccount,
    wanted: Change,
) -> Result<AcmeAccount, Problem> {
    let mut changed = account.clone();
    let now = state.now();
    match wanted.status.as_deref() {
        None | Some("valid") => {}
        Some("deactivated") => {
            changed.state = changed
                .state
                .deactivate(now)
                .map_err(|error| Problem::unauthorized(error.to_string()))?;
        }
        Some(_) => return Err(Problem::malformed("a client sets the status `deactivated` only")),
    }
    if let Some(contact) = wanted.contact {
        check_contact(&contact)?;
        changed.contact = contact;
    }
    if changed == *account {
        return Ok(changed);
    }
    let gone = changed.state != account.state;
    let event = gone.then(|| {
        let target = account.id.to_string();
        let (by, action) = (actor(account.id), AuditAction::AcmeAccountDeactivate);
        state.event(&by, action, target, json!({}))
    });
    let (row, id) = (changed.clone(), account.id);
    let take_back = move |state: &AcmeState| {
        state.accounts.forget(id);
        // Its authorizations may have been taken back.
        state.orders.clear();
    };
    let write = state.change(take_back, move |tx| {
        Box::pin(async move {
            let revision = accounts::update(tx, &row).await?;
            if let Some(event) = event {
                authorizations::revoke_all(tx, row.id).await?;
                audit::append(tx, &event).await?;
            }
            Ok(revision)
        })
    });
    changed.revision = write.await??;
    Ok(changed)
}

/// Gives an account another key (RFC 8555 §7.3.5).
pub(crate) async fn roll_over(
    state: &AcmeState,
    account: &AcmeAccount,
    key: &Jwk,
) -> Result<(), Problem> {
    key.check_strength()?;
    let row = AcmeAccount { thumbprint: key.thumbprint(), jwk: key.canonical(), ..account.clone() };
    let event = state.event(
        &actor(account.id),
        AuditAction::AcmeAccountRollover,
        account.id.to_string(),
        json!({}),
    );
    let id = account.id;
    let take_back = move |state: &AcmeState| state.accounts.forget(id);
    let write = state.change(take_back, move |tx| {
        Box::pin(async move {
            accounts::update(tx, &row).await?;
            audit::append(tx, &event).await
        })
    });
    Ok(write.await??)
}

/// Names an account for the audit log and the inventory.
pub(crate) fn actor(id: Id<AcmeAccount>) -> String {
    format!("acme:{id}")
}

/// RFC 8555 §7.3: mailto with one address and no header fields; other schemes are not used here.
fn check_contact(contact: &[String]) -> Result<(), Problem> {
    let invalid = |why: &str| Err(Problem::new(AcmeErrorKind::InvalidContact, why));
    if contact.len() > CONTACTS {
        return invalid("too many contacts");
    }
    for url in contact {
        let Some((scheme, address)) = url.split_once(':') else {
            return invalid("a contact is a URL");
        };
        if !scheme.eq_ignore_ascii_case("mailto") {
            return Err(Problem::new(
                AcmeErrorKind::UnsupportedContact,
                "contacts are mailto URLs",
            ));
        }
        let whole = address.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && x509::check_dns_name(domain, false).is_ok()
        });
        let plain = address.bytes().all(|b| b.is_ascii_graphic() && !b",?%<>\"".contains(&b));
        if !whole || !plain || url.len() > CONTACT {
            return invalid("a contact has one address and no header fields (RFC 8555 §7.3)");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_are_single_mailboxes() {
        use AcmeErrorKind::{InvalidContact, UnsupportedContact};
        let check = |url: &str| check_contact(&[url.to_owned()]).map_err(|problem| problem.kind());
        assert_eq!(check("mailto:a@corp.example"), Ok(()));
        assert_eq!(check("MAILTO:a.b+c@x"), Ok(()));
        for (url, kind) in [
            ("tel:+49123", UnsupportedContact),
            ("https://a@b", UnsupportedContact),
            ("a@corp.example", InvalidContact),
            ("mailto:", InvalidContact),
            ("mailto:a", InvalidContact),
            ("mailto:@b", InvalidContact),
            ("mailto:a@b,c@d", InvalidContact),
            ("mailto:a@b?subject=x", InvalidContact),
            ("mailto:a@b c", InvalidContact),
            ("mailto:a@b@c", InvalidContact),
        ] {
            assert_eq!(check(url), Err(kind), "{url}");
        }
        let many = vec!["mailto:a@b".to_owned(); 11];
        assert_eq!(check_contact(&many).map_err(|p| p.kind()), Err(InvalidContact));
    }
}

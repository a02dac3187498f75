//! External account bindings (RFC 8555 §7.3.4) and what they allow.

use model::{AcmeAccount, AcmeErrorKind, AcmeIdentifier, ExternalAccountKey, Id, ProfileName};
use serde_json::Value;
use store::acme::eab_keys;

use super::account::Registration;
use crate::jose::{Jwk, Jws, MacAlgorithm, object};
use crate::problem::Problem;
use crate::state::AcmeState;

/// Says where a key's secret is sealed for.
#[must_use]
pub(crate) fn place(id: Id<ExternalAccountKey>) -> String {
    format!("acme-eab/{id}")
}

/// Tells whether accounts of a profile must be bound.
pub(crate) fn is_required(state: &AcmeState, profile: &ProfileName) -> bool {
    let profile = state.authority.find_profile(profile);
    profile.is_some_and(|profile| profile.acme().is_some_and(|offer| offer.external_account))
}

/// Verifies a binding and gives the key that it names.
pub(crate) async fn verify(
    state: &AcmeState,
    from: &Registration<'_>,
    jws: &Value,
) -> Result<Id<ExternalAccountKey>, Problem> {
    let jws = Jws::read_inner(jws)?;
    let algorithm = MacAlgorithm::read(&jws.header.alg)?;
    if jws.header.nonce.is_some() {
        return Err(Problem::malformed("a binding has no `nonce` (RFC 8555 §7.3.4)"));
    }
    if jws.header.url.as_deref() != Some(from.url) {
        return Err(Problem::malformed("the binding's `url` is not the request's"));
    }
    let kid = jws.header.kid.as_deref();
    let kid = kid.ok_or_else(|| Problem::malformed("a binding has a `kid`"))?;
    let bound: Value = object(&jws.payload)
        .map_err(|error| Problem::malformed(format!("the binding's payload: {error}")))?;
    // RFC 8555 §7.3.4: the payload is the account's key, the same one as signs the request.
    if Jwk::read(&bound)?.thumbprint() != from.key.thumbprint() {
        return Err(Problem::malformed("the binding is for another account key"));
    }
    let unknown =
        || Problem::unauthorized("the external account key is not known or the MAC is wrong");
    let id = kid.parse().map_err(|_| unknown())?;
    let key = eab_keys::get(state.store(), id).await?.ok_or_else(unknown)?;
    let secret = state.authority.unseal(&place(id), key.sealed.clone()).await?;
    if !algorithm.verify(secret.reveal(), jws.signed(), &jws.signature) {
        return Err(unknown());
    }
    if !key.is_good(state.now()) {
        return Err(Problem::unauthorized("the external account key is over or was taken back"));
    }
    if !key.has_room() {
        return Err(Problem::unauthorized("the external account key takes no more accounts"));
    }
    if key.profile != *from.profile {
        let why = format!("the external account key is for the profile {}", key.profile);
        return Err(Problem::unauthorized(why));
    }
    Ok(id)
}

/// What an account may order under a profile, beside what the profile says.
pub(crate) struct Scope(Option<ExternalAccountKey>);

impl Scope {
    /// Finds it; an account that is bound may nothing without its key.
    pub(crate) async fn of(
        state: &AcmeState,
        account: &AcmeAccount,
        profile: &ProfileName,
    ) -> Result<Self, Problem> {
        let Some(bound) = &account.external else {
            if is_required(state, profile) {
                let why = "this profile is for accounts with an external account binding";
                return Err(Problem::new(AcmeErrorKind::ExternalAccountRequired, why));
            }
            return Ok(Self(None));
        };
        let key = eab_keys::get(state.store(), bound.key).await?;
        let key = key.filter(|key| key.is_good(state.now())).ok_or_else(|| {
            Problem::unauthorized("the account's external account key is over or was taken back")
        })?;
        if key.profile != *profile {
            let why = format!("the account is bound to the profile {}", key.profile);
            return Err(Problem::unauthorized(why));
        }
        Ok(Self(Some(key)))
    }

    /// Tells whether an identifier is in it.
    pub(crate) fn admits(&self, identifier: &AcmeIdentifier) -> Result<bool, Problem> {
        let Some(key) = &self.0 else {
            return Ok(true);
        };
        ca::profile::admits(&key.names, identifier).map_err(|faults| {
            tracing::error!(key = %key.id, faults = faults.join("; "), "patterns do not read");
            Problem::new(AcmeErrorKind::ServerInternal, "the external account key is unusable")
        })
    }
}

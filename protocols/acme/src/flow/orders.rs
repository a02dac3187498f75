//! Making orders (RFC 8555 §7.4) and finding them again.

use std::sync::Arc;

use ca::profile::{AcmeMode, AcmeOffer, Profile};
use model::{
    AcmeAccount, AcmeAuthorization, AcmeAuthorizationState, AcmeErrorKind, AcmeIdentifier,
    AcmeOrder, AcmeOrderState, AuthorizationKey, ChallengeMethods, Id, IssuedCertificate,
    OrderContent, ProfileName, Proof, UnixTime,
};
use serde::Deserialize;
use store::StoreError;
use store::acme::authorizations;
use store::acme::orders::{self, Inserted, OrderLimit, OrderLimits};

use super::binding::Scope;
use super::certificate_id;
use super::identifiers::{self, WrittenIdentifier};
use super::ring;
use crate::problem::Problem;
use crate::state::AcmeState;

/// Seconds in which orders of an account count.
const BY_ACCOUNT: i64 = 3_600;
/// Seconds in which orders for a set of names count.
const BY_NAMES: i64 = 7 * 86_400;

/// What a client orders (RFC 8555 §7.4, RFC 9773 §5).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewOrder {
    identifiers: Vec<WrittenIdentifier>,
    not_before: Option<String>,
    not_after: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) replaces: Option<String>,
}

/// Finds a profile that ACME offers.
pub(crate) fn offered(state: &AcmeState, name: &ProfileName) -> Option<(Arc<Profile>, AcmeOffer)> {
    let profile = state.authority.find_profile(name)?;
    let offer = profile.acme()?.clone();
    Some((profile, offer))
}

/// Makes an order.
pub(crate) async fn create(
    state: &AcmeState,
    account: &AcmeAccount,
    profile: &ProfileName,
    wanted: &NewOrder,
) -> Result<AcmeOrder, Problem> {
    let (profile, offer) = offered(state, profile).ok_or_else(|| {
        Problem::new(AcmeErrorKind::InvalidProfile, "there is no such profile in the directory")
    })?;
    let identifiers = identifiers::read(&wanted.identifiers, state.settings.limits.identifiers)?;
    let scope = Scope::of(state, account, &profile.name).await?;
    identifiers::admit(&identifiers, &profile, &offer, &scope)?;
    let now = state.now();
    let not_before = read_time("notBefore", wanted.not_before.as_deref())?;
    let not_after = read_time("notAfter", wanted.not_after.as_deref())?;
    check_times(&profile, (not_before, not_after), now)?;
    let replaces = match &wanted.replaces {
        Some(text) => Some(replaced(state, account, text, &identifiers).await?),
        None => None,
    };
    let id = Id::generate(state.authority.clock());
    let expires_at = now.plus_seconds(offer.order_lifetime.0);
    let mut made = Vec::with_capacity(identifiers.len());
    for (number, identifier) in identifiers.iter().enumerate() {
        let number = u16::try_from(number).map_err(|error| Problem::internal(&error))?;
        let known = proof(state, account.id, identifier, (&profile, &offer)).await?;
        let (state_of, ends) = match known {
            Some((proof, ends)) => (AcmeAuthorizationState::Valid(proof), ends),
            None => (AcmeAuthorizationState::Pending, expires_at),
        };
        made.push(AcmeAuthorization {
            key: AuthorizationKey { order: id, number },
            account: account.id,
            identifier: identifier.base(),
            wildcard: identifier.is_wildcard(),
            token: token()?,
            methods: ChallengeMethods::fitting(&offer.challenges, identifier),
            state: state_of,
            expires_at: ends,
        });
    }
    // An order is good for no longer than what it stands on.
    let ends = made.iter().map(|one| one.expires_at).min().unwrap_or(expires_at);
    let order = AcmeOrder {
        content: OrderContent {
            id,
            account: account.id,
            profile: profile.name.clone(),
            identifiers,
            not_before,
            not_after,
            replaces,
            created_at: now,
            expires_at: ends.min(expires_at),
        },
        state: AcmeOrderState::Pending,
        authorizations: made,
    };
    insert(state, order).await
}

async fn insert(state: &AcmeState, order: AcmeOrder) -> Result<AcmeOrder, Problem> {
    let now = state.now();
    let limits = &state.settings.limits;
    let limit = |most: u32, seconds: i64| {
        (most > 0).then(|| OrderLimit { most, since: now.plus_seconds(-seconds) })
    };
    let renewal = order.content.replaces.is_some();
    let limits = OrderLimits {
        account: limit(limits.orders_per_account, BY_ACCOUNT),
        // RFC 9773 §5: renewals by the server's own advice do not count.
        names: limit(limits.orders_per_names, BY_NAMES).filter(|_| !renewal),
    };
    let row = order.clone();
    let seen = state.orders.seen();
    let write = state
        .store()
        .write(move |tx| Box::pin(async move { orders::insert(tx, &row, &limits).await }));
    let wait = |oldest: UnixTime, seconds: i64| {
        u32::try_from(oldest.plus_seconds(seconds).seconds_since(now).max(1)).unwrap_or(u32::MAX)
    };
    match write.await? {
        Inserted::Yes => {
            state.orders.put(seen, order.content.id, Arc::new(order.clone()));
            Ok(order.at(now))
        }
        Inserted::AccountLimit(oldest) => Err(Problem::rate_limited(
            "the account has as many new orders as it may have in an hour",
            wait(oldest, BY_ACCOUNT),
        )),
        Inserted::NamesLimit(oldest) => Err(Problem::rate_limited(
            "there are as many new orders for these names as there may be in a week",
            wait(oldest, BY_NAMES),
        )),
    }
}

/// Finds what stands for an identifier already: trust, or an earlier validation.
async fn proof(
    state: &AcmeState,
    account: Id<AcmeAccount>,
    identifier: &AcmeIdentifier,
    (profile, offer): (&Profile, &AcmeOffer),
) -> Result<Option<(Proof, UnixTime)>, Problem> {
    let now = state.now();
    if offer.mode == AcmeMode::Trusted {
        let ends = now.plus_seconds(offer.order_lifetime.0);
        return Ok(Some((Proof { method: None, at: now, record: None }, ends)));
    }
    if offer.reuse.0 == 0 || state.chaos.forgets_proof() {
        return Ok(None);
    }
    let since = now.plus_seconds(-offer.reuse.0);
    let found =
        authorizations::newest_proof(state.store(), account, identifier, (since, now)).await?;
    // What another profile trusted is no proof here.
    let found = found
        .filter(|(proof, _)| proof.method.is_some_and(|method| offer.challenges.contains(&method)));
    let Some((proof, ends)) = found else {
        return Ok(None);
    };
    let there = ring::has_record(state, profile, (account, identifier), &proof).await?;
    Ok(there.then_some((proof, ends)))
}

/// RFC 8555 §8.1: at least 128 bits of entropy; these are 256.
fn token() -> Result<String, Problem> {
    use base64::Engine as _;
    let mut octets = [0; 32];
    aws_lc_rs::rand::fill(&mut octets).map_err(|error| Problem::unavailable(&error))?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(octets))
}

/// Finds the certificate that is replaced (RFC 9773 §5): it is the account's, shares a name, and
/// nothing has replaced it.
async fn replaced(
    state: &AcmeState,
    account: &AcmeAccount,
    text: &str,
    identifiers: &[AcmeIdentifier],
) -> Result<Id<IssuedCertificate>, Problem> {
    let (certificate, _) = certificate_id::find(state, text).await.map_err(|problem| {
        if problem.status().is_server_error() {
            return problem;
        }
        Problem::malformed("`replaces` names no certificate of this CA")
    })?;
    if orders::account_of(state.store(), certificate.id).await? != Some(account.id) {
        return Err(Problem::unauthorized("`replaces` names a certificate of another account"));
    }
    let shares = identifiers.iter().any(|one| certificate.names.contains(&one.value()));
    if !shares {
        return Err(Problem::malformed("`replaces` names a certificate without any of the names"));
    }
    if orders::is_replaced(state.store(), certificate.id).await? {
        let why = "the certificate was replaced already";
        return Err(Problem::new(AcmeErrorKind::AlreadyReplaced, why));
    }
    Ok(certificate.id)
}

fn read_time(what: &str, text: Option<&str>) -> Result<Option<UnixTime>, Problem> {
    let Some(text) = text else {
        return Ok(None);
    };
    // Certificates have whole seconds: a fraction cannot be granted, and clients do not mean it.
    let whole = match text.strip_suffix('Z').and_then(|bare| bare.split_once('.')) {
        Some((whole, fraction)) if fraction.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{whole}Z")
        }
        _ => text.to_owned(),
    };
    let read = UnixTime::parse_rfc3339(&whole);
    read.map(Some).map_err(|_| Problem::malformed(format!("{what} is no time in UTC (RFC 3339)")))
}

/// Tells now what the issuer would refuse later (RFC 8555 §7.4: nothing else may be issued).
fn check_times(
    profile: &Profile,
    (not_before, not_after): (Option<UnixTime>, Option<UnixTime>),
    now: UnixTime,
) -> Result<(), Problem> {
    let body = &profile.body;
    if not_before.is_some_and(|at| at < now.plus_seconds(-body.backdate.0)) {
        return Err(Problem::malformed("notBefore lies too far back"));
    }
    if not_before.is_some_and(|at| at > now.plus_seconds(300)) {
        return Err(Problem::malformed("notBefore lies in the future"));
    }
    let longest = not_before.unwrap_or(now).max(now).plus_seconds(body.max_validity.0 - 1);
    if not_after.is_some_and(|at| at > longest) {
        let most = body.max_validity;
        return Err(Problem::malformed(format!("notAfter is more than {most} ahead")));
    }
    if not_after.is_some_and(|at| at <= not_before.unwrap_or(now).max(now)) {
        return Err(Problem::malformed("notAfter is not after notBefore and now"));
    }
    Ok(())
}

/// Finds an order of an account, as it is now.
pub(crate) async fn find(
    state: &AcmeState,
    account: &AcmeAccount,
    id: &str,
) -> Result<AcmeOrder, Problem> {
    let missing = || Problem::not_found("order");
    let id = id.parse().map_err(|_| missing())?;
    let order = stored(state, id).await?.ok_or_else(missing)?;
    if order.content.account != account.id {
        return Err(missing());
    }
    Ok(Arc::unwrap_or_clone(order).at(state.now()))
}

/// Gives an order as it is stored.
async fn stored(
    state: &AcmeState,
    id: Id<AcmeOrder>,
) -> Result<Option<Arc<AcmeOrder>>, StoreError> {
    if let Some(order) = state.orders.get(&id) {
        return Ok(Some(order));
    }
    Ok(orders::get(state.store(), id).await?.map(Arc::new))
}

/// Finds an authorization of an account as it is now, with the profile of its order.
pub(crate) async fn find_authorization(
    state: &AcmeState,
    account: &AcmeAccount,
    (order, number): (&str, &str),
) -> Result<(AcmeAuthorization, ProfileName), Problem> {
    let missing = || Problem::not_found("authorization");
    let id = order.parse().map_err(|_| missing())?;
    let order = stored(state, id).await?.ok_or_else(missing)?;
    if order.content.account != account.id {
        return Err(missing());
    }
    let mut all = order.authorizations.iter();
    let found = all.find(|one| one.key.number.to_string() == number).ok_or_else(missing)?;
    let at = found.state.clone().at(state.now(), found.expires_at);
    Ok((AcmeAuthorization { state: at, ..found.clone() }, order.content.profile.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_utc_and_whole() {
        let read = |text| read_time("notAfter", Some(text)).ok().flatten();
        assert_eq!(read("2027-01-15T08:00:00Z"), Some(UnixTime(1_800_000_000)));
        assert_eq!(read("2027-01-15T08:00:00.999Z"), Some(UnixTime(1_800_000_000)));
        for bad in ["", "2027-01-15", "2027-01-15T08:00:00", "2027-01-15T08:00:00.xZ", "tomorrow"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}

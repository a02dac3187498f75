//! Having challenges validated (RFC 8555 §7.5.1, §8.2) by the validation authority, which has the
//! only way out. What is under way is known to this process alone: after a crash the client's next
//! request finds the challenge pending and sets it going again.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::{
    AcmeAuthorization, AcmeAuthorizationState, AcmeErrorKind, AcmeFailure, AcmeIdentifier,
    AuthorizationKey, ChallengeMethod, ProfileName, Proof, UnixTime,
};
use store::StoreError;
use store::acme::authorizations;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use va_wire::{Client, Identifier, Method, Outcome, Thumbprint, Validate};

use crate::accounts::Known;
use crate::base::Base;
use crate::problem::Problem;
use crate::state::AcmeState;
use crate::verified::log_only;

/// Tries of a challenge: the first, and more where the authority says that they may help.
const TRIES: u32 = 4;
/// How often an authority that decided nothing is asked, at most.
const OUTAGES: u32 = 60;
/// How long one try may take.
const DEADLINE_MS: u32 = 10_000;
/// How long a client waits for the outcome before it hears `processing`.
const PATIENCE: Duration = Duration::from_millis(500);
/// Validations under way at most.
const MOST: usize = 4_096;

/// Validations under way.
pub(crate) struct Validations {
    client: Option<Client>,
    running: Mutex<HashMap<AuthorizationKey, Running>>,
}

#[derive(Clone)]
struct Running {
    method: ChallengeMethod,
    progress: watch::Receiver<Progress>,
}

/// An authorization's state and until when it stands, as they were stored.
pub(crate) type Settled = (AcmeAuthorizationState, UnixTime);

/// How far a validation is.
enum Progress {
    UnderWay,
    /// Over; without an outcome if none was stored.
    Over(Option<Settled>),
}

/// One challenge that is to be validated.
struct Work {
    key: AuthorizationKey,
    method: ChallengeMethod,
    validate: Validate,
    expires_at: UnixTime,
    reuse: i64,
}

impl Validations {
    pub(crate) fn new(socket: Option<PathBuf>) -> Self {
        Self { client: socket.map(Client::new), running: Mutex::default() }
    }

    /// Gives the challenge of an authorization that is being validated.
    pub(crate) fn running(&self, key: AuthorizationKey) -> Option<ChallengeMethod> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.get(&key).map(|running| running.method)
    }

    /// Joins the validation of an authorization, or takes a place for a new one, with the sender of
    /// its progress.
    fn join(
        &self,
        key: AuthorizationKey,
        method: ChallengeMethod,
    ) -> Result<(watch::Receiver<Progress>, Option<watch::Sender<Progress>>), Problem> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = running.get(&key) {
            return Ok((running.progress.clone(), None));
        }
        if running.len() >= MOST {
            return Err(Problem::rate_limited("too many validations are under way", 5));
        }
        let (sender, progress) = watch::channel(Progress::UnderWay);
        running.insert(key, Running { method, progress: progress.clone() });
        Ok((progress, Some(sender)))
    }
}

/// Sets a challenge going, unless one of its authorization is, and waits for a moment; gives what
/// was stored of its outcome meanwhile.
pub(crate) async fn begin(
    state: &AcmeState,
    account: &Arc<Known>,
    (authorization, profile): (&AcmeAuthorization, &ProfileName),
    method: ChallengeMethod,
    base: &Base,
) -> Result<Option<Settled>, Problem> {
    let Some(client) = state.validations.client.clone() else {
        let why = "this server has no validation authority";
        return Err(Problem::new(AcmeErrorKind::ServerInternal, why)
            .with_status(axum::http::StatusCode::SERVICE_UNAVAILABLE));
    };
    let offer = super::orders::offered(state, profile);
    let ring = match &offer {
        Some((profile, _)) => super::ring::of_profile(state, profile)?,
        // The profile was taken away meanwhile: nothing will be issued.
        None => None,
    };
    let validate = wire(state, account, authorization, method, base);
    let work = Work {
        key: authorization.key,
        method,
        validate: Validate { ring, ..validate },
        expires_at: authorization.expires_at,
        reuse: offer.map_or(0, |(_, offer)| offer.reuse.0),
    };
    let (mut progress, place) = state.validations.join(work.key, method)?;
    if let Some(sender) = place {
        tokio::spawn(run(state.clone(), client, work, sender));
    }
    let over = progress.wait_for(|progress| matches!(progress, Progress::Over(_)));
    Ok(match timeout(PATIENCE, over).await {
        Ok(Ok(progress)) => match &*progress {
            Progress::Over(settled) => settled.clone(),
            Progress::UnderWay => None,
        },
        _ => None,
    })
}

fn wire(
    state: &AcmeState,
    account: &Known,
    authorization: &AcmeAuthorization,
    method: ChallengeMethod,
    base: &Base,
) -> Validate {
    let issuers = &state.settings.caa_identities;
    Validate {
        identifier: match &authorization.identifier {
            AcmeIdentifier::Dns(name) => Identifier::Dns(name.clone()),
            AcmeIdentifier::Ip(address) => Identifier::Ip(*address),
        },
        wildcard: authorization.wildcard,
        method: match method {
            ChallengeMethod::Http01 => Method::Http01,
            ChallengeMethod::Dns01 => Method::Dns01,
            ChallengeMethod::TlsAlpn01 => Method::TlsAlpn01,
        },
        token: authorization.token.clone(),
        thumbprint: Thumbprint(account.account.thumbprint),
        account_uri: base.account(account.account.id),
        caa_issuers: (!issuers.is_empty()).then(|| issuers.clone()),
        ring: None,
        attempt: 1,
        deadline_ms: DEADLINE_MS,
    }
}

/// Ends a validation, however it ends.
struct Ending<'s> {
    state: &'s AcmeState,
    key: AuthorizationKey,
    sender: watch::Sender<Progress>,
    settled: Option<Settled>,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let validations = &self.state.validations;
        validations.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
        let _ = self.sender.send(Progress::Over(self.settled.take()));
    }
}

async fn run(state: AcmeState, client: Client, work: Work, sender: watch::Sender<Progress>) {
    let mut ending = Ending { state: &state, key: work.key, sender, settled: None };
    if let Some((settled, expires_at)) = settle(&state, &client, &work).await {
        let (key, kept) = (work.key, settled.clone());
        let write = state.store().write(move |tx| {
            Box::pin(async move { authorizations::settle(tx, key, &kept, expires_at).await })
        });
        let written = write.await;
        state.orders.change(&key.order, |order| {
            let all = Arc::make_mut(order).authorizations.iter_mut();
            for one in all.filter(|one| written.is_ok() && one.key == key) {
                (one.state, one.expires_at) = (settled.clone(), expires_at);
            }
        });
        match written {
            Ok(()) => ending.settled = Some((settled, expires_at)),
            // The client gave it up meanwhile.
            Err(StoreError::Conflict) => {}
            Err(error) => log_only("the outcome of a validation is not stored", &error),
        }
    }
    drop(ending);
}

/// Asks until there is an outcome; none if the authority decided nothing for too long.
async fn settle(
    state: &AcmeState,
    client: &Client,
    work: &Work,
) -> Option<(AcmeAuthorizationState, UnixTime)> {
    let (mut attempt, mut outages) = (1, 0);
    loop {
        if state.now() >= work.expires_at {
            return None;
        }
        let asked = Validate { attempt, ..work.validate.clone() };
        let wait = match client.validate(asked).await {
            Ok(Outcome::Valid(valid)) => {
                let at = state.now();
                let proof = Proof { method: Some(work.method), at, record: Some(valid.position) };
                let ends = at.plus_seconds(work.reuse).max(work.expires_at);
                return Some((AcmeAuthorizationState::Valid(proof), ends));
            }
            Ok(Outcome::Invalid(invalid)) => {
                let retry = invalid.retry_after.filter(|_| attempt < TRIES);
                let Some(seconds) = retry else {
                    let kind = invalid.problem.kind.as_str();
                    let kind = kind.parse().unwrap_or(AcmeErrorKind::ServerInternal);
                    let failure = AcmeFailure::new(kind, invalid.problem.detail);
                    let method = work.method;
                    let invalid = AcmeAuthorizationState::Invalid { method, failure };
                    return Some((invalid, work.expires_at));
                };
                attempt += 1;
                seconds
            }
            Ok(Outcome::Unavailable(unavailable)) => {
                tracing::warn!(detail = unavailable.detail, "a validation is put off");
                outages += 1;
                unavailable.retry_after
            }
            Err(error) => {
                log_only("a validation is put off", &error);
                outages += 1;
                2
            }
        };
        if outages > OUTAGES {
            return None;
        }
        sleep(Duration::from_secs(wait.clamp(1, 60).into())).await;
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use model::Id;

    use super::*;

    #[test]
    fn so_many_validations_are_under_way_and_no_more() {
        let validations = Validations::new(None);
        let key = |number: usize| AuthorizationKey {
            order: Id::from_parts(u64::try_from(number / 100).expect("small"), &[1; 10]),
            number: u16::try_from(number % 100).expect("below 100"),
        };
        let join = |number| validations.join(key(number), ChallengeMethod::Http01);
        for number in 0..MOST {
            assert!(matches!(join(number), Ok((_, Some(_)))), "{number}");
        }
        let refused = join(MOST).map(drop).expect_err("there is no place");
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.kind(), AcmeErrorKind::RateLimited);
        assert_eq!(validations.running(key(MOST)), None);
        // Who asks about one that is under way takes no place.
        assert!(matches!(join(7), Ok((_, None))));
    }
}

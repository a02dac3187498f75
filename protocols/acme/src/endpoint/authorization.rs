//! POST authorization (RFC 8555 §7.5, §7.5.2): read, give up.

use axum::extract::{FromRequest as _, Path, Request, State};
use model::{AcmeAuthorization, AcmeAuthorizationState};
use serde::Deserialize;
use store::StoreError;
use store::acme::authorizations;

use crate::flow::orders::find_authorization;
use crate::problem::Problem;
use crate::resource::{Answer, authorization};
use crate::state::AcmeState;
use crate::verified::Verified;

/// Seconds after which a challenge under way is worth another look.
pub(super) const LOOK_AGAIN: u32 = 1;

#[derive(Deserialize)]
pub(crate) struct Change {
    status: Option<String>,
}

/// Reads an authorization of the account that asks, or gives it up.
pub(crate) async fn act(
    State(state): State<AcmeState>,
    Path((order, number)): Path<(String, String)>,
    request: Request,
) -> Result<Answer, Problem> {
    let asked = Verified::<Option<Change>>::from_request(request, &state).await?;
    let at = (&*order, &*number);
    let (mut found, _) = find_authorization(&state, &asked.account.account, at).await?;
    match asked.payload.map(|change| change.status) {
        None => {}
        Some(Some(status)) if status == "deactivated" => found = deactivate(&state, found).await?,
        Some(_) => return Err(Problem::malformed("a client sets the status `deactivated` only")),
    }
    let running = state.validations.running(found.key);
    let pending = matches!(found.state, AcmeAuthorizationState::Pending);
    Ok(Answer::ok(authorization(&found, running, &asked.base))
        .retry_after(pending.then_some(LOOK_AGAIN)))
}

async fn deactivate(
    state: &AcmeState,
    found: AcmeAuthorization,
) -> Result<AcmeAuthorization, Problem> {
    let (key, account, identifier) = (found.key, found.account, found.identifier.clone());
    let refused = |why: String| Problem::malformed(why);
    let gone = found.state.deactivate().map_err(|error| refused(error.to_string()))?;
    // Other orders may stand on the same proof.
    let write = state.change(
        |state| state.orders.clear(),
        move |tx| {
            Box::pin(async move { authorizations::deactivate(tx, key, account, &identifier).await })
        },
    );
    match write.await? {
        Ok(()) => Ok(AcmeAuthorization { state: gone, ..found }),
        Err(StoreError::Conflict) => Err(refused("the authorization ended meanwhile".into())),
        Err(error) => Err(error.into()),
    }
}

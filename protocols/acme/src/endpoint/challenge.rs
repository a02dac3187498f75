//! POST challenge (RFC 8555 §7.5.1): read, or have it validated.

use axum::extract::{FromRequest as _, Path, Request, State};
use model::{AcmeAuthorizationState, ChallengeMethod};
use serde_json::Value;

use super::authorization::LOOK_AGAIN;
use crate::flow::orders::find_authorization;
use crate::flow::validate;
use crate::problem::Problem;
use crate::resource::{Answer, challenge};
use crate::state::AcmeState;
use crate::verified::Verified;

/// Sets a challenge of the account that asks going; POST-as-GET only reads it.
pub(crate) async fn act(
    State(state): State<AcmeState>,
    Path((order, number, method)): Path<(String, String, String)>,
    request: Request,
) -> Result<Answer, Problem> {
    let asked = Verified::<Option<Value>>::from_request(request, &state).await?;
    let at = (&*order, &*number);
    let (mut found, profile) = find_authorization(&state, &asked.account.account, at).await?;
    let method = method.parse::<ChallengeMethod>().ok().filter(|one| found.methods.has(*one));
    let method = method.ok_or_else(|| Problem::not_found("challenge"))?;
    if asked.payload.is_some() {
        match &found.state {
            AcmeAuthorizationState::Pending => {
                let of = (&found, &profile);
                let begun = validate::begin(&state, &asked.account, of, method, &asked.base);
                match begun.await? {
                    Some((settled, ends)) => {
                        (found.state, found.expires_at) = (settled, ends);
                    }
                    // It goes on, or something else became of it.
                    None => {
                        (found, _) = find_authorization(&state, &asked.account.account, at).await?
                    }
                }
            }
            // What is decided stays so, and asking again is no error.
            AcmeAuthorizationState::Valid(_) => {}
            other => {
                let why = format!("the authorization is {}", other.as_str());
                return Err(Problem::malformed(why));
            }
        }
    }
    let running = state.validations.running(found.key);
    let body = challenge(&found, method, running, &asked.base);
    Ok(Answer::ok(body)
        .link(&asked.base.authorization(found.key), "up")
        .retry_after(running.is_some().then_some(LOOK_AGAIN)))
}

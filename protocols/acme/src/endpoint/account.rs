//! POST account (RFC 8555 §7.3.2, §7.3.6): read, change, give up.

use axum::extract::{FromRequest as _, Path, Request, State};

use crate::flow::account::{Change, change};
use crate::problem::Problem;
use crate::resource::{Answer, account};
use crate::state::AcmeState;
use crate::verified::Verified;

/// Reads or changes the account that asks; there is no way to another's.
pub(crate) async fn act(
    State(state): State<AcmeState>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Answer, Problem> {
    let asked = Verified::<Option<Change>>::from_request(request, &state).await?;
    let known = &asked.account.account;
    if id != known.id.to_string() {
        return Err(Problem::unauthorized("the account is another's"));
    }
    let changed = match asked.payload {
        Some(wanted) => change(&state, known, wanted).await?,
        None => known.clone(),
    };
    Ok(Answer::ok(account(&changed, &asked.base)).at(asked.base.account(changed.id)))
}

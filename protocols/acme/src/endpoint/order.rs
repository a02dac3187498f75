//! POST-as-GET order (RFC 8555 §7.4).

use axum::extract::{FromRequest as _, Path, Request, State};
use model::AcmeOrderState;

use crate::flow::{certificate_id, orders};
use crate::problem::Problem;
use crate::resource::{Answer, order};
use crate::state::AcmeState;
use crate::verified::{Nothing, Verified};

/// Seconds after which an order that is being issued is worth another look.
pub(super) const LOOK_AGAIN: u32 = 1;

/// Reads an order of the account that asks.
pub(crate) async fn fetch(
    State(state): State<AcmeState>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Answer, Problem> {
    let asked = Verified::<Nothing>::from_request(request, &state).await?;
    let found = orders::find(&state, &asked.account.account, &id).await?;
    let replaces = certificate_id::of_replaced(&state, found.content.replaces).await?;
    let processing = matches!(found.state, AcmeOrderState::Processing { .. });
    Ok(Answer::ok(order(&found, &asked.base, replaces.as_deref()))
        .retry_after(processing.then_some(LOOK_AGAIN)))
}

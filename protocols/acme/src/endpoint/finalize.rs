//! POST finalize (RFC 8555 §7.4).

use axum::extract::{FromRequest as _, Path, Request, State};
use model::AcmeOrderState;
use serde::Deserialize;

use super::order::LOOK_AGAIN;
use crate::flow::{certificate_id, finalize, orders};
use crate::jose::decode;
use crate::problem::Problem;
use crate::resource::{Answer, order};
use crate::state::AcmeState;
use crate::verified::{Body, Verified};

#[derive(Deserialize)]
pub(crate) struct Finalize {
    csr: String,
}

/// Issues for an order of the account that asks.
pub(crate) async fn act(
    State(state): State<AcmeState>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Answer, Problem> {
    let asked = Verified::<Body<Finalize>>::from_request(request, &state).await?;
    let found = orders::find(&state, &asked.account.account, &id).await?;
    let csr = decode("the CSR", &asked.payload.0.csr)?;
    let done = finalize::finalize(&state, found, &csr, &asked.account.key).await?;
    let replaces = certificate_id::of_replaced(&state, done.content.replaces).await?;
    let processing = matches!(done.state, AcmeOrderState::Processing { .. });
    Ok(Answer::ok(order(&done, &asked.base, replaces.as_deref()))
        .at(asked.base.order(done.content.id))
        .retry_after(processing.then_some(LOOK_AGAIN)))
}

//! Issuing for an order (RFC 8555 §7.4): marked, then signed in a task of its own, so that a client
//! that goes away or a server that dies leaves nothing half done (docs/ISSUANCE.md).

use std::time::Duration;

use ca::CheckedOrder;
use model::{AcmeErrorKind, AcmeOrder};
use store::StoreError;
use store::acme::orders;
use tokio::time::timeout;

use super::request;
use crate::jose::Jwk;
use crate::problem::Problem;
use crate::state::AcmeState;
use crate::verified::log_only;

/// How long a client waits for its certificate before it hears `processing`.
const PATIENCE: Duration = Duration::from_secs(3);

/// Takes a CSR for an order that is ready; gives the order as it is afterwards.
pub(crate) async fn finalize(
    state: &AcmeState,
    order: AcmeOrder,
    csr: &[u8],
    account_key: &Jwk,
) -> Result<AcmeOrder, Problem> {
    let not_ready = |order: &AcmeOrder| {
        let why = format!("the order is {} and not ready", order.state.as_str());
        Problem::new(AcmeErrorKind::OrderNotReady, why)
    };
    let csr = request::read(csr)?;
    let der = csr.der().clone();
    let since = state.now();
    let early = not_ready(&order);
    // Whether the order is ready is asked before what is wrong with the CSR is told.
    let order = order.begin_finalize(der.clone(), since).map_err(|_| early)?;
    let asked = request::of_order(&order, csr, Some(account_key))?;
    let checked = state.authority.check_order(asked)?;
    let id = order.content.id;
    let write = state.store().write(move |tx| {
        Box::pin(async move { orders::begin_processing(tx, id, &der, since).await })
    });
    match write.await {
        Ok(()) => {}
        Err(StoreError::Conflict) => return Err(not_ready(&order)),
        Err(error) => return Err(error.into()),
    }
    let work = tokio::spawn(issue(state.clone(), order.clone(), checked));
    match timeout(PATIENCE, work).await {
        Ok(Ok(outcome)) => outcome,
        // Its panic is in the log; the order is taken up again.
        Ok(Err(_)) | Err(_) => Ok(order),
    }
}

/// Issues and says what became of the order. An outage leaves it in work: it is taken up again.
pub(crate) async fn issue(
    state: AcmeState,
    order: AcmeOrder,
    checked: CheckedOrder,
) -> Result<AcmeOrder, Problem> {
    let problem = match state.authority.issue_order(checked).await {
        Ok(issued) => {
            let done = order.complete(issued.certificate.id);
            return done.map_err(|error| Problem::internal(&error));
        }
        Err(error) => Problem::from(error),
    };
    let Some(failure) = problem.failure() else {
        tracing::warn!(order = %order.content.id, "an order waits for what is away");
        return Ok(order);
    };
    let id = order.content.id;
    let kept = failure.clone();
    let write =
        state.store().write(move |tx| Box::pin(async move { orders::fail(tx, id, &kept).await }));
    if let Err(error) = write.await {
        log_only("a refused order stays in work", &error);
        return Ok(order);
    }
    order.fail(failure).map_err(|error| Problem::internal(&error))
}

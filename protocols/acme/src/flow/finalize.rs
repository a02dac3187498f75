//! Issuing for an order (RFC 8555 §7.4): marked, then signed in a task of its own, so that a client
//! that goes away or a server that dies leaves nothing half done (docs/ISSUANCE.md).

use std::sync::Arc;
use std::time::Duration;

use ca::CheckedOrder;
use model::{AcmeErrorKind, AcmeOrder, IssuedCertificate, UnixTime};
use store::StoreError;
use store::acme::orders;
use tokio::sync::oneshot;
use tokio::time::timeout;
use x509::CsrDer;

use super::request;
use crate::jose::Jwk;
use crate::problem::Problem;
use crate::state::{AcmeState, Download};
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
    let csr = request::read(csr)?;
    let der = csr.der().clone();
    let since = state.now();
    let early = not_ready(&format!("{} and not ready", order.state.as_str()));
    // Whether the order is ready is asked before what is wrong with the CSR is told.
    let order = order.begin_finalize(der.clone(), since).map_err(|_| early)?;
    let asked = request::of_order(&order, csr, Some(account_key))?;
    let checked = state.authority.check_order(asked)?;
    let (marked, mark) = oneshot::channel();
    let mark_it = (der, since, marked);
    let work = tokio::spawn(begin_and_issue(state.clone(), order.clone(), mark_it, checked));
    // Once it is marked, or could not be, which the task then says.
    let _ = mark.await;
    match timeout(PATIENCE, work).await {
        Ok(Ok(outcome)) => outcome,
        // Its panic is in the log; the order is taken up again.
        Ok(Err(_)) | Err(_) => Ok(order),
    }
}

/// Marks the order and issues.
async fn begin_and_issue(
    state: AcmeState,
    order: AcmeOrder,
    (csr, since, marked): (CsrDer, UnixTime, oneshot::Sender<()>),
    checked: CheckedOrder,
) -> Result<AcmeOrder, Problem> {
    let id = order.content.id;
    let begin = state.store().write(move |tx| {
        Box::pin(async move { orders::begin_processing(tx, id, &csr, since).await })
    });
    let begun = begin.await;
    state.orders.forget(&id);
    match begun {
        Ok(()) => {
            let _ = marked.send(());
            issue(state, order, checked).await
        }
        // Somebody else took a CSR for it, or it failed, meanwhile.
        Err(StoreError::Conflict) => Err(not_ready("no longer ready")),
        Err(error) => Err(error.into()),
    }
}

fn not_ready(why: &str) -> Problem {
    Problem::new(AcmeErrorKind::OrderNotReady, format!("the order is {why}"))
}

/// Issues and says what became of the order. An outage leaves it in work: it is taken up again.
pub(crate) async fn issue(
    state: AcmeState,
    order: AcmeOrder,
    checked: CheckedOrder,
) -> Result<AcmeOrder, Problem> {
    let problem = match state.authority.issue_order(checked).await {
        Ok(issued) => {
            let IssuedCertificate { id, issuer, der, .. } = issued.certificate;
            let download = Download { account: order.content.account, issuer, der };
            state.certificates.put(state.certificates.seen(), id, Arc::new(download));
            let done = order.complete(id);
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

//! Orders that somebody left in work: a crash, or an outage of the signer. Each is completed with
//! the certificate that the journal brought back, or issued again.

use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};

use model::{AcmeErrorKind, AcmeFailure, AcmeOrder, AcmeOrderState, Id, UnixTime};
use store::acme::orders;
use store::{StoreError, certificates};
use x509::Csr;

use super::{finalize, request};
use crate::problem::Problem;
use crate::state::AcmeState;
use crate::verified::log_only;

/// Seconds after which an order in work is nobody's: longer than any call to the signer takes.
pub(crate) const ABANDONED: i64 = 45;
/// Orders that are taken up at a time.
const AT_A_TIME: u16 = 100;
/// Seconds before the end of the last sweep that are looked through again.
const AGAIN: i64 = 3_600;
/// Seconds that clocks of signer and server may differ.
const SKEW: i64 = 60;

/// Up to when orders in work were looked through and none was left: each has its certificate, or was
/// taken up with a later time. Without it every sweep would walk all orders that there are.
#[derive(Default)]
pub(crate) struct Swept(AtomicI64);

impl Swept {
    /// What is to be looked through up to a time: from where the last sweep ended, and a bit more, since
    /// servers' clocks differ. The first sweep of a process looks through all.
    fn span(&self, before: UnixTime) -> Range<UnixTime> {
        UnixTime(self.0.load(Ordering::Relaxed)).plus_seconds(-AGAIN)..before
    }

    fn until(&self, before: UnixTime) {
        self.0.fetch_max(before.0, Ordering::Relaxed);
    }
}

/// Takes up what was left before `ABANDONED` seconds; gives how many orders were completed.
pub(crate) async fn sweep(state: &AcmeState, abandoned: i64) -> Result<usize, Problem> {
    let before = state.now().plus_seconds(-abandoned);
    let span = state.swept.span(before);
    let left = orders::abandoned(state.store(), span, AT_A_TIME).await?;
    if left.is_empty() {
        state.swept.until(before);
        return Ok(0);
    }
    // What was signed before the crash comes into the inventory first.
    if let Err(error) = state.authority.recover().await {
        return Err(Problem::unavailable(&error));
    }
    let mut completed = 0;
    for id in left {
        match take_up(state, id).await {
            Ok(true) => completed += 1,
            Ok(false) => {}
            Err(problem) => {
                tracing::warn!(order = %id, status = %problem.status(), "an order is put off");
            }
        }
    }
    Ok(completed)
}

async fn take_up(state: &AcmeState, id: Id<AcmeOrder>) -> Result<bool, Problem> {
    let Some(order) = orders::get(state.store(), id).await? else {
        return Ok(false);
    };
    let AcmeOrderState::Processing { csr, since } = &order.state else {
        return Ok(false);
    };
    let (csr, since, now) = (csr.clone(), *since, state.now());
    let take = state
        .store()
        .write(move |tx| Box::pin(async move { orders::take_over(tx, id, since, now).await }));
    match take.await {
        Ok(()) => {}
        // Another server was faster.
        Err(StoreError::Conflict) => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    let csr = request::read(csr.as_bytes())?;
    if complete(state, &order, &csr, since).await? {
        tracing::info!(order = %id, "an order has the certificate that was signed before the crash");
        return Ok(true);
    }
    if now >= order.content.expires_at.plus_seconds(ABANDONED) {
        let failure =
            AcmeFailure::new(AcmeErrorKind::ServerInternal, "the order expired while it waited");
        let fail = state
            .store()
            .write(move |tx| Box::pin(async move { orders::fail(tx, id, &failure).await }));
        fail.await?;
        return Ok(false);
    }
    let asked = request::of_order(&order, csr, None)?;
    let checked = state.authority.check_order(asked)?;
    let done = finalize::issue(state.clone(), order, checked).await?;
    Ok(matches!(done.state, AcmeOrderState::Valid { .. }))
}

/// Ties a certificate that the journal brought to its order, if there is one.
async fn complete(
    state: &AcmeState,
    order: &AcmeOrder,
    csr: &Csr,
    since: UnixTime,
) -> Result<bool, Problem> {
    let Some(first) = order.content.identifiers.first() else {
        return Ok(false);
    };
    let spki = csr.public_key().spki_sha256();
    let since = since.plus_seconds(-SKEW);
    let found = orders::find_orphan(state.store(), &spki, first, since).await?;
    let Some(found) = found else {
        return Ok(false);
    };
    let Some(certificate) = certificates::get(state.store(), found).await? else {
        return Ok(false);
    };
    let all = order.content.identifiers.iter();
    if !all.map(|one| one.value()).all(|name| certificate.names.contains(&name)) {
        return Ok(false);
    }
    let id = order.content.id;
    let write = state
        .store()
        .write(move |tx| Box::pin(async move { orders::complete(tx, id, found).await }));
    write.await?;
    Ok(true)
}

/// Takes up what was left and says so if it cannot.
pub(crate) async fn sweep_quietly(state: &AcmeState) {
    if let Err(problem) = sweep(state, ABANDONED).await {
        let error = std::io::Error::other(problem.status().to_string());
        log_only("orders in work are looked at later", &error);
    }
}

//! What runs by itself: orders that were left, what is over, how many servers there are.

use std::time::Duration;

use store::acme::orders;
use store::{StoreError, leases};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::flow::recover;
use crate::state::AcmeState;
use crate::verified::log_only;

/// How often orders that were left are looked for.
const SWEEP: Duration = Duration::from_secs(5);
/// How often what is over is forgotten.
const FORGET: Duration = Duration::from_secs(60);
/// How often a server says that it lives.
const LIVE: Duration = Duration::from_secs(10);
/// Seconds for which it is believed.
const LIVES: u32 = 30;
/// Seconds for which orders are kept after they ended.
const KEEP: i64 = 30 * 86_400;
/// Orders that are forgotten in one transaction.
const AT_A_TIME: u16 = 200;
/// What stands before a server's name in its lease.
const SERVERS: &str = "acme/server/";

/// The running background tasks; they end when this is dropped.
#[must_use = "the jobs end when this is dropped"]
pub struct Jobs(JoinSet<()>);

impl Jobs {
    /// Ends the tasks and waits for them.
    pub async fn shutdown(mut self) {
        self.0.shutdown().await;
    }
}

impl AcmeState {
    /// Spawns the background tasks on the current runtime.
    pub fn jobs(&self) -> Jobs {
        let mut tasks = JoinSet::new();
        tasks.spawn(sweep(self.clone()));
        tasks.spawn(forget(self.clone()));
        tasks.spawn(live(self.clone()));
        Jobs(tasks)
    }

    /// Forgets what is kept of the database, as the end of the process does; tests do not end it.
    pub fn forget_kept(&self) {
        self.orders.clear();
        self.certificates.clear();
    }

    /// Takes up orders that have been in work for so many seconds; gives how many were completed.
    /// The jobs do it by themselves; tests do not wait.
    pub async fn take_up_orders(&self, abandoned: i64) -> Option<usize> {
        recover::sweep(self, abandoned).await.ok()
    }
}

async fn sweep(state: AcmeState) {
    loop {
        sleep(SWEEP).await;
        recover::sweep_quietly(&state).await;
    }
}

async fn forget(state: AcmeState) {
    loop {
        sleep(FORGET).await;
        let before = state.now().plus_seconds(-KEEP);
        loop {
            let expired = state.store().write(move |tx| {
                Box::pin(async move { orders::expire(tx, before, AT_A_TIME).await })
            });
            let expired = expired.await;
            state.orders.clear();
            match expired {
                Ok(count) if count >= u64::from(AT_A_TIME) => {}
                Ok(_) => break,
                Err(error) => {
                    log_only("old orders are forgotten later", &error);
                    break;
                }
            }
        }
    }
}

/// Says that this server lives, counts those that do, and takes over what changed about nonces.
async fn live(state: AcmeState) {
    let mut complained = false;
    loop {
        let nonces = state.nonces.upkeep(state.now()).await.err().map(|error| error.to_string());
        let counted = count(&state).await.err().map(|error| error.to_string());
        let failed = nonces.or(counted);
        if let Some(error) = failed.as_ref().filter(|_| !complained) {
            tracing::warn!(error, "servers of the database are counted later");
        }
        complained = failed.is_some();
        sleep(LIVE).await;
    }
}

async fn count(state: &AcmeState) -> Result<(), StoreError> {
    let now = state.now();
    let name = format!("{SERVERS}{}", state.authority.holder());
    let holder = state.authority.holder().to_owned();
    let renew = state.store().write(move |tx| {
        Box::pin(async move { leases::try_acquire(tx, &name, &holder, now, LIVES).await })
    });
    renew.await?;
    let live = leases::count_live(state.store(), SERVERS, now).await?;
    state.limits.divide_by(u32::try_from(live).unwrap_or(u32::MAX));
    Ok(())
}

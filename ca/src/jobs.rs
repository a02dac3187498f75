//! What runs by itself: the journal's follower, CRLs, responders' certificates, the comparison of
//! inventory and journal, housekeeping.

use std::sync::Arc;
use std::time::{Duration, Instant};

use store::idempotency;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::authority::Authority;
use crate::crl::StatusError;
use crate::issuers::IssuerEntry;
use crate::profile::Seconds;
use crate::readiness::is_served;
use crate::recover::Reach;
use crate::rings::Ring;

/// How often the journal is looked at: this is how results of admin.sock arrive.
const FOLLOW: Duration = Duration::from_secs(1);
/// How often CRLs are looked at when nothing is revoked.
const LOOK_AT_CRLS: Duration = Duration::from_secs(5);
/// How long further revocations are waited for before a CRL is built.
const COALESCE: Duration = Duration::from_millis(200);
/// A CRL takes at most one part in so many of the time, however large it is.
const SHARE: u32 = 3;
/// How often responders' certificates are looked at.
const LOOK_AT_RESPONDERS: Duration = Duration::from_secs(30);
/// How often what other servers changed in the database is taken over.
const REFRESH: Duration = Duration::from_secs(10);
/// How often the rest is done.
const KEEP_HOUSE: Duration = Duration::from_secs(60);
/// How often the audit log is anchored in the signer's journal, if there is anything new.
const ANCHOR: Duration = Duration::from_secs(60);
/// How long a client may repeat a request by its idempotency key.
const IDEMPOTENCY: Seconds = Seconds::days(1);

/// The running background tasks; they end when this is dropped.
#[must_use = "the jobs end when this is dropped"]
pub struct Jobs(JoinSet<()>);

impl Jobs {
    /// Ends the tasks and waits for them.
    pub async fn shutdown(mut self) {
        self.0.shutdown().await;
    }
}

/// Logs an error when it begins and when it is over, not every second in between.
pub(crate) struct Complaint {
    what: String,
    last: Option<String>,
}

impl Complaint {
    pub(crate) fn about(what: impl Into<String>) -> Self {
        Self { what: what.into(), last: None }
    }

    pub(crate) fn hear<T, E: std::error::Error>(&mut self, outcome: Result<T, E>) -> Option<T> {
        match outcome {
            Ok(value) => {
                if self.last.take().is_some() {
                    tracing::info!("{} again", self.what);
                }
                Some(value)
            }
            Err(error) => {
                let mut text = error.to_string();
                let mut source = error.source();
                while let Some(inner) = source {
                    text = format!("{text}: {inner}");
                    source = inner.source();
                }
                if self.last.as_ref() != Some(&text) {
                    tracing::warn!("{} failed: {text}", self.what);
                    self.last = Some(text);
                }
                None
            }
        }
    }
}

impl Authority {
    /// Spawns the background tasks on the current runtime.
    pub fn jobs(&self) -> Jobs {
        let mut tasks = JoinSet::new();
        // A ring that is away holds up no other.
        for ring in &self.0.rings {
            tasks.spawn(follow_journal(self.clone(), Arc::clone(ring)));
            tasks.spawn(build_crls(self.clone(), Arc::clone(ring)));
            tasks.spawn(renew_responders(self.clone(), Arc::clone(ring)));
            for other in self.0.rings.iter().filter(|other| other.name != ring.name) {
                let (from, to) = (Arc::clone(ring), Arc::clone(other));
                tasks.spawn(self.clone().courier_for_ever(from, to));
            }
        }
        tasks.spawn(refresh(self.clone()));
        tasks.spawn(keep_house(self.clone()));
        tasks.spawn(self.clone().reconcile_for_ever());
        tasks.spawn(anchor_audit(self.clone()));
        Jobs(tasks)
    }

    /// Has the journals looked at now instead of within the next second.
    pub fn look_at_journal(&self) {
        for ring in &self.0.rings {
            ring.journal.notify_one();
        }
    }
}

async fn follow_journal(authority: Authority, ring: Arc<Ring>) {
    let mut complaint = Complaint::about(format!("following the journal of `{}`", ring.name));
    let mut reading = Complaint::about(format!("reading the keys of `{}`", ring.name));
    loop {
        // Whether it was woken or the time is over is all the same.
        let _ = timeout(FOLLOW, ring.journal.notified()).await;
        let was_away = complaint.last.is_some();
        let followed = complaint.hear(authority.follow(&ring, Reach::Settled).await);
        if followed.is_some() && was_away {
            // The signer is back, or unlocked: its keys may be shown for the first time.
            reading.hear(authority.reload_ring(&ring).await);
            ring.revoked.notify_one();
            ring.restructured.notify_one();
        }
    }
}

async fn build_crls(authority: Authority, ring: Arc<Ring>) {
    let mut complaint = Complaint::about(format!("building CRLs of `{}`", ring.name));
    // What was revoked just before a crash may be on no CRL yet.
    for issuer in authority.issuers().iter().filter(|issuer| ring.holds(issuer)) {
        authority.0.crls.mark_stale(issuer.id);
    }
    loop {
        let started = Instant::now();
        let built = complaint.hear(build_due_crls(&authority, &ring).await);
        let pause = (started.elapsed() * (SHARE - 1)).max(COALESCE);
        // What failed was mostly waited for: a signer that is back is not kept waiting in its turn.
        sleep(if built.is_some() { pause } else { pause.min(LOOK_AT_CRLS) }).await;
        if timeout(LOOK_AT_CRLS, ring.revoked.notified()).await.is_ok() {
            sleep(COALESCE).await;
        }
    }
}

/// Builds what is due. An issuer that fails keeps no other from its CRL; the first error is told.
async fn build_due_crls(authority: &Authority, ring: &Ring) -> Result<(), StatusError> {
    let mut outcome = Ok(());
    for issuer in authority.entries().iter() {
        if ring.holds(&issuer.issuer) && is_served(&issuer.issuer) {
            let built = build_if_due(authority, issuer).await;
            outcome = outcome.and(built);
        }
    }
    outcome
}

async fn build_if_due(authority: &Authority, issuer: &IssuerEntry) -> Result<(), StatusError> {
    let id = issuer.issuer.id;
    authority.load_crl(id).await?;
    if !authority.wants_crl(id) {
        return Ok(());
    }
    let build = authority.build_crl(issuer, false);
    authority.0.leases.with(&format!("crl/{id}"), build).await.map(drop)
}

async fn renew_responders(authority: Authority, ring: Arc<Ring>) {
    let what = format!("renewing responders' certificates of `{}`", ring.name);
    let mut complaint = Complaint::about(what);
    loop {
        complaint.hear(authority.renew_responders(&ring).await);
        let _ = timeout(LOOK_AT_RESPONDERS, ring.restructured.notified()).await;
    }
}

async fn refresh(authority: Authority) {
    let mut complaint = Complaint::about("reading issuers and profiles");
    loop {
        sleep(REFRESH).await;
        let both = async {
            authority.reload_profiles().await?;
            authority.reload_issuers().await
        };
        complaint.hear(both.await);
    }
}

async fn anchor_audit(authority: Authority) {
    let mut complaint = Complaint::about("anchoring the audit log");
    loop {
        sleep(ANCHOR).await;
        complaint.hear(authority.anchor_audit().await);
    }
}

async fn keep_house(authority: Authority) {
    let mut complaint = Complaint::about("housekeeping");
    loop {
        let before = authority.now().plus_seconds(-IDEMPOTENCY.0);
        let expired = authority
            .store()
            .write(move |tx| Box::pin(async move { idempotency::expire(tx, before).await }));
        complaint.hear(expired.await);
        complaint.hear(authority.retire_drained().await);
        sleep(KEEP_HOUSE).await;
    }
}

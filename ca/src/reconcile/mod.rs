//! Holding the inventory against the signer's journal, both ways.
//!
//! The database is the server's and may be wrong, or be made wrong; the journal says what was
//! signed. Rows and leaves are walked side by side in the journal's order: time grows with both,
//! memory does not (a page of each).
//!
//! What the journal has and the inventory lacks is an alarm and is then put back: a certificate
//! that cannot be found cannot be revoked by those who look for it. A row that the journal does
//! not bear out is an alarm and stays: it is evidence.

mod adopted;
mod issued;
mod report;
mod status;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use model::{AuditAction, JournalPosition, NewAuditEvent, RingName};
use store::{audit, journal_positions};
use tokio::sync::OwnedMutexGuard;

use crate::authority::Authority;
use crate::recover::{Keys, RecoverError};
use crate::rings::Ring;

pub use report::{Finding, FindingKind, Reconciliation};

/// The first run after a start, and the pause between two.
const PAUSES: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3_600));
/// A run takes at most one part in so many of the time, however much there is to compare.
const SHARE: u32 = 20;

/// What this process knows of its comparisons.
#[derive(Default)]
pub(crate) struct Reconciler {
    /// One at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
    standing: Mutex<Standing>,
}

/// How the comparisons of this process stand.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Runs that began.
    pub begun: u64,
    /// Runs that ended, well or not.
    pub ended: u64,
    /// What the last run that ended well came to.
    pub last: Option<Arc<Reconciliation>>,
    /// Why the last run did not end well; none if it did.
    pub failure: Option<String>,
    /// Differences of all runs, those that were found again counted again.
    pub alarms: u64,
}

impl Reconciler {
    /// Counts a run that begins; whoever calls has the turn.
    fn begin(&self) -> u64 {
        let mut standing = self.standing();
        standing.begun += 1;
        standing.begun
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one run works with.
struct Run<'a> {
    authority: &'a Authority,
    keys: Keys,
    ring: RingName,
    /// Everything below this position was taken over before the run began.
    taken_over: u64,
    report: &'a mut Reconciliation,
    /// What the run before had listed: told already.
    known: &'a [Finding],
}

impl Authority {
    /// Compares inventory and journal once; a run that is under way is waited for first.
    ///
    /// # Errors
    /// [`RecoverError`]; what was found until then is in the log and the audit log.
    pub async fn reconcile(&self) -> Result<Arc<Reconciliation>, RecoverError> {
        let turn = Arc::clone(&self.0.reconciler.turn).lock_owned().await;
        let number = self.0.reconciler.begin();
        self.reconcile_in(turn, number).await
    }

    /// Starts a run, or joins the one that is under way; gives its number.
    pub fn start_reconciliation(&self) -> u64 {
        let reconciler = &self.0.reconciler;
        let Ok(turn) = Arc::clone(&reconciler.turn).try_lock_owned() else {
            return reconciler.standing().begun;
        };
        let number = reconciler.begin();
        let authority = self.clone();
        tokio::spawn(async move {
            if let Err(error) = authority.reconcile_in(turn, number).await {
                tracing::warn!(%error, "inventory and journal could not be compared");
            }
        });
        number
    }

    async fn reconcile_in(
        &self,
        turn: OwnedMutexGuard<()>,
        number: u64,
    ) -> Result<Arc<Reconciliation>, RecoverError> {
        let (report, failure) = self.reconcile_now(number).await;
        let report = Arc::new(report);
        let mut standing = self.0.reconciler.standing();
        standing.ended = number;
        drop(turn);
        standing.alarms += report.differences();
        standing.failure = failure.as_ref().map(ToString::to_string);
        if !report.rings.is_empty() {
            standing.last = Some(Arc::clone(&report));
        }
        match failure {
            None => Ok(report),
            Some(error) => Err(error),
        }
    }

    /// Returns how the comparisons of this process stand.
    #[must_use]
    pub fn reconciliation(&self) -> Standing {
        self.0.reconciler.standing().clone()
    }

    /// Compares ring by ring. One that does not answer keeps no other from being compared; the
    /// first error is given.
    async fn reconcile_now(&self, number: u64) -> (Reconciliation, Option<RecoverError>) {
        let last = self.0.reconciler.standing().last.clone();
        let known = last.map(|last| last.findings.clone()).unwrap_or_default();
        let mut report = Reconciliation::begin(number, self.now());
        let mut failure = None;
        for ring in &self.0.rings {
            match self.reconcile_ring(ring, &known, &mut report).await {
                Ok(()) => report.rings.push(ring.name.clone()),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        report.finished_at = self.now();
        tracing::info!(
            rings = report.rings.len(),
            certificates = report.certificates,
            rows = report.rows,
            differences = report.differences(),
            repaired = report.repaired,
            "inventory and journals were compared"
        );
        (report, failure)
    }

    async fn reconcile_ring(
        &self,
        ring: &Arc<Ring>,
        known: &[Finding],
        report: &mut Reconciliation,
    ) -> Result<(), RecoverError> {
        let keys = Keys::of(ring).await?;
        let taken_over = journal_positions::get(&self.0.store, &ring.name).await?.0;
        self.list_issuers_again().await?;
        let name = ring.name.clone();
        let mut run = Run { authority: self, keys, ring: name, taken_over, report, known };
        run.compare_issued().await?;
        run.compare_statuses().await
    }

    /// Compares now and then, for ever; the job of one server at a time.
    pub(crate) async fn reconcile_for_ever(self) {
        let mut pause = PAUSES.0;
        loop {
            tokio::time::sleep(pause).await;
            let started = Instant::now();
            if let Err(error) = self.0.leases.with("reconcile", self.reconcile()).await {
                tracing::warn!(%error, "inventory and journal could not be compared");
            }
            pause = (started.elapsed() * (SHARE - 1)).max(PAUSES.1);
        }
    }
}

impl Run<'_> {
    /// Raises the alarm: the log, the audit log, the report. What the run before listed already
    /// is counted and not told again.
    async fn alarm(&mut self, finding: Finding) -> Result<(), RecoverError> {
        let is_known = self.known.contains(&finding);
        if !self.report.add(finding.clone()) || is_known {
            return Ok(());
        }
        tracing::error!(
            ring = %finding.ring,
            kind = finding.kind.as_str(),
            position = finding.position,
            serial = finding.serial,
            certificate = finding.certificate,
            repaired = finding.repaired,
            "inventory and journal differ: {}",
            finding.detail
        );
        let journal = finding.position.and_then(|position| u64::try_from(position).ok());
        let detail = serde_json::json!({
            "ring": finding.ring.as_str(),
            "kind": finding.kind.as_str(),
            "serial": finding.serial,
            "detail": finding.detail,
            "repaired": finding.repaired,
        });
        let event = NewAuditEvent {
            at: self.authority.now(),
            actor: "system".into(),
            action: AuditAction::InventoryAlarm,
            target: finding.certificate.or(finding.serial).unwrap_or_else(|| "inventory".into()),
            detail: detail.to_string(),
            journal: journal.map(JournalPosition),
        };
        let store = &self.authority.0.store;
        store.write(move |tx| Box::pin(async move { audit::append(tx, &event).await })).await?;
        Ok(())
    }
}

//! How everything is, asked at most a few times a second whoever asks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ca::{Authority, Readiness, RingReadiness, SignerReadiness};
use model::RingName;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// How long an answer is repeated.
const KEPT: Duration = Duration::from_millis(500);
/// How long the components may take together.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the database alone may take.
const PATIENCE_WITH_STORE: Duration = Duration::from_millis(500);

/// Remembers the last answer: anybody may ask, and asking costs a call to the signer.
#[derive(Default)]
pub struct ReadinessCache(Mutex<Option<(Instant, Arc<Readiness>)>>);

impl ReadinessCache {
    /// Asks, or repeats what was answered just now.
    pub async fn ask(&self, authority: &Authority) -> Arc<Readiness> {
        let mut last = self.0.lock().await;
        if let Some((at, readiness)) = &*last
            && at.elapsed() < KEPT
        {
            return Arc::clone(readiness);
        }
        let readiness = match timeout(PATIENCE, authority.readiness()).await {
            Ok(readiness) => Arc::new(readiness),
            Err(_) => Arc::new(without_answer(authority).await),
        };
        *last = Some((Instant::now(), Arc::clone(&readiness)));
        readiness
    }
}

fn late() -> SignerReadiness {
    SignerReadiness::Unavailable("no answer within 2 s".to_owned())
}

fn silent(name: &RingName) -> RingReadiness {
    RingReadiness { name: name.clone(), signer: late(), issuing: 0 }
}

/// Tells which of the two did not answer: the database is asked alone.
async fn without_answer(authority: &Authority) -> Readiness {
    let ping = timeout(PATIENCE_WITH_STORE, authority.store().ping()).await;
    Readiness {
        store: matches!(ping, Ok(Ok(()))),
        signer: late(),
        rings: authority.ring_names().map(silent).collect(),
        issuing: 0,
        crls: Vec::new(),
        reconciled: authority.reconciliation().last.map(|last| last.agrees()),
    }
}

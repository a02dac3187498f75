//! How everything is, asked at most a few times a second whoever asks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ca::{Authority, Readiness, SignerReadiness};
use tokio::sync::Mutex;
use tokio::time::timeout;

/// How long an answer is repeated.
const KEPT: Duration = Duration::from_millis(500);
/// How long the components may take together.
const PATIENCE: Duration = Duration::from_secs(2);

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
        let asked = timeout(PATIENCE, authority.readiness()).await;
        let readiness = Arc::new(asked.unwrap_or_else(|_| Readiness {
            store: false,
            signer: SignerReadiness::Unavailable("no answer within 2 s".to_owned()),
            issuing: 0,
            crls: Vec::new(),
        }));
        *last = Some((Instant::now(), Arc::clone(&readiness)));
        readiness
    }
}

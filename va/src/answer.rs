//! From a request to its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Semaphore;
use va_wire::{
    Ask, Health, Invalid, MAX_DEADLINE_MS, Problem, ProblemKind, Reply, Unavailable, Valid,
    Validate,
};

use crate::failure::{Failure, Retry};
use crate::record::{RecordError, Records};
use crate::validate::{Seen, Validator};

/// The longest advice to wait.
const LONGEST_WAIT: u32 = 60;
/// When to come again where there is too much to do.
const BUSY_WAIT: u32 = 2;

/// Answers requests.
#[derive(Clone)]
pub(crate) struct Answers {
    pub validator: Validator,
    pub records: Records,
    /// One permit a validation under way.
    pub permits: Arc<Semaphore>,
    /// How many permits there are.
    pub in_flight: u32,
    pub validations: Arc<AtomicU64>,
}

impl Answers {
    /// Answers one request.
    pub(crate) async fn answer(&self, ask: Ask) -> Reply {
        match ask {
            Ask::Health => Reply::Healthy(self.health().await),
            Ask::Validate(work) => match self.permits.try_acquire() {
                Ok(_permit) => self.validate(&work).await,
                Err(_) => unavailable("too many validations are under way"),
            },
        }
    }

    async fn validate(&self, work: &Validate) -> Reply {
        if work.deadline_ms == 0 || work.deadline_ms > MAX_DEADLINE_MS {
            let kind = ProblemKind::Malformed;
            let detail = format!("the deadline is 1 to {MAX_DEADLINE_MS} ms");
            return Reply::Invalid(Invalid {
                problem: Problem { kind, detail },
                retry_after: None,
            });
        }
        let outcome = self.validator.validate(work).await;
        self.validations.fetch_add(1, Ordering::Relaxed);
        match outcome {
            Ok(seen) => self.record(work, seen).await,
            Err(failure) => invalid(work, &failure),
        }
    }

    async fn record(&self, work: &Validate, seen: Seen) -> Reply {
        let Validate { identifier, method, .. } = work;
        match self.records.write(work.ring.as_deref(), &seen.record).await {
            Ok(record) => {
                tracing::info!(%identifier, %method, position = record.position, "validated");
                Reply::Valid(Valid {
                    position: record.position,
                    validated_at: record.validated_at.0,
                    address: seen.address.map(|address| address.ip()),
                    port: seen.address.map(|address| address.port()),
                })
            }
            Err(error) => {
                let why = told(&error);
                tracing::warn!(%identifier, %method, why, "validated, and not recorded");
                unavailable(&why)
            }
        }
    }

    async fn health(&self) -> Health {
        let free = u32::try_from(self.permits.available_permits()).unwrap_or(self.in_flight);
        Health {
            in_flight: self.in_flight.saturating_sub(free),
            validations: self.validations.load(Ordering::Relaxed),
            signer: self.records.signer().await,
        }
    }
}

fn told(error: &RecordError) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

fn unavailable(why: &str) -> Reply {
    Reply::Unavailable(Unavailable { detail: why.to_owned(), retry_after: BUSY_WAIT })
}

fn invalid(work: &Validate, failure: &Failure) -> Reply {
    let Validate { identifier, method, attempt, .. } = work;
    let (kind, detail) = (failure.kind(), failure.detail());
    tracing::info!(%identifier, %method, attempt, problem = %kind, detail, "not validated");
    let retry_after = retry_after(failure.retry(), *attempt);
    Reply::Invalid(Invalid { problem: Problem { kind, detail }, retry_after })
}

/// Waits twice as long after each try, and as long as the target asked.
fn retry_after(retry: Retry, attempt: u32) -> Option<u32> {
    let doubled = 1_u32.checked_shl(attempt.max(1) - 1).unwrap_or(LONGEST_WAIT);
    match retry {
        Retry::Final => None,
        Retry::Soon => Some(doubled.clamp(1, LONGEST_WAIT)),
        Retry::After(seconds) => Some(seconds.clamp(1, LONGEST_WAIT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_to_wait_grows_and_has_an_end() {
        for (retry, attempt, expected) in [
            (Retry::Final, 1, None),
            (Retry::Soon, 0, Some(1)),
            (Retry::Soon, 1, Some(1)),
            (Retry::Soon, 2, Some(2)),
            (Retry::Soon, 6, Some(32)),
            (Retry::Soon, 7, Some(60)),
            (Retry::Soon, u32::MAX, Some(60)),
            (Retry::After(0), 1, Some(1)),
            (Retry::After(7), 1, Some(7)),
            (Retry::After(86_400), 1, Some(60)),
        ] {
            assert_eq!(retry_after(retry, attempt), expected, "{retry:?} {attempt}");
        }
    }
}

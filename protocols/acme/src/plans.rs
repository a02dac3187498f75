//! Planned renewals, read again once a second: a plan moves windows at once, on every server.

use std::sync::{Arc, PoisonError, RwLock};

use model::RenewalPlan;
use store::acme::renewal_plans;
use store::{Store, StoreError};

/// Milliseconds for which plans are not read again.
const FRESH: u64 = 1_000;

/// The plans as they were read last, and when.
#[derive(Default)]
pub(crate) struct Plans(RwLock<Option<(u64, Arc<Vec<RenewalPlan>>)>>);

impl Plans {
    pub(crate) async fn get(
        &self,
        store: &Store,
        millis: u64,
    ) -> Result<Arc<Vec<RenewalPlan>>, StoreError> {
        if let Some((read, plans)) = &*self.0.read().unwrap_or_else(PoisonError::into_inner)
            && millis < read + FRESH
        {
            return Ok(Arc::clone(plans));
        }
        let plans = Arc::new(renewal_plans::list(store).await?);
        let fresh = Some((millis, Arc::clone(&plans)));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(plans)
    }
}

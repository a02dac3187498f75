//! Whether an order is fresh, under way or done; and the reservation of a fresh one.

use signer_proto::stub::STUBBED;
use signer_proto::{Digest, IdempotencyKey, KeyId, KeyState, Reason, Refusal, Rule};
use x509::Serial;

use super::spent::Spent;
use super::{Asked, Order};
use crate::key_view::{KeyView, check_state};
use crate::state::{Key, Live, NameKey, Signing, name_keys};

/// Where an order stands.
pub(super) enum Standing {
    /// Nobody asked for it yet.
    Fresh,
    /// It is under way, and the asking side waits with it.
    Parked,
    /// It, or what it collides with, is in the leaf at this position.
    Stored(u64),
}

/// What an order is compared by.
pub(super) struct Slot {
    pub(super) key: KeyId,
    pub(super) tbs: Digest,
    pub(super) body: Digest,
    idempotency: IdempotencyKey,
    names: Vec<NameKey>,
}

impl Slot {
    pub(super) fn new(view: &KeyView, order: &Order) -> Self {
        let key = view.card.identity.id;
        let tbs = order.content();
        let body = order.body(key, tbs);
        Self { key, tbs, body, idempotency: order.idempotency, names: names(view, order) }
    }

    /// Looks the order up, by its idempotency key first; one that is under way takes `asked`.
    pub(super) fn standing(
        &self,
        live: &mut Live,
        serial: Serial,
        asked: &mut Option<Asked>,
    ) -> Result<Standing, Refusal> {
        if let Some(position) = live.state.position_of(&self.idempotency) {
            return Ok(Standing::Stored(position));
        }
        if let Some(signing) = live.pending.by_idempotency(&self.idempotency) {
            if signing.body != self.body {
                return Err(self.conflict());
            }
            signing.waiters.extend(asked.take());
            return Ok(Standing::Parked);
        }
        let key = live.state.key_by_id(self.key);
        if let Some(issued) = key.and_then(|key| key.issued.get(&serial)) {
            return Ok(Standing::Stored(issued.position));
        }
        if let Some(signing) = live.pending.by_serial(self.key, serial) {
            if signing.tbs != self.tbs {
                return Err(self.used());
            }
            signing.waiters.extend(asked.take());
            return Ok(Standing::Parked);
        }
        Ok(Standing::Fresh)
    }

    /// Reserves serial, idempotency key and budget, under the policy that still stands.
    pub(super) fn reserve(
        &self,
        live: &mut Live,
        serial: Serial,
        order: &Order,
        now_ms: i64,
    ) -> Result<(), Refusal> {
        let frozen = live.frozen().cloned();
        let key = live
            .state
            .key_by_id_mut(self.key)
            .ok_or_else(|| Refusal::new(Rule::KeyUnknown, order.key.to_string()))?;
        check_issuing(frozen.as_ref(), key)?;
        let ruling = key
            .ruling
            .clone()
            .ok_or_else(|| Refusal::new(Rule::KeyNotActive, order.key.to_string()))?;
        order.check_policy(ruling.reference.digest)?;
        if let Some(budget) = ruling.policy.budget().filter(|_| !STUBBED) {
            let mut spent = Spent { key, pending: &live.pending, id: self.key, now_ms };
            if let Some(reason) = spent.trips(&ruling.policy.tripwires()) {
                live.tripped = Some(reason.clone());
                return Err(frozen_by(&reason));
            }
            spent.check(&budget, &self.names)?;
        }
        let signing = Signing {
            body: self.body,
            tbs: self.tbs,
            names: self.names.clone(),
            idempotency: self.idempotency,
            waiters: Vec::new(),
        };
        live.pending.begin_signing(self.key, serial, signing);
        Ok(())
    }

    /// The same idempotency key came with another request.
    pub(super) fn conflict(&self) -> Refusal {
        let detail = format!("{} was used for another request", self.idempotency);
        Refusal::new(Rule::IdempotencyConflict, detail)
    }

    /// The serial has another certificate.
    pub(super) fn used(&self) -> Refusal {
        Refusal::new(Rule::SerialUsed, "the serial has another certificate")
    }
}

/// Refuses while issuance stands still, and for a key that does not issue.
pub(super) fn check_issuing(frozen: Option<&Reason>, key: &Key) -> Result<(), Refusal> {
    if let Some(reason) = frozen {
        return Err(frozen_by(reason));
    }
    check_state(&key.card, key.state, &[KeyState::Active])
}

fn frozen_by(Reason(why): &Reason) -> Refusal {
    Refusal::new(Rule::IssuanceFrozen, format!("issuance is frozen: {why}"))
}

/// Gives what the certificate is counted by besides, where the policy limits names. It is the
/// policy that the order has to name.
fn names(view: &KeyView, order: &Order) -> Vec<NameKey> {
    let budget = view.ruling().ok().and_then(|ruling| ruling.policy.budget());
    match budget.and_then(|budget| budget.per_name_per_day) {
        Some(_) => name_keys(order.tbs.as_bytes()),
        None => Vec::new(),
    }
}

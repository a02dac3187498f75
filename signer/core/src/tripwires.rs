//! Tripwires freeze issuance, and nothing else.
//!
//! What touches one is refused by `issuance-frozen` from that moment on; the leaf follows from
//! the ticker, which holds no key's gate. Only operators let issuance go on.

use std::sync::Arc;

use signer_proto::{IssuanceFrozen, Reason, Warrant};

use crate::calls::write_freeze;
use crate::keeper::Keeper;

/// Writes the leaf of a tripwire that was touched. `refusals` were counted within a minute.
pub(crate) fn watch(keeper: &Arc<Keeper>, refusals: u64) {
    let Some(reason) = touched(keeper, refusals) else { return };
    let _acting = keeper.begin_act();
    let frozen = keeper.live().state.frozen().is_some();
    let freeze = IssuanceFrozen { frozen: true, reason, warrant: Warrant::none() };
    // A journal that takes nothing stops everything else as well; the next tick tries again.
    if frozen || write_freeze(keeper, freeze).is_ok() {
        keeper.live().tripped = None;
        keeper.forget_refusals();
    }
}

fn touched(keeper: &Keeper, refusals: u64) -> Option<Reason> {
    let mut live = keeper.live();
    if live.tripped.is_none() && live.state.frozen().is_none() {
        let limits = live.state.keys().iter().filter_map(|key| {
            key.ruling.as_ref().and_then(|ruling| ruling.policy.tripwires().refusals_per_minute)
        });
        let most = limits.min().filter(|most| refusals > *most)?;
        let why = format!("tripwire: more than {most} refusals on issue.sock within a minute");
        live.tripped = Some(Reason(why));
    }
    live.tripped.clone()
}

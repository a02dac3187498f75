//! SetFreeze: stops all issuance of the ring, or lets it go on.

use std::sync::{Arc, PoisonError, RwLock};

use signer_proto::{IssuanceFrozen, OperatorsInForce, Refusal, Rule, SetFreeze};

use super::{Asked, read_operators};
use crate::acting::sanction;
use crate::keeper::{Keeper, Written};

pub(super) fn run(keeper: &Arc<Keeper>, call: SetFreeze, asked: Asked) {
    match set(keeper, call, &asked) {
        Ok(operators) => asked.answer(&operators),
        Err(refusal) => asked.refuse(refusal),
    }
}

fn set(keeper: &Arc<Keeper>, call: SetFreeze, asked: &Asked) -> Result<OperatorsInForce, Refusal> {
    let _acting = sanction(keeper, &call.clone().into())?;
    asked.check_deadline()?;
    let SetFreeze { frozen, reason, warrant } = call;
    match (read_operators::report(keeper)?.frozen, frozen) {
        (Some(why), true) => {
            return Err(Refusal::new(Rule::IssuanceFrozen, format!("frozen already: {}", why.0)));
        }
        (None, false) => {
            return Err(Refusal::new(Rule::FieldMalformed, "issuance is not frozen"));
        }
        _ => {}
    }
    write(keeper, IssuanceFrozen { frozen, reason, warrant })?;
    read_operators::report(keeper)
}

/// Writes the leaf with every key's gate shut, so that no certificate that was being signed
/// comes after it. Whoever calls holds no gate.
pub(crate) fn write(keeper: &Arc<Keeper>, change: IssuanceFrozen) -> Result<Written, Refusal> {
    let gates: Vec<Arc<RwLock<()>>> = {
        let live = keeper.live();
        live.state.keys().iter().map(|key| Arc::clone(&key.gate)).collect()
    };
    let _shut: Vec<_> =
        gates.iter().map(|gate| gate.write().unwrap_or_else(PoisonError::into_inner)).collect();
    keeper.write_and_wait(change)
}

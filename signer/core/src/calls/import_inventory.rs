//! ImportInventory: the next part of what an adopted key issued elsewhere.

use std::sync::Arc;

use signer_proto::{ImportInventory, InventoryImported, InventoryTaken, Refusal, Rule};

use super::Asked;
use crate::keeper::{Keeper, known_key};

pub(super) fn run(keeper: &Arc<Keeper>, call: ImportInventory, asked: Asked) {
    match import(keeper, call, &asked) {
        Ok(taken) => asked.answer(&taken),
        Err(refusal) => asked.refuse(refusal),
    }
}

fn import(
    keeper: &Arc<Keeper>,
    call: ImportInventory,
    asked: &Asked,
) -> Result<InventoryTaken, Refusal> {
    // Operators approved the digest of the whole: what is taken here needs no more warrant. Its
    // turn is that of an act, so that no two parts are the next one.
    let _acting = keeper.begin_act();
    asked.check_deadline()?;
    let now = keeper.now()?;
    let (key, taken) = {
        let live = keeper.live();
        let key = known_key(&live.state, &call.key)?;
        let adoption = key.adoption.ok_or_else(|| {
            Refusal::new(Rule::AdoptionRefused, format!("{} was not adopted", call.key))
        })?;
        (key.card.identity.id, adoption.inventory.take(&call.chunk, now)?)
    };
    let written = keeper.write_and_wait(InventoryImported { key, chunk: call.chunk })?;
    Ok(InventoryTaken { position: written.position, missing: taken.missing() })
}

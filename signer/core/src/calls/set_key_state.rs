//! SetKeyState: suspended and back, deactivated, compromised, destroyed.

use std::sync::{Arc, PoisonError};

use signer_proto::{KeyDescription, KeyLabel, KeyState, KeyStateSet, Refusal, Rule, SetKeyState};

use super::Asked;
use crate::acting::sanction;
use crate::approve::refuse_driver;
use crate::keeper::{Keeper, known_key};
use crate::state::KeyCard;

pub(super) fn run(keeper: &Arc<Keeper>, call: SetKeyState, asked: Asked) {
    match set(keeper, call, &asked) {
        Ok(description) => asked.answer(&description),
        Err(refusal) => asked.refuse(refusal),
    }
}

fn set(keeper: &Arc<Keeper>, call: SetKeyState, asked: &Asked) -> Result<KeyDescription, Refusal> {
    let label = call.key.clone();
    let _acting = sanction(keeper, &call.clone().into())?;
    asked.check_deadline()?;
    let view = keeper.view(&label, |_| true)?;
    if view.state != call.from || !signer_quorum::may_become(call.from, call.to) {
        let detail = format!("{label} is {}: it does not become {}", view.state, call.to);
        return Err(Refusal::new(Rule::KeyStateRefused, detail));
    }
    let destroys = call.to == KeyState::Destroyed;
    if destroys {
        check_destroyer(keeper)?;
    }
    // As with a policy: no signature of the state before comes after the leaf.
    let _gate = view.gate.write().unwrap_or_else(PoisonError::into_inner);
    keeper.flush_handshakes();
    let key = view.card.identity.id;
    let (from, to, warrant) = (call.from, call.to, call.warrant);
    keeper.write_and_wait(KeyStateSet { key, from, to, warrant })?;
    if destroys {
        // The leaf is first: a wipe that is cut off here is done at the next unlock.
        destroy(keeper, &view.card)?;
    }
    describe(keeper, &label)
}

fn check_destroyer(keeper: &Keeper) -> Result<(), Refusal> {
    match keeper.opened()?.driver.destroyer() {
        Some(_) => Ok(()),
        None => Err(Refusal::new(Rule::DriverUnavailable, "this driver destroys no keys")),
    }
}

/// Wipes a key that the journal says is destroyed.
pub(super) fn destroy(keeper: &Keeper, card: &KeyCard) -> Result<(), Refusal> {
    let Some(destroyer) = keeper.opened()?.driver.destroyer() else { return Ok(()) };
    destroyer.destroy(&card.identity).map_err(|error| refuse_driver(&error))
}

fn describe(keeper: &Keeper, label: &KeyLabel) -> Result<KeyDescription, Refusal> {
    known_key(&keeper.live().state, label).map(|key| key.describe())
}

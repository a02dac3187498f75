//! AcceptGap: operators accept that the end of the journal is lost.

use std::sync::Arc;

use signer_proto::{
    AcceptGap, CrlFloor, CrlNumberSeen, CrlNumbersSeen, Describe, Description, GapAccepted,
    Refusal, Rule,
};

use super::{Asked, describe};
use crate::acting::sanction;
use crate::keeper::{Keeper, known_key};

pub(super) fn run(keeper: &Arc<Keeper>, call: AcceptGap, asked: Asked) {
    match accept(keeper, call) {
        Ok(description) => asked.answer(&description),
        Err(refusal) => asked.refuse(refusal),
    }
}

fn accept(keeper: &Arc<Keeper>, call: AcceptGap) -> Result<Description, Refusal> {
    let _acting = sanction(keeper, &call.clone().into())?;
    let refuse = |why: &str| Refusal::new(Rule::FieldMalformed, why);
    let seen = keeper.rolled_back_by().ok_or_else(|| refuse("this journal has no gap"))?;
    if (seen.size, seen.root) != (call.seen_size, call.seen_root.0) {
        return Err(refuse("the checkpoint that showed the gap is another one"));
    }
    if !keeper.live().state.is_fresh_prefix(call.serial_prefix) {
        return Err(refuse("the serial prefix was used before, or is not within 01 to 7f"));
    }
    let numbers: Result<Vec<_>, _> =
        call.crl_floors.0.iter().map(|floor| number_of(keeper, floor)).collect();
    keeper.write_and_wait(GapAccepted {
        seen_size: call.seen_size,
        seen_root: call.seen_root,
        serial_prefix: call.serial_prefix,
        crl_numbers: CrlNumbersSeen(numbers?),
        warrant: call.warrant,
    })?;
    // The leaf is first: a mark that stays is taken away by the same act again.
    keeper.end_rollback()?;
    describe::run(keeper, Describe)
}

fn number_of(keeper: &Keeper, floor: &CrlFloor) -> Result<CrlNumberSeen, Refusal> {
    let live = keeper.live();
    let key = known_key(&live.state, &floor.key)?;
    let last = key.crl.map_or(0, |line| line.number);
    if floor.number < last {
        let detail = format!("{} had CRL number {last} already", floor.key);
        return Err(Refusal::new(Rule::FieldMalformed, detail));
    }
    Ok(CrlNumberSeen { key: key.card.identity.id, number: floor.number })
}

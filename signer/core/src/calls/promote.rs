//! Promote: a standby becomes the active ring.

use std::sync::Arc;

use signer_proto::{Describe, Description, Promote, Promoted, Refusal, Rule};

use super::{Asked, describe};
use crate::acting::sanction;
use crate::keeper::Keeper;

pub(super) fn run(keeper: &Arc<Keeper>, call: Promote, asked: Asked) {
    match promote(keeper, call) {
        Ok(description) => asked.answer(&description),
        Err(refusal) => asked.refuse(refusal),
    }
}

fn promote(keeper: &Arc<Keeper>, call: Promote) -> Result<Description, Refusal> {
    keeper.check_not_rolled_back()?;
    let _acting = sanction(keeper, &call.clone().into())?;
    let refuse = |why: &str| Err(Refusal::new(Rule::FieldMalformed, why));
    if !keeper.standby.is_one() {
        return refuse("this ring is no standby");
    }
    if !keeper.live().state.is_fresh_prefix(call.serial_prefix) {
        return refuse("the serial prefix was used before, or is not within 01 to 7f");
    }
    let Promote { serial_prefix, fence, warrant } = call;
    keeper.write_and_wait(Promoted { serial_prefix, fence, warrant })?;
    // The leaf is first: a start that finds it at the end of the journal ends the standby too.
    keeper.standby.end()?;
    describe::run(keeper, Describe)
}

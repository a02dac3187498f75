//! Courier: leaves of a journal that is followed, brought by somebody who is not believed.

use std::sync::Arc;

use signer_proto::{Courier, FollowedRing, Refusal};

use super::Asked;
use crate::keeper::Keeper;

pub(super) fn run(keeper: &Arc<Keeper>, call: Courier, asked: Asked) {
    match take(keeper, &call) {
        Ok(ring) => asked.answer(&ring),
        Err(refusal) => asked.refuse(refusal),
    }
}

fn take(keeper: &Arc<Keeper>, call: &Courier) -> Result<FollowedRing, Refusal> {
    if keeper.standby.is_one() {
        return keeper.take_own_leaves(call);
    }
    keeper.check_writable()?;
    keeper.take_followed_leaves(call)
}

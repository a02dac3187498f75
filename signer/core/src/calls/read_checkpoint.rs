//! ReadCheckpoint: the newest signed checkpoint, and the newest cosigned one.

use signer_proto::{Checkpoints, ReadCheckpoint, Refusal};

use crate::keeper::Keeper;

pub(super) fn run(keeper: &Keeper, call: ReadCheckpoint) -> Result<Checkpoints, Refusal> {
    keeper.checkpoints(call.least)
}

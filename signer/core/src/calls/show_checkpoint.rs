//! ShowCheckpoint: takes witnesses' cosignatures, and proof that the journal was rolled back.

use signer_proto::{CheckpointShown, Refusal, ShowCheckpoint};

use crate::keeper::Keeper;

pub(super) fn run(keeper: &Keeper, call: ShowCheckpoint) -> Result<CheckpointShown, Refusal> {
    keeper.show_checkpoint(&call.note.0)
}

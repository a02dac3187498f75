//! RecordCeremony: the transcript of a ceremony, in the journal.

use std::sync::Arc;

use signer_proto::{CeremonyRecorded, RecordCeremony, Recorded, Refusal};

use super::Asked;
use crate::acting::sanction;
use crate::keeper::Keeper;

pub(super) fn run(keeper: &Arc<Keeper>, call: RecordCeremony, asked: Asked) {
    match record(keeper, call, &asked) {
        Ok(recorded) => asked.answer(&recorded),
        Err(refusal) => asked.refuse(refusal),
    }
}

fn record(keeper: &Arc<Keeper>, call: RecordCeremony, asked: &Asked) -> Result<Recorded, Refusal> {
    let _acting = sanction(keeper, &call.clone().into())?;
    asked.check_deadline()?;
    let RecordCeremony { plan, transcript, warrant } = call;
    let written = keeper.write_and_wait(CeremonyRecorded { plan, transcript, warrant })?;
    Ok(Recorded { position: written.position })
}

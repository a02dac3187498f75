//! RevocationDelta: the changes of an issuer's revocation set from a count on.

use signer_proto::{
    Purpose, Refusal, RevocationChange, RevocationChanges, RevocationDelta, RevocationSlice, Rule,
};

use super::check_range;
use crate::keeper::{Keeper, known_key};

pub(super) fn run(keeper: &Keeper, call: RevocationDelta) -> Result<RevocationSlice, Refusal> {
    check_range("limit", call.limit, 65_536)?;
    keeper.view(&call.key, Purpose::is_authority)?;
    let snapshot = known_key(&keeper.live().state, &call.key)?.revocations.snapshot();
    if call.from > snapshot.len() {
        let detail = format!("{} is past the end at {}", call.from, snapshot.len());
        return Err(Refusal::new(Rule::PositionUnknown, detail));
    }
    let limit = usize::try_from(call.limit).unwrap_or(1);
    let changes = snapshot.from(call.from).take(limit);
    Ok(RevocationSlice {
        size: snapshot.len(),
        changes: RevocationChanges(changes.map(|change| RevocationChange::from(*change)).collect()),
    })
}

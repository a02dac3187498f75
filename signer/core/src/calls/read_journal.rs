//! ReadJournal: durable leaves from a position on.

use signer_proto::{JournalSlice, LeafBytes, Leaves, ReadJournal, Refusal, Rule};

use super::check_range;
use crate::keeper::Keeper;

/// Octets of leaves in one answer.
const MAX_OCTETS: usize = 8 * 1024 * 1024;

pub(super) fn run(keeper: &Keeper, call: ReadJournal) -> Result<JournalSlice, Refusal> {
    check_range("limit", call.limit, 4096)?;
    let size = keeper.journal.size();
    if call.from > size {
        let detail = format!("{} is past the end at {size}", call.from);
        return Err(Refusal::new(Rule::PositionUnknown, detail));
    }
    let leaves = if call.from == size {
        Vec::new()
    } else {
        let limit = usize::try_from(call.limit).unwrap_or(1);
        keeper
            .journal
            .read(call.from, limit, MAX_OCTETS)
            .map_err(|error| Refusal::new(Rule::JournalUnavailable, error.to_string()))?
    };
    Ok(JournalSlice {
        from: call.from,
        size,
        leaves: Leaves(leaves.into_iter().map(LeafBytes).collect()),
    })
}

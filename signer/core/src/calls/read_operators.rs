//! ReadOperators: who may approve, and whether issuance stands still.

use signer_proto::{OperatorsInForce, ReadOperators, Refusal, Rule};

use crate::keeper::Keeper;

pub(super) fn run(keeper: &Keeper, _: ReadOperators) -> Result<OperatorsInForce, Refusal> {
    report(keeper)
}

/// Tells who may approve.
pub(super) fn report(keeper: &Keeper) -> Result<OperatorsInForce, Refusal> {
    let quorum = keeper.live().state.quorum().cloned();
    let quorum = quorum.ok_or_else(|| Refusal::new(Rule::StateCorrupt, "there is no genesis"))?;
    Ok(quorum.describe())
}

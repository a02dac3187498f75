//! Unseal: opens what [`super::seal`] sealed, in the same context only.

use signer_proto::{Plaintext, Refusal, Rule, Unseal};

use crate::keeper::Keeper;

pub(super) fn run(keeper: &Keeper, call: Unseal) -> Result<Plaintext, Refusal> {
    keeper
        .opened()?
        .house
        .unseal(&call.context.0, &call.sealed.0)
        .map(Plaintext)
        // One answer for every cause: nothing is told to whoever tries.
        .ok_or_else(|| Refusal::new(Rule::SealNotOurs, "not sealed here in this context"))
}

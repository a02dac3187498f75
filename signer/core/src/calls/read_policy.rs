//! ReadPolicy: the policy text in force.

use signer_proto::{PolicyInForce, ReadPolicy, Refusal};

use crate::keeper::Keeper;

pub(super) fn run(keeper: &Keeper, call: ReadPolicy) -> Result<PolicyInForce, Refusal> {
    let view = keeper.view(&call.key, |_| true)?;
    let ruling = view.ruling()?;
    Ok(PolicyInForce { reference: ruling.reference, text: ruling.text.clone() })
}

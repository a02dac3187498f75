//! SetOperators: who may approve from now on.

use std::sync::Arc;

use signer_proto::{OperatorsInForce, OperatorsSet, Refusal, Rule, SetOperators};
use signer_quorum::OperatorSet;

use super::{Asked, read_operators};
use crate::acting::sanction;
use crate::keeper::Keeper;

pub(super) fn run(keeper: &Arc<Keeper>, call: SetOperators, asked: Asked) {
    match set(keeper, call, &asked) {
        Ok(operators) => asked.answer(&operators),
        Err(refusal) => asked.refuse(refusal),
    }
}

fn set(
    keeper: &Arc<Keeper>,
    call: SetOperators,
    asked: &Asked,
) -> Result<OperatorsInForce, Refusal> {
    let _acting = sanction(keeper, &call.clone().into())?;
    asked.check_deadline()?;
    let before = read_operators::report(keeper)?;
    let refuse = |why: &str| Err(Refusal::new(Rule::OperatorsRefused, why));
    if call.previous != before.digest {
        return refuse("the set that is named is not the one in force");
    }
    if OperatorSet::read(&call.operators, &call.thresholds)?.is_empty() {
        return refuse("a set of operators that is empty");
    }
    let Some(version) = before.version.checked_add(1) else {
        return refuse("there are no more versions");
    };
    keeper.write_and_wait(OperatorsSet {
        version,
        previous: call.previous,
        operators: call.operators,
        thresholds: call.thresholds,
        warrant: call.warrant,
    })?;
    read_operators::report(keeper)
}

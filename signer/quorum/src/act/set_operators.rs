//! Other operators, or other thresholds.

use signer_proto::{Action, Refusal, Rule, SetOperators};

use super::Facts;
use crate::operator::OperatorSet;
use crate::proposal::Subject;

pub(super) fn subject(facts: &dyn Facts, call: &SetOperators) -> Result<Subject, Refusal> {
    let before = facts
        .quorum()
        .ok_or_else(|| Refusal::new(Rule::StateCorrupt, "there is no genesis"))?
        .set();
    let after = OperatorSet::read(&call.operators, &call.thresholds)?;
    if after.is_empty() {
        let detail = "a ring that has operators keeps some";
        return Err(Refusal::new(Rule::OperatorsRefused, detail));
    }
    let mut subject = Subject::new(Action::Operators)
        .line("Previous operators", call.previous)
        .line("New operators", after.digest());
    for operator in after.operators() {
        let (field, new) = match before.find(operator.key()) {
            Some(_) => ("Operator", false),
            None => ("New operator", true),
        };
        subject = subject.line(field, operator.shown());
        if new {
            subject.newcomers.push(operator.key().clone());
        }
    }
    for operator in before.operators().iter().filter(|o| after.find(o.key()).is_none()) {
        subject = subject.line("Leaves", operator.shown());
    }
    let lowered: Vec<Action> = Action::ALL
        .iter()
        .copied()
        .filter(|action| after.needed(*action) < before.needed(*action))
        .collect();
    subject = subject.line("Threshold", after.thresholds().default);
    for exception in &after.thresholds().exceptions {
        subject =
            subject.line("Threshold", format!("{} for {}", exception.operators, exception.action));
    }
    for action in lowered {
        let (less, more) = (after.needed(action), before.needed(action));
        subject = subject.words(format!("{action} will need {less} approvals instead of {more}"));
    }
    Ok(subject)
}

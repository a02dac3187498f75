//! Whether an act is approved.

use std::collections::BTreeSet;

use signer_proto::{Approval, Approvals, Refusal, Rule};

use crate::key::Presence;
use crate::operator::{Operator, OperatorSet};
use crate::proposal::Subject;
use crate::sshsig::{SignatureFault, SshSignature};

/// What signatures of operators are made for: `ssh-keygen -Y sign -n chancery/quorum/v1`.
pub const NAMESPACE: &str = "chancery/quorum/v1";

/// Somebody who approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approver {
    /// The fingerprint of the key.
    pub fingerprint: String,
    /// The operator's name.
    pub name: String,
    /// Who was there, where the key is a security key.
    pub presence: Option<Presence>,
    /// Whether it is the signature of a key that becomes an operator's by this act, which counts
    /// for nothing else.
    pub newcomer: bool,
}

/// Holds approvals of a text against the operators.
///
/// # Errors
/// `approval-malformed`, `operator-unknown`, `operator-twice`, `approval-faulty`,
/// `approval-short`, `new-operator-unsigned`.
pub fn decide(
    set: &OperatorSet,
    subject: &Subject,
    text: &str,
    approvals: &Approvals,
) -> Result<Vec<Approver>, Refusal> {
    let mut people = BTreeSet::new();
    let mut keys = BTreeSet::new();
    let mut approvers = Vec::new();
    for (number, Approval(octets)) in (1..).zip(&approvals.0) {
        let signature = SshSignature::parse(octets).map_err(|why| {
            Refusal::new(Rule::ApprovalMalformed, format!("approval {number}: {}", why.0))
        })?;
        let operator = set.find(signature.key());
        let fingerprint = signature.key().fingerprint();
        if operator.is_none() && !subject.newcomers.contains(signature.key()) {
            let detail = format!("{fingerprint} is no operator of this ring");
            return Err(Refusal::new(Rule::OperatorUnknown, detail));
        }
        let again = operator.is_some_and(|operator| !people.insert(operator.person()));
        if !keys.insert(fingerprint.clone()) || again {
            let detail = format!("{fingerprint} is of somebody who approved already");
            return Err(Refusal::new(Rule::OperatorTwice, detail));
        }
        let presence = signature
            .verify(NAMESPACE, text.as_bytes())
            .map_err(|fault| refuse(&fingerprint, fault))?;
        let name = operator.map_or("", Operator::name).to_owned();
        approvers.push(Approver { fingerprint, name, presence, newcomer: operator.is_none() });
    }
    check_enough(set, subject, people.len())?;
    for newcomer in &subject.newcomers {
        let fingerprint = newcomer.fingerprint();
        if !keys.contains(&fingerprint) {
            let detail = format!("{fingerprint} becomes an operator and did not sign");
            return Err(Refusal::new(Rule::NewOperatorUnsigned, detail));
        }
    }
    Ok(approvers)
}

fn check_enough(set: &OperatorSet, subject: &Subject, people: usize) -> Result<(), Refusal> {
    let needed = set.needed(subject.action);
    if people >= usize::from(needed) {
        return Ok(());
    }
    let detail = format!("{people} of the {needed} operators that {} needs", subject.action);
    Err(Refusal::new(Rule::ApprovalShort, detail))
}

fn refuse(fingerprint: &str, fault: SignatureFault) -> Refusal {
    let rule = match fault {
        SignatureFault::Malformed(_) => Rule::ApprovalMalformed,
        SignatureFault::Namespace | SignatureFault::Faulty | SignatureFault::NobodyThere => {
            Rule::ApprovalFaulty
        }
    };
    Refusal::new(rule, format!("the approval by {fingerprint}: {fault}"))
}

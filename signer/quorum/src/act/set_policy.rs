//! A policy comes into force.

use signer_proto::{Action, Digest, Refusal, SetPolicy};
use x509::sha256;

use super::{Facts, known};
use crate::proposal::Subject;

/// Where to read what does not fit.
const ELSEWHERE: &str = "read the text of which the new policy is the SHA-256";

pub(super) fn subject(facts: &dyn Facts, call: &SetPolicy) -> Result<Subject, Refusal> {
    let key = known(facts, &call.key)?;
    let new = Digest(sha256(call.text.0.as_bytes()));
    let version = key.policy.as_ref().map_or(0, |policy| policy.reference.version);
    let heading = |action| {
        let previous = call.previous.map_or("none".to_owned(), |digest| digest.to_string());
        Subject::new(action)
            .key(&key)
            .line("Policy version", version.saturating_add(1))
            .line("Previous policy", previous)
            .line("New policy", new)
    };
    match &key.policy {
        Some(before) => {
            // What is not proven to narrow, widens.
            let change = facts.change(&before.text, &call.text)?;
            let action = if change.narrows { Action::Narrow } else { Action::Widen };
            Ok(heading(action).all_words(&change.words, ELSEWHERE))
        }
        None => {
            let lines: Vec<String> = call.text.0.lines().map(|line| format!("| {line}")).collect();
            let subject = heading(Action::Activate).words("the first policy of this key:");
            Ok(subject.all_words(&lines, ELSEWHERE))
        }
    }
}

//! What was done in a ceremony: a text for the journal, to be printed and signed by hand as well.

use signer_proto::{CeremonyTranscript, Description, OperatorsInForce};
use signer_quorum::Operator;
use x509::UnixTime;

use super::plan::Plan;
use crate::exit::{Failure, Outcome};

/// What the journal takes.
const MOST: usize = 32 * 1024;

/// What came of one step.
pub struct Happened {
    /// The step in words.
    pub step: String,
    /// What is there now.
    pub facts: Vec<String>,
}

/// Writes the transcript.
pub fn transcript(
    plan: &Plan,
    ring: &Description,
    operators: &OperatorsInForce,
    happened: &[Happened],
    at: UnixTime,
) -> Outcome<CeremonyTranscript> {
    let mut lines = vec![
        plan.title.clone(),
        "=".repeat(plan.title.chars().count().min(79)),
        String::new(),
        format!("Ring:    {}", ring.instance),
        format!("Genesis: {}", ring.genesis),
        format!("Plan:    {}", plan.digest()),
        format!("Ended:   {at}"),
        String::new(),
        "Operators".to_owned(),
    ];
    for key in &operators.operators.0 {
        let shown = Operator::parse(&key.0).map_or_else(|_| key.0.clone(), |one| one.shown());
        lines.push(format!("  {shown}"));
    }
    if operators.operators.0.is_empty() {
        lines.push("  none: whoever reaches admin.sock".to_owned());
    }
    for (number, one) in (1..).zip(happened) {
        lines.push(String::new());
        lines.push(format!("Step {number}: {}", one.step));
        lines.extend(one.facts.iter().map(|fact| format!("  {fact}")));
    }
    lines.extend([String::new(), "Present".to_owned()]);
    for _ in 0..4 {
        lines.extend([String::new(), format!("  {:_<34}   {:_<34}", "", "")]);
        lines.push(format!("  {:<34}   {}", "name", "signature, date"));
    }
    let text = lines.join("\n") + "\n";
    if text.len() > MOST {
        return Err(Failure::Refused(format!(
            "the transcript has {} octets, and the journal takes {MOST}: split the plan",
            text.len()
        )));
    }
    Ok(CeremonyTranscript(text))
}

/// Shows SHA-256 as people compare it: in groups.
pub fn fingerprint(octets: &[u8]) -> String {
    let digest = hex::encode_upper(x509::sha256(octets));
    let groups: Vec<&str> =
        digest.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_in_groups_of_four() {
        let shown = fingerprint(b"");
        assert!(shown.starts_with("E3B0 C442 98FC 1C14 "), "{shown}");
        assert_eq!(shown.len(), 64 + 15);
    }
}

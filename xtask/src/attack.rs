//! `cargo xtask attack`: the attack suite against the signer as it is, and against one whose
//! policy checks are stubbed.
//!
//! Against the first every attack must be refused, with the core inside the tests, where the
//! driver's calls are counted, and with the real program under a uid of its own. Against the
//! second many must get through: the suite can see.

mod page;
mod suite;
mod verdict;

use std::path::Path;

use anyhow::Result;
use page::Page;
use suite::{Mode, Suite};
use verdict::Outcome;

/// How many attacks must get through when the checks are stubbed.
const SEEN: usize = 40;

/// Runs all attacks, or those whose names contain one of the arguments; `true` if the signer
/// refuses all of them and, of all, enough get through the stubbed one.
pub fn run(root: &Path, only: &[String]) -> Result<bool> {
    let honest = Suite::honest(root)?;
    let stubbed = Suite::stubbed(root)?;
    let page = Page::read(root)?;
    let mut names = honest.tests()?;
    names.retain(|name| only.is_empty() || only.iter().any(|part| name.contains(part)));
    let inside = honest.run(&names, Mode::Inside)?;
    let process = honest.run(&names, Mode::Process)?;
    let seen = stubbed.run(&names, Mode::Process)?;
    let width = names.iter().map(String::len).max().unwrap_or(0);
    let mut sums = Sums::default();
    for (at, name) in names.iter().enumerate() {
        let outcomes = [&inside[at], &process[at], &seen[at]];
        sums.add(page.is_attack(name), outcomes);
        println!("{name:width$}  {}", line(page.is_attack(name), outcomes));
    }
    for failed in inside.iter().chain(&process).filter(|outcome| !outcome.passed) {
        println!("\n{}", failed.output);
    }
    for skipped in process.iter().chain(&inside).flat_map(Outcome::skipped) {
        println!("{skipped}");
    }
    println!("{sums}");
    Ok(sums.failed == 0 && (sums.through >= SEEN || !only.is_empty()))
}

fn line(attack: bool, [inside, process, stubbed]: [&Outcome; 3]) -> String {
    let failed = match (inside.passed, process.passed) {
        (true, true) if !attack => return "control: answered as it should be".to_owned(),
        (true, true) => return format!("{}; stubbed: {}", process.refusals(), stubbed.seen()),
        (false, false) => "in both",
        (false, true) => "with the core inside the test",
        (true, false) => "with the real program",
    };
    format!("NOT REFUSED {failed}; stubbed: {}", stubbed.seen())
}

#[derive(Default)]
struct Sums {
    attacks: usize,
    failed: usize,
    through: usize,
    noticed: usize,
    controls: usize,
}

impl Sums {
    fn add(&mut self, attack: bool, [inside, process, stubbed]: [&Outcome; 3]) {
        self.failed += usize::from(!(inside.passed && process.passed));
        if attack {
            self.attacks += 1;
            self.through += usize::from(stubbed.is_through());
            self.noticed += usize::from(!stubbed.passed && !stubbed.is_through());
        } else {
            self.controls += 1;
        }
    }
}

impl std::fmt::Display for Sums {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { attacks, failed, through, noticed, controls } = self;
        writeln!(f, "attacks: {attacks}, and {controls} controls; failed: {failed}")?;
        write!(
            f,
            "with the policy checks stubbed: {through} got through (at least {SEEN} must), \
             {noticed} more failed otherwise, {} were still refused",
            attacks.saturating_sub(through + noticed)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(passed: bool, notes: &[(&str, &str)]) -> Outcome {
        let mut outcome = Outcome::new(passed, String::new());
        for (what, rule) in notes {
            outcome.note(what, rule);
        }
        outcome
    }

    #[test]
    fn a_line_says_what_came_of_it_in_both_builds() {
        let refused = outcome(true, &[("refused", "weak-key")]);
        let through = outcome(false, &[("through", "-")]);
        let broken = outcome(false, &[]);
        for (attack, outcomes, expected) in [
            (true, [&refused, &refused, &through], "refused by weak-key; stubbed: through"),
            (true, [&refused, &refused, &broken], "refused by weak-key; stubbed: fails otherwise"),
            (
                true,
                [&refused, &refused, &refused],
                "refused by weak-key; stubbed: still refused by weak-key",
            ),
            (
                true,
                [&refused, &broken, &through],
                "NOT REFUSED with the real program; stubbed: through",
            ),
            (false, [&refused, &refused, &broken], "control: answered as it should be"),
        ] {
            assert_eq!(line(attack, outcomes), expected);
        }
        let mut sums = Sums::default();
        sums.add(true, [&refused, &refused, &through]);
        sums.add(true, [&refused, &broken, &broken]);
        sums.add(false, [&refused, &refused, &through]);
        let Sums { attacks, failed, through, noticed, controls } = sums;
        assert_eq!([attacks, failed, through, noticed, controls], [2, 1, 1, 1, 1]);
    }
}

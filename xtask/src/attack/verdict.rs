//! What came of one test.

use std::collections::BTreeSet;

/// How many rules a line names.
const NAMED: usize = 3;

/// What came of one test.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Whether the test passed.
    pub passed: bool,
    /// What it printed.
    pub output: String,
    rules: BTreeSet<String>,
    answered: bool,
}

impl Outcome {
    /// Starts with whether the test passed and what it printed.
    pub fn new(passed: bool, output: String) -> Self {
        Self { passed, output, ..Self::default() }
    }

    /// Takes a line of the verdicts that `kit` wrote down.
    pub fn note(&mut self, what: &str, rule: &str) {
        match what {
            "refused" => {
                self.rules.insert(rule.to_owned());
            }
            _ => self.answered = true,
        }
    }

    /// Tells whether an attack was answered where a refusal was expected.
    pub fn is_through(&self) -> bool {
        !self.passed && self.answered
    }

    /// Says by which rules it was refused.
    pub fn refusals(&self) -> String {
        let named: Vec<_> = self.rules.iter().take(NAMED).map(String::as_str).collect();
        match self.rules.len().saturating_sub(NAMED) {
            _ if named.is_empty() => "held".to_owned(),
            0 => format!("refused by {}", named.join(", ")),
            more => format!("refused by {} and {more} more", named.join(", ")),
        }
    }

    /// Says what the suite saw in the stubbed build.
    pub fn seen(&self) -> String {
        match (self.passed, self.answered) {
            (true, _) => format!("still {}", self.refusals()),
            (false, true) => "through".to_owned(),
            (false, false) => "fails otherwise".to_owned(),
        }
    }

    /// Returns the lines about missing tools.
    pub fn skipped(&self) -> impl Iterator<Item = &str> {
        self.output.lines().filter(|line| line.contains("SKIPPED:"))
    }
}

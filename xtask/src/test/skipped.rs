//! Collects `SKIPPED: <tool>: <why>` from what tests print: a missing tool is never a passed test.

use std::collections::BTreeMap;
use std::fmt;

const MARK: &str = "SKIPPED: ";

/// The reasons for skipping and how many tests gave each.
#[derive(Default)]
pub struct Skipped(BTreeMap<String, usize>);

impl Skipped {
    /// Takes the reason from a line, if it has one.
    pub fn read(&mut self, line: &str) {
        if let Some((_, reason)) = line.split_once(MARK) {
            *self.0.entry(reason.trim().to_owned()).or_default() += 1;
        }
    }

    /// The same for a line of a JUnit file.
    pub fn read_xml(&mut self, line: &str) {
        let text = line.split("</").next().unwrap_or(line);
        let text =
            [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
                .iter()
                .fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
        self.read(&text);
    }

    /// Says whether nothing was skipped.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return writeln!(f, "nothing skipped");
        }
        writeln!(f, "skipped:")?;
        for (reason, count) in &self.0 {
            writeln!(f, "  {reason} ({count} tests)")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collects_reasons_once_with_their_number() {
        let mut skipped = Skipped::default();
        for line in [
            "SKIPPED: certtool: not installed",
            "x SKIPPED: certtool: not installed ",
            "SKIPPED:no",
            "ok",
        ] {
            skipped.read(line);
        }
        skipped.read_xml("<system-out>SKIPPED: nginx: &quot;a&quot; &amp;lt;</system-out>");
        assert_eq!(
            skipped.to_string(),
            "skipped:\n  certtool: not installed (2 tests)\n  nginx: \"a\" &lt; (1 tests)\n"
        );
        assert!(!skipped.is_empty());
        assert!(Skipped::default().is_empty());
    }
}

//! Collects `SKIPPED: <tool>: <why>` from what tests print: a missing tool is never a passed test.
//! Apart from that, `NOT APPLICABLE: <driver>: <why>`: a case of the drivers' suite that says nothing
//! about a driver, whatever is installed. And `LEFT OUT: <tool>: <why>`: the tool is built on demand
//! alone, so that its absence is no failure.

use std::collections::BTreeMap;
use std::fmt;

const MARK: &str = "SKIPPED: ";
const BESIDE_THE_POINT: &str = "NOT APPLICABLE: ";
const ON_DEMAND: &str = "LEFT OUT: ";

/// The reasons for skipping and how many tests gave each.
#[derive(Default)]
pub struct Skipped {
    missing: BTreeMap<String, usize>,
    not_applicable: BTreeMap<String, usize>,
    left_out: BTreeMap<String, usize>,
}

impl Skipped {
    /// Takes the reason from a line, if it has one.
    pub fn read(&mut self, line: &str) {
        for (mark, reasons) in [
            (MARK, &mut self.missing),
            (BESIDE_THE_POINT, &mut self.not_applicable),
            (ON_DEMAND, &mut self.left_out),
        ] {
            if let Some((_, reason)) = line.split_once(mark) {
                *reasons.entry(reason.trim().to_owned()).or_default() += 1;
            }
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

    /// Says whether nothing was skipped for want of a tool.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty()
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (title, reasons) in [
            ("not applicable:", &self.not_applicable),
            ("left out:", &self.left_out),
            ("skipped:", &self.missing),
        ] {
            if !reasons.is_empty() {
                writeln!(f, "{title}")?;
            }
            for (reason, count) in reasons {
                writeln!(f, "  {reason} ({count} tests)")?;
            }
        }
        if self.missing.is_empty() {
            writeln!(f, "nothing skipped")?;
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
            "NOT APPLICABLE: token: no ML-DSA",
            "LEFT OUT: kryoptic: nobody built it",
            "ok",
        ] {
            skipped.read(line);
        }
        skipped.read_xml("<system-out>SKIPPED: nginx: &quot;a&quot; &amp;lt;</system-out>");
        assert_eq!(
            skipped.to_string(),
            "not applicable:\n  token: no ML-DSA (1 tests)\nleft out:\n  kryoptic: nobody built it \
             (1 tests)\nskipped:\n  certtool: not installed (2 tests)\n  nginx: \"a\" &lt; (1 tests)\n"
        );
        assert!(!skipped.is_empty());
        assert!(Skipped::default().is_empty());
    }

    #[test]
    fn what_is_built_on_demand_is_told_and_no_failure() {
        let mut skipped = Skipped::default();
        skipped.read("LEFT OUT: kryoptic: nobody built it");
        let told = "left out:\n  kryoptic: nobody built it (1 tests)\nnothing skipped\n";
        assert_eq!(skipped.to_string(), told);
        assert!(skipped.is_empty());
    }
}

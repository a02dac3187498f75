//! docs/ATTACKS.md: which tests are attacks.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};

/// The section of tests that are no attacks: what a refusal would otherwise also look like.
const CONTROLS: &str = "## Controls";

/// The tests that the page names.
pub struct Page {
    attacks: BTreeSet<String>,
}

impl Page {
    /// Reads the page.
    pub fn read(root: &Path) -> Result<Self> {
        let path = root.join("docs/ATTACKS.md");
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(Self::of(&text))
    }

    fn of(text: &str) -> Self {
        let (attacks, _) = text.split_once(CONTROLS).unwrap_or((text, ""));
        let quoted = attacks.split('`').skip(1).step_by(2);
        Self { attacks: quoted.filter(|name| name.contains("::")).map(str::to_owned).collect() }
    }

    /// Tells whether a test is an attack.
    pub fn is_attack(&self, name: &str) -> bool {
        self.attacks.contains(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attacks_stand_before_the_controls() {
        let page = Page::of("| it | `a::b`, `c::d` |\n`make x`\n## Controls\n`e::f`\n");
        let found: Vec<_> = page.attacks.iter().map(String::as_str).collect();
        assert_eq!(found, ["a::b", "c::d"]);
        assert!(page.is_attack("a::b") && !page.is_attack("e::f"));
    }
}

//! `cargo xtask tidy`: the laws of the source tree (DESIGN of the workspace, CONTRIBUTING.md).

mod arrows;
mod foreign;
mod keys;
mod length;
mod lints;
mod names;
mod seal;
mod stub;
mod test_code;

use crate::workspace::Workspace;
use anyhow::Result;
use std::fmt;
use std::path::Path;

/// One place where a law is broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The file, from the root.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// The law's name.
    pub rule: &'static str,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub mend: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, rule, found, mend } = self;
        write!(f, "{path}:{line}: {rule}: {found}\n    {mend}")
    }
}

/// A law: looks at the whole tree and returns where it is broken.
type Rule = fn(&Workspace) -> Vec<Violation>;

const RULES: [Rule; 12] = [
    arrows::check,
    foreign::manifests,
    foreign::sources,
    keys::manifests,
    keys::sources,
    length::check,
    lints::check,
    names::check,
    seal::check,
    stub::check,
    test_code::check,
    test_code::features,
];

/// Checks the tree and prints what breaks a law; `true` if nothing does.
pub fn run(root: &Path) -> Result<bool> {
    let workspace = Workspace::load(root)?;
    let mut violations: Vec<_> = RULES.iter().flat_map(|rule| rule(&workspace)).collect();
    violations.sort();
    for violation in &violations {
        println!("{violation}");
    }
    let (packages, sources) = (workspace.packages.len(), workspace.sources.len());
    println!("tidy: {packages} packages, {sources} files, {} violations", violations.len());
    Ok(violations.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_names_place_rule_and_remedy() {
        let violation = Violation {
            path: "a/b.rs".to_owned(),
            line: 3,
            rule: "length",
            found: "501 lines".to_owned(),
            mend: "split it".to_owned(),
        };
        assert_eq!(violation.to_string(), "a/b.rs:3: length: 501 lines\n    split it");
    }
}

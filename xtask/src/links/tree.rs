//! Asks `cargo tree` which packages are linked.

use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// A package in the tree.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Linked {
    /// The package's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Says whether it lies in this repository.
    pub ours: bool,
}

/// Returns the packages that `cargo tree` lists for these arguments, each once.
pub fn packages(root: &Path, arguments: &[&str]) -> Result<BTreeSet<Linked>> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root).args(["tree", "--locked", "--prefix", "none"]).args(arguments);
    let output = cargo.output().context("cargo tree")?;
    if !output.status.success() {
        bail!("cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    }
    let listed = parse(&String::from_utf8_lossy(&output.stdout));
    if listed.is_empty() {
        bail!("cargo tree {arguments:?} lists nothing");
    }
    Ok(listed)
}

/// `name v1.2.3 (path) (*)`, a line each.
fn parse(tree: &str) -> BTreeSet<Linked> {
    let package = |line: &str| {
        let mut parts = line.split(' ');
        let (name, version) = (parts.next()?, parts.next()?.strip_prefix('v')?);
        Some(Linked {
            name: name.to_owned(),
            version: version.to_owned(),
            ours: parts.any(|part| part.starts_with("(/")),
        })
    };
    tree.lines().filter_map(package).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_answer_of_cargo_tree() {
        let tree = "signer-file v0.1.0 (/src/signer/file)\nserde v1.0.2\n\
            serde_derive v1.0.2 (proc-macro)\nserde v1.0.2 (*)\n\n[dev-dependencies]\nring v0.17.0\n";
        let found: Vec<_> = parse(tree).into_iter().map(|p| (p.name, p.ours)).collect();
        let expected =
            [("ring", false), ("serde", false), ("serde_derive", false), ("signer-file", true)];
        assert_eq!(found, expected.map(|(name, ours)| (name.to_owned(), ours)));
    }
}

//! Closes the ways by which shipped code could pass for test code, which most laws leave alone.

use super::Violation;
use crate::source::{line_of, words};
use crate::workspace::Workspace;

/// Refuses in shipped code: `mod tests`, `#[path]` and `include!`.
pub fn check(workspace: &Workspace) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in &workspace.sources {
        let code = &source.shipped;
        let mut add = |line, what: &str, mend: &str| {
            found.push(Violation {
                path: source.path.clone(),
                line,
                rule: "test code",
                found: what.to_owned(),
                mend: mend.to_owned(),
            });
        };
        let mut before = "";
        for word in words(code) {
            let after = &code[word.start + word.text.len()..];
            if before == "mod" && word.text == "tests" {
                add(word.line(code), "mod tests in shipped code", "put #[cfg(test)] before it");
            }
            if word.text == "include" && after.starts_with('!') {
                add(word.line(code), "include!", "make it a module");
            }
            before = word.text;
        }
        for (at, _) in code.match_indices("#[path") {
            add(line_of(code, at), "#[path]", "lay the module where its name says");
        }
    }
    found
}

/// Features of ours that open what only tests may use.
const FEATURES: [&str; 2] = ["conformance", "testing"];

/// Refuses test features in what ships: dev-dependencies and test packages may have them.
pub fn features(workspace: &Workspace) -> Vec<Violation> {
    let mut found = Vec::new();
    let shipped = workspace.packages.iter().filter(|package| !package.is_test());
    for package in shipped {
        for dependency in package.dependencies.iter().filter(|dependency| !dependency.dev) {
            let on = FEATURES.iter().find(|name| dependency.features.iter().any(|f| f == *name));
            found.extend(on.map(|feature| Violation {
                path: package.manifest(),
                line: dependency.line,
                rule: "test code",
                found: format!("{} ships {} with {feature}", package.name, dependency.name),
                mend: "switch it on in dev-dependencies".to_owned(),
            }));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_shipped_code_that_looks_like_tests() {
        for (code, count) in [
            ("mod tests;", 1),
            ("mod tests { }", 1),
            ("#[cfg(test)]\nmod tests;", 0),
            ("#[path = \"tests/a.rs\"]\nmod a;", 1),
            ("include!(\"a.rs\");", 1),
            ("include_bytes!(\"a.der\"); let include = 1;", 0),
        ] {
            let workspace = Workspace::of(&[("ca/src/lib.rs", code)]).unwrap();
            assert_eq!(check(&workspace).len(), count, "{code}");
        }
    }

    #[test]
    fn refuses_test_features_in_what_ships() {
        for (dir, section, features, count) in [
            ("signer/core", "dependencies", "\"conformance\"", 1),
            ("ca", "dependencies", "\"x\", \"testing\"", 1),
            ("ca", "dependencies", "\"x\"", 0),
            ("ca", "dev-dependencies", "\"testing\"", 0),
            ("tests/kit", "dependencies", "\"testing\"", 0),
        ] {
            let manifest = format!(
                "[package]\nname = \"x\"\n[{section}]\nstore = {{ workspace = true, features = [{features}] }}\n"
            );
            let workspace = Workspace::of(&[(format!("{dir}/Cargo.toml"), manifest)]).unwrap();
            assert_eq!(super::features(&workspace).len(), count, "{dir} {section} {features}");
        }
    }
}

//! Which packages may name which foreign ones: one owner for each door to the outside.

use super::Violation;
use crate::source::words;
use crate::workspace::{Package, Workspace};

const RULE: &str = "owner";

/// A kind of foreign package and who may name it.
struct Owned {
    /// Package names; one that ends in `-` covers all that begin so.
    packages: &'static [&'static str],
    owners: &'static [&'static str],
    /// Says whether tests may, too.
    tests: bool,
    mend: &'static str,
}

const OWNED: &[Owned] = &[
    Owned {
        packages: &["sqlx", "sqlx-", "rusqlite", "libsqlite3-sys", "tokio-postgres"],
        owners: &["store"],
        tests: false,
        mend: "all SQL is a function of store",
    },
    Owned {
        packages: &["cryptoki", "cryptoki-sys"],
        // The bench measures what a token does without anything of ours.
        owners: &["keystore-pkcs11", "bench"],
        tests: false,
        mend: "PKCS#11 is keystore-pkcs11's alone",
    },
    Owned {
        packages: &["axum", "axum-", "utoipa-axum"],
        owners: &["status", "acme", "scep", "est", "chancery-server"],
        tests: true,
        mend: "HTTP routes live in protocols/* and api",
    },
    Owned {
        packages: &["aws-sdk-", "aws-config", "aws-runtime", "google-cloud-", "azure_"],
        owners: &["keystore-kms"],
        tests: false,
        mend: "cloud SDKs are keystore-kms's alone",
    },
];

impl Owned {
    fn covers(&self, name: &str) -> bool {
        self.packages.iter().any(|pattern| {
            *pattern == name || pattern.ends_with(['-', '_']) && name.starts_with(pattern)
        })
    }

    /// The same for the name of a package in code, where `-` is `_`.
    fn covers_in_code(&self, word: &str) -> bool {
        self.covers(word) || self.covers(&word.replace('_', "-"))
    }

    fn allows(&self, package: &Package) -> bool {
        self.owners.contains(&package.name.as_str()) || self.tests && package.is_test()
    }
}

/// Looks through the manifests, dev-dependencies included.
pub fn manifests(workspace: &Workspace) -> Vec<Violation> {
    let mut found = Vec::new();
    for package in &workspace.packages {
        for dependency in &package.dependencies {
            let owned = OWNED.iter().find(|owned| owned.covers(&dependency.name));
            if let Some(owned) = owned.filter(|owned| !owned.allows(package)) {
                let what = format!("{} depends on {}", package.name, dependency.name);
                found.push(violation(package.manifest(), dependency.line, what, owned));
            }
        }
    }
    found
}

/// Looks through the code, where a name could come in through another package's re-export.
pub fn sources(workspace: &Workspace) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in &workspace.sources {
        let Some(package) = workspace.package_of(&source.path) else {
            continue;
        };
        let mut before = "";
        for word in words(&source.code) {
            let end = word.start + word.text.len();
            let is_path = source.code[end..].trim_start().starts_with("::");
            let is_import = matches!(before, "use" | "crate");
            before = word.text;
            if !is_path && !is_import {
                continue;
            }
            let owned = OWNED.iter().find(|owned| owned.covers_in_code(word.text));
            if let Some(owned) = owned.filter(|owned| !owned.allows(package)) {
                let what = format!("{} names {}", package.name, word.text);
                found.push(violation(source.path.clone(), word.line(&source.code), what, owned));
            }
        }
    }
    found
}

fn violation(path: String, line: usize, found: String, owned: &Owned) -> Violation {
    let owners = owned.owners.join(", ");
    Violation { path, line, rule: RULE, found, mend: format!("{} (allowed: {owners})", owned.mend) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(dir: &str, name: &str, rest: &str, code: &str) -> Workspace {
        Workspace::of(&[
            (format!("{dir}/Cargo.toml"), format!("[package]\nname = \"{name}\"\n{rest}")),
            (format!("{dir}/src/lib.rs"), code.to_owned()),
        ])
        .unwrap()
    }

    #[test]
    fn refuses_a_foreign_dependency_outside_its_owner() {
        for (dir, name, dependency, allowed) in [
            ("store", "store", "sqlx", true),
            ("ca", "ca", "sqlx", false),
            ("tests/kit", "kit", "sqlx", false),
            ("ca", "ca", "sqlx-sqlite", false),
            ("protocols/acme", "acme", "axum", true),
            ("tests/kit", "kit", "axum", true),
            ("cli", "chancery", "axum-server", false),
            ("signer/core", "signer", "aws-sdk-kms", false),
            ("signer/core", "signer", "aws-lc-rs", true),
            ("keystore/kms", "keystore-kms", "google-cloud-kms-v1", true),
            ("keystore/core", "keystore", "cryptoki", false),
        ] {
            for section in ["dependencies", "dev-dependencies"] {
                let tree = tree(dir, name, &format!("[{section}]\n{dependency} = \"1\"\n"), "");
                let lines: Vec<_> = manifests(&tree).iter().map(|v| v.line).collect();
                assert_eq!(lines, if allowed { vec![] } else { vec![4] }, "{name} -> {dependency}");
            }
        }
    }

    #[test]
    fn refuses_a_foreign_name_in_code() {
        for (code, count) in [
            ("use sqlx::query;", 1),
            ("fn f() { sqlx::query() }", 1),
            ("extern crate sqlx;", 1),
            ("use sqlx as s;", 1),
            ("#[cfg(test)]\nmod tests { use sqlx::Row; }", 1),
            ("aws_sdk_kms::Client", 1),
            ("// use sqlx::query;\nlet sqlx = 1;", 0),
            ("use my::sqlxs;", 0),
        ] {
            assert_eq!(sources(&tree("ca", "ca", "", code)).len(), count, "{code}");
        }
        assert_eq!(sources(&tree("store", "store", "", "use sqlx::query;")), []);
    }
}

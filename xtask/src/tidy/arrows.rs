//! Which of our packages may depend on which: the table of the design, line by line.
//!
//! The two sides of the trust boundary meet only in `signer-proto`, `x509` and `hardening`.

use super::Violation;
use crate::workspace::{Package, Workspace};

const RULE: &str = "arrows";

/// A package and the packages of ours that it may depend on.
type Row = (&'static str, &'static [&'static str]);

/// What ships. A package may name what its rows' packages hand on in their signatures, so the
/// dictionary (`signer-proto`, `x509`) stands in most rows.
const SHIPPED: &[Row] = &[
    // the dictionaries
    ("x509", &[]),
    ("secret-memory", &[]),
    ("hardening", &["secret-memory"]),
    ("signer-proto", &["x509"]),
    // pure functions that the signer decides by and everybody else checks by
    ("signer-policy", &["signer-proto", "signer-quorum", "x509"]),
    ("signer-log", &["signer-proto", "x509"]),
    ("signer-quorum", &["signer-proto", "x509"]),
    // the signer's sockets and its journal on disk: no policy, no key
    ("signer-listen", &["signer-proto"]),
    ("signer-journal", &["signer-proto", "signer-log", "signer-listen", "x509"]),
    // the signer's side
    ("keystore", &["signer-proto", "x509", "secret-memory"]),
    ("keystore-file", &["keystore", "signer-proto", "x509", "secret-memory"]),
    ("keystore-pkcs11", &["keystore", "signer-proto", "x509"]),
    ("keystore-kms", &["keystore", "signer-proto", "x509"]),
    (
        "signer",
        &[
            "keystore",
            "signer-proto",
            "signer-policy",
            "signer-log",
            "signer-listen",
            "signer-journal",
            "signer-quorum",
            "x509",
            "hardening",
        ],
    ),
    (
        "signer-program",
        &[
            "signer",
            "keystore",
            "keystore-file",
            "signer-proto",
            "signer-quorum",
            "x509",
            "hardening",
        ],
    ),
    ("signer-file", &["signer-program", "signer", "keystore", "hardening"]),
    (
        "signer-pkcs11",
        &[
            "signer-program",
            "signer",
            "keystore",
            "keystore-pkcs11",
            "keystore-file",
            "signer-proto",
            "x509",
            "hardening",
        ],
    ),
    (
        "signer-kms",
        &[
            "signer-program",
            "signer",
            "keystore",
            "keystore-kms",
            "keystore-file",
            "signer-proto",
            "x509",
            "hardening",
        ],
    ),
    ("p11-module", &["keystore-pkcs11", "hardening"]),
    (
        "signer-verify",
        &["signer-proto", "signer-policy", "signer-log", "signer-quorum", "x509", "hardening"],
    ),
    // the server's side
    ("model", &["x509"]),
    ("signer-client", &["signer-proto", "x509"]),
    ("store", &["model", "x509"]),
    (
        "ca",
        &["model", "x509", "store", "signer-client", "signer-proto", "signer-policy", "signer-log"],
    ),
    ("status", &["ca", "model", "x509", "store"]),
    ("acme", &["ca", "model", "x509", "store", "va-wire"]),
    ("scep", &["ca", "model", "x509", "store"]),
    ("est", &["ca", "model", "x509", "store"]),
    // what server and validation authority say to each other, and how both are configured
    ("va-wire", &[]),
    ("daemon", &[]),
    ("chancery-va", &["daemon", "va-wire", "signer-client", "signer-proto", "x509", "hardening"]),
    (
        "chancery-server",
        &[
            "ca",
            "model",
            "x509",
            "store",
            "status",
            "acme",
            "scep",
            "est",
            "va-wire",
            "daemon",
            "signer-client",
            "signer-proto",
            "hardening",
        ],
    ),
    (
        "chancery",
        &[
            "model",
            "x509",
            "va-wire",
            "signer-client",
            "signer-proto",
            "signer-policy",
            "signer-log",
            "signer-quorum",
            "ca",
            "store",
            "hardening",
        ],
    ),
    // the laws
    ("xtask", &[]),
];

/// What tests see besides: the real other half, never the other way round.
const FOR_TESTS: &[Row] = &[
    ("signer", &["keystore-file"]),
    ("p11-module", &["keystore", "signer-proto", "x509", "kit"]),
    ("signer-pkcs11", &["kit", "x509"]),
    (
        "signer-file",
        &["signer-client", "signer-proto", "signer-quorum", "keystore-file", "x509", "kit"],
    ),
    ("signer-client", &["signer", "keystore", "keystore-file", "kit"]),
    ("keystore-kms", &["clouds", "kit"]),
    ("signer-kms", &["clouds", "kit", "signer-client"]),
    ("ca", &["signer", "keystore", "keystore-file", "kit"]),
    (
        "status",
        &[
            "signer-client",
            "signer-proto",
            "signer-log",
            "signer",
            "keystore",
            "keystore-file",
            "kit",
        ],
    ),
    ("acme", &["signer-client", "signer-proto", "signer", "kit"]),
    ("chancery-va", &["signer", "kit"]),
    ("chancery-server", &["signer", "keystore", "keystore-file", "kit"]),
    ("chancery", &["chancery-server", "signer", "keystore", "keystore-file", "kit"]),
];

/// Holds every dependency between our packages against the table.
pub fn check(workspace: &Workspace) -> Vec<Violation> {
    let mut found = Vec::new();
    let ours: Vec<&str> = workspace.packages.iter().map(|p| p.name.as_str()).collect();
    for package in workspace.packages.iter().filter(|package| !package.is_test()) {
        let Some(allowed) = row(SHIPPED, &package.name) else {
            found.push(no_row(package));
            continue;
        };
        let for_tests = row(FOR_TESTS, &package.name).unwrap_or_default();
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            let known = ours.contains(&name) || row(SHIPPED, name).is_some();
            let may = allowed.contains(&name) || dependency.dev && for_tests.contains(&name);
            if known && !may {
                found.push(Violation {
                    path: package.manifest(),
                    line: dependency.line,
                    rule: RULE,
                    found: format!("{} must not depend on {name}", package.name),
                    mend: format!("it may depend on: {}", list(allowed)),
                });
            }
        }
    }
    found
}

fn row(table: &[Row], name: &str) -> Option<&'static [&'static str]> {
    table.iter().find(|(package, _)| *package == name).map(|(_, row)| *row)
}

fn no_row(package: &Package) -> Violation {
    Violation {
        path: package.manifest(),
        line: 1,
        rule: RULE,
        found: format!("{} stands in no row of the table", package.name),
        mend: "decide what it may depend on, in the design and in xtask/src/tidy/arrows.rs"
            .to_owned(),
    }
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "nothing of ours".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(dir: &str, name: &str, rest: &str) -> Vec<(usize, String)> {
        let files = [
            (format!("{dir}/Cargo.toml"), format!("[package]\nname = \"{name}\"\n{rest}")),
            ("tests/kit/Cargo.toml".to_owned(), "[package]\nname = \"kit\"\n".to_owned()),
        ];
        let found = check(&Workspace::of(&files).unwrap());
        found.into_iter().map(|v| (v.line, v.found)).collect()
    }

    #[test]
    fn refuses_an_arrow_that_is_not_in_the_table() {
        for (name, section, dependency) in [
            ("ca", "dependencies", "signer"),
            ("ca", "build-dependencies", "keystore"),
            ("x509", "dependencies", "signer-proto"),
            ("x509", "dev-dependencies", "kit"),
            ("store", "dev-dependencies", "ca"),
            ("chancery-server", "dependencies", "keystore-file"),
            ("chancery-server", "dependencies", "kit"),
        ] {
            let found =
                check_one(name, name, &format!("[{section}]\n{dependency}.workspace = true\n"));
            let expected = (4, format!("{name} must not depend on {dependency}"));
            assert_eq!(found, [expected]);
        }
    }

    #[test]
    fn allows_the_table_foreign_packages_and_test_packages() {
        for (dir, name, section, dependency) in [
            ("ca", "ca", "dependencies", "store"),
            ("ca", "ca", "dev-dependencies", "keystore-file"),
            ("ca", "ca", "dependencies", "tokio"),
            ("tests/kit", "kit", "dependencies", "signer"),
        ] {
            let found = check_one(dir, name, &format!("[{section}]\n{dependency} = \"1\"\n"));
            assert_eq!(found, [], "{name} -> {dependency}");
        }
    }

    #[test]
    fn refuses_a_package_without_a_row() {
        let found = check_one("new", "new", "");
        assert_eq!(found, [(1, "new stands in no row of the table".to_owned())]);
    }

    /// The claim that everything serves: no path leads from the server to a key.
    #[test]
    fn the_table_keeps_the_sides_apart() {
        let signers = ["keystore", "keystore-file", "keystore-pkcs11", "keystore-kms", "signer"];
        for server in ["chancery-server", "chancery", "chancery-va", "signer-client"] {
            let mut reached = vec![server];
            let mut next = 0;
            while let Some(name) = reached.get(next).copied() {
                next += 1;
                for onward in row(SHIPPED, name).expect("every name in a row has a row") {
                    if !reached.contains(onward) {
                        reached.push(onward);
                    }
                }
            }
            for signer in signers {
                assert!(!reached.contains(&signer), "{server} reaches {signer}");
            }
        }
    }
}

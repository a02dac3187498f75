//! Lints that nobody can switch off unseen: no unsafe code, and no panic near the keys.

use super::Violation;
use crate::source::words;
use crate::workspace::{Package, Workspace};

/// Packages in which a malformed byte must never end the process.
const NO_PANIC: &[&str] = &[
    "x509/",
    "hardening/",
    "signer/proto/",
    "signer/policy/",
    "signer/log/",
    "signer/quorum/",
    "signer/listen/",
    "signer/journal/",
    "signer/core/",
    "signer/file/",
    "signer/pkcs11/",
    "signer/kms/",
    "signer/p11-module/",
    "signer/verify/",
    "keystore/",
];
const PANICS: [&str; 4] = ["unwrap_used", "expect_used", "panic", "indexing_slicing"];

/// The one package with unsafe code; docs/adr/0009-secret-memory.md says why. It cannot take the
/// workspace's lints, which forbid it, and must name the others itself.
const UNSAFE: &str = "hardening/secret";
/// The one file of it.
const UNSAFE_FILE: &str = "hardening/secret/src/arena.rs";

/// Checks the lint tables, the headers of the crates and the word `unsafe`.
pub fn check(workspace: &Workspace) -> Vec<Violation> {
    let mut found = Vec::new();
    let forbids = workspace.manifest.get("workspace").and_then(|table| {
        let lints = table.get("lints")?.get("rust")?;
        lints.get("unsafe_code")?.as_str()
    });
    if forbids != Some("forbid") {
        let mend = "set workspace.lints.rust.unsafe_code = \"forbid\"";
        found.push(violation("Cargo.toml", 1, "unsafe", "unsafe code is not forbidden", mend));
    }
    for package in &workspace.packages {
        found.extend(package_lints(package));
        found.extend(panic_header(workspace, package));
    }
    for source in workspace.sources.iter().filter(|source| source.path != UNSAFE_FILE) {
        let used = words(&source.code).into_iter().filter(|word| word.text == "unsafe");
        let mend = "find a safe function of rustix, or propose a crate of its own for it";
        found.extend(used.map(|word| {
            violation(&source.path, word.line(&source.code), "unsafe", "unsafe code", mend)
        }));
    }
    found
}

/// The fuzz targets are a workspace of their own and have nothing to inherit; the crate with unsafe
/// code inherits nothing either.
fn package_lints(package: &Package) -> Option<Violation> {
    let inherits = package.takes_lints || ["tests/fuzz", UNSAFE].contains(&package.dir.as_str());
    let mend = "add `[lints]` with `workspace = true`";
    (!inherits)
        .then(|| violation(&package.manifest(), 1, "lints", "no lints of the workspace", mend))
}

fn panic_header(workspace: &Workspace, package: &Package) -> Option<Violation> {
    let dir = format!("{}/", package.dir);
    if !NO_PANIC.iter().any(|place| dir.starts_with(place)) {
        return None;
    }
    let roots = [format!("{dir}src/lib.rs"), format!("{dir}src/main.rs")];
    let root = workspace.sources.iter().find(|source| roots.contains(&source.path))?;
    let denied = root.code.find("deny(").map(|at| {
        let list = &root.code[at..];
        &list[..list.find(']').unwrap_or(list.len())]
    });
    let all =
        PANICS.iter().all(|lint| denied.is_some_and(|d| d.contains(&format!("clippy::{lint}"))));
    let mend = "start the crate with #![cfg_attr(not(test), deny(clippy::unwrap_used, \
        clippy::expect_used, clippy::panic, clippy::indexing_slicing))]";
    (!all).then(|| violation(&root.path, 1, "lints", "panics are not denied", mend))
}

fn violation(path: &str, line: usize, rule: &'static str, found: &str, mend: &str) -> Violation {
    let (path, found, mend) = (path.to_owned(), found.to_owned(), mend.to_owned());
    Violation { path, line, rule, found, mend }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: (&str, &str) = ("Cargo.toml", "[workspace.lints.rust]\nunsafe_code = \"forbid\"\n");
    const HEADER: &str = "#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, \
        clippy::panic, clippy::indexing_slicing))]\n";

    fn found(files: &[(&str, &str)]) -> Vec<(String, String)> {
        let violations = check(&Workspace::of(files).unwrap());
        violations.into_iter().map(|v| (v.path, v.found)).collect()
    }

    fn one(path: &str, what: &str) -> Vec<(String, String)> {
        vec![(path.to_owned(), what.to_owned())]
    }

    #[test]
    fn unsafe_must_be_forbidden_for_the_workspace() {
        let weak = ("Cargo.toml", "[workspace.lints.rust]\nunsafe_code = \"deny\"\n");
        assert_eq!(found(&[weak]), one("Cargo.toml", "unsafe code is not forbidden"));
        assert_eq!(found(&[ROOT]), []);
    }

    #[test]
    fn every_package_takes_the_lints() {
        let without = ("ca/Cargo.toml", "[package]\nname = \"ca\"\n");
        assert_eq!(found(&[ROOT, without]), one("ca/Cargo.toml", "no lints of the workspace"));
        let fuzz = ("tests/fuzz/Cargo.toml", "[package]\nname = \"fuzz\"\n");
        assert_eq!(found(&[ROOT, fuzz]), []);
        let secret = ("hardening/secret/Cargo.toml", "[package]\nname = \"secret-memory\"\n");
        assert_eq!(found(&[ROOT, secret]), []);
    }

    #[test]
    fn unsafe_is_found_in_tests_too() {
        for (code, count) in [
            ("fn f() { unsafe { g() } }", 1),
            ("#[cfg(test)]\nmod tests { unsafe fn f() {} }", 1),
            ("// unsafe\nfn f() { g(\"unsafe\") }", 0),
            ("#![forbid(unsafe_code)]", 0),
        ] {
            assert_eq!(found(&[ROOT, ("tests/kit/src/lib.rs", code)]).len(), count, "{code}");
            let beside = ("hardening/secret/src/secret.rs", code);
            assert_eq!(found(&[ROOT, beside]).len(), count, "only in {UNSAFE_FILE}: {code}");
            assert_eq!(found(&[ROOT, (UNSAFE_FILE, code)]), []);
        }
    }

    #[test]
    fn panics_are_denied_near_the_keys() {
        let manifest = "[package]\nname = \"x\"\n[lints]\nworkspace = true\n";
        let weak = HEADER.replace("clippy::panic, ", "");
        let mentioned = format!("// {HEADER}");
        for (dir, file, code, count) in [
            ("signer/core", "lib.rs", HEADER, 0),
            ("signer/file", "main.rs", HEADER, 0),
            ("signer/core", "lib.rs", weak.as_str(), 1),
            ("keystore/core", "lib.rs", mentioned.as_str(), 1),
            ("x509", "lib.rs", "", 1),
            ("ca", "lib.rs", "", 0),
        ] {
            let path = format!("{dir}/src/{file}");
            let manifest_path = format!("{dir}/Cargo.toml");
            let files = [ROOT, (manifest_path.as_str(), manifest), (path.as_str(), code)];
            assert_eq!(found(&files).len(), count, "{path}: {code}");
        }
    }
}

//! `cargo xtask links`: what the binaries load, and how much code holds the seal.

mod binaries;
mod marks;
mod tree;

use crate::workspace::Workspace;
pub use binaries::target_dir;

use anyhow::{Result, bail};
use std::path::Path;

/// The binaries of an installation.
const BINARIES: [&str; 8] = [
    "signer-file",
    "signer-pkcs11",
    "p11-module",
    "signer-kms",
    "signer-verify",
    "chancery-server",
    "chancery-va",
    "chancery",
];
/// Libraries of C that every one of them may load; all else is linked in and reviewed.
const LIBRARIES: [&str; 4] = ["libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-"];
/// Foreign packages linked into the process that holds the keys.
const PACKAGES_LIMIT: usize = 60;
/// Lines of our own code in it: no blanks, comments or tests.
const LINES_LIMIT: usize = 12_000;
/// Our code in it, but for x509 and hardening, which both sides share.
const SIGNER: [&str; 4] = ["signer/core/", "signer/proto/", "keystore/core/", "keystore/file/"];
/// The drivers' own suite: behind the feature `conformance`, which no signer has.
const SUITE: &str = "keystore/core/src/conformance/";
/// Pure functions that the signer decides by and every verifier decides by again; they hold no
/// key, and are counted beside the limit.
const SHARED: [&str; 3] = ["signer/policy/", "signer/log/", "signer/quorum/"];
/// The signer's sockets and its journal on disk: they know no policy and hold no key, and are
/// counted beside the limit too.
const KEYLESS: [&str; 2] = ["signer/listen/", "signer/journal/"];
/// Cryptographic libraries that must not be linked anywhere.
const NOWHERE: [&str; 4] = ["ring", "openssl-sys", "openssl", "native-tls"];

/// Checks and prints; `true` if all is within its limit.
pub fn run(root: &Path, arguments: &[String]) -> Result<bool> {
    let profile = match arguments {
        [] => None,
        [flag, profile] if flag == "--profile" => Some(profile.as_str()),
        other => bail!("links takes --profile dev|release, not {other:?}"),
    };
    let mut ok = true;
    for (name, path) in binaries::find(root, &BINARIES, profile)? {
        let needed = binaries::needed(&path)?;
        let foreign: Vec<_> = needed.iter().filter(|library| !is_allowed(library)).collect();
        println!("{name}: loads {}", needed.join(", "));
        for library in &foreign {
            println!(
                "links: {}: {library} may not be loaded; link it in or leave it out",
                path.display()
            );
        }
        let marks = marks::found(&path)?;
        for mark in &marks {
            println!("links: {}: carries {mark} and may not ship", path.display());
        }
        ok &= foreign.is_empty() && marks.is_empty();
    }
    ok &= no_second_library(root)?;
    ok &= small_signer(root)?;
    Ok(ok)
}

fn is_allowed(library: &str) -> bool {
    LIBRARIES.iter().any(|allowed| {
        *allowed == library || allowed.ends_with('-') && library.starts_with(allowed)
    })
}

fn no_second_library(root: &Path) -> Result<bool> {
    let all = tree::packages(root, &["--workspace", "--edges", "normal,build,dev"])?;
    let found: Vec<_> =
        NOWHERE.iter().filter(|name| all.iter().any(|p| p.name == **name)).collect();
    for name in &found {
        println!(
            "links: {name} is linked; see `cargo tree --workspace -i {name}` and cut the feature"
        );
    }
    println!("workspace: {} packages, none of {}", all.len(), NOWHERE.join(", "));
    Ok(found.is_empty())
}

fn small_signer(root: &Path) -> Result<bool> {
    let linked = tree::packages(root, &["-p", "signer-file", "--edges", "normal,no-proc-macro"])?;
    let foreign: Vec<_> = linked.iter().filter(|package| !package.ours).collect();
    let with_macros = tree::packages(root, &["-p", "signer-file", "--edges", "normal"])?;
    let macros = with_macros.len() - linked.len();
    let workspace = Workspace::load(root)?;
    let count = |place: &str| -> usize {
        let inside = workspace.sources.iter().filter(|source| source.path.starts_with(place));
        let inside = inside.filter(|source| !source.path.starts_with(SUITE));
        inside.map(|source| source.code_lines()).sum()
    };
    let lines: Vec<_> = SIGNER.iter().map(|place| (place, count(place))).collect();
    let total: usize = lines.iter().map(|(_, lines)| lines).sum();
    println!("signer-file: {} foreign packages linked (limit {PACKAGES_LIMIT})", foreign.len());
    println!("signer-file: {macros} more only expand macros at build time");
    for (place, lines) in &lines {
        println!("{place:16} {lines:6} lines");
    }
    println!("signer: {total} lines of code without tests (limit {LINES_LIMIT})");
    for place in SHARED {
        println!("{place:16} {:6} lines, pure, shared with the verifiers", count(place));
    }
    for place in KEYLESS {
        println!("{place:16} {:6} lines, sockets and disk, without policy or key", count(place));
    }
    if foreign.len() > PACKAGES_LIMIT {
        let names: Vec<_> = foreign.iter().map(|package| package.name.as_str()).collect();
        println!("links: too many packages hold the seal: {}", names.join(" "));
    }
    if total > LINES_LIMIT {
        println!("links: too much code holds the seal: move what needs no key to the server");
    }
    Ok(foreign.len() <= PACKAGES_LIMIT && total <= LINES_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_libraries_of_the_c_runtime_are_allowed() {
        for (library, allowed) in [
            ("libc.so.6", true),
            ("ld-linux-x86-64.so.2", true),
            ("ld-linux-aarch64.so.1", true),
            ("libgcc_s.so.1", true),
            ("libstdc++.so.6", false),
            ("libcrypto.so.3", false),
            ("libc.so.6.evil", false),
        ] {
            assert_eq!(is_allowed(library), allowed, "{library}");
        }
    }
}

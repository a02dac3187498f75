//! What is made from the tables: the pages and profiles that are checked in are those of the code.
//!
//! `CHANCERY_WRITE=1 cargo test -p hardening --test generated` writes them anew.
#![cfg(target_arch = "x86_64")]

use hardening::seccomp;
use std::fs;
use std::path::{Path, PathBuf};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// Holds a file against what it must be, or writes it.
fn check(name: &str, expected: &str) {
    let path = file(name);
    let found = fs::read_to_string(&path).unwrap_or_default();
    if found == expected {
        return;
    }
    if std::env::var_os("CHANCERY_WRITE").is_some() {
        fs::write(&path, expected).unwrap();
        return;
    }
    panic!("{name} is not what the tables make: see the head of {}", file!());
}

#[test]
fn the_page_has_the_tables() {
    const BEGIN: &str = "<!-- made from hardening/src/seccomp/table.rs: begin -->\n\n";
    const END: &str = "<!-- made from hardening/src/seccomp/table.rs: end -->";
    let page = fs::read_to_string(file("docs/SANDBOX.md")).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the mark");
    let (_, after) = rest.split_once(END).expect("the other mark");
    let expected = format!("{before}{BEGIN}{}{END}{after}", seccomp::markdown());
    check("docs/SANDBOX.md", &expected);
}

#[test]
fn the_container_profile_is_the_tables() {
    check("deploy/container/seccomp-signer.json", &seccomp::container_profile());
}

#[test]
fn the_unit_lets_through_what_the_tables_have() {
    const KEY: &str = "SystemCallFilter=";
    let name = "deploy/systemd/chancery-signer@.service";
    let unit = fs::read_to_string(file(name)).unwrap();
    let mut lines: Vec<String> = Vec::new();
    for line in unit.lines() {
        if line.starts_with(KEY) {
            lines.push(format!("{KEY}{}", seccomp::names_from_outside().join(" ")));
        } else {
            lines.push(line.to_owned());
        }
    }
    check(name, &(lines.join("\n") + "\n"));
    assert_eq!(unit.matches(KEY).count(), 1);
}

//! docs/ATTACKS.md names every test of this suite, and nothing that is not there; so does
//! docs/TRUST-BOUNDARY.md for what it promises.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What a row without a test begins with.
const OPEN: &str = "*open*: ";

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Every test of this program.
fn tests() -> BTreeSet<String> {
    let output = Command::new(std::env::current_exe().unwrap()).arg("--list").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// A test in another package: `path/of/the/file.rs#name`.
fn is_elsewhere(name: &str) -> bool {
    name.split_once('#').is_some_and(|(file, test)| {
        let text = fs::read_to_string(root().join(file)).unwrap_or_default();
        text.contains(&format!("fn {test}("))
    })
}

#[test]
fn the_page_names_what_there_is() {
    let page = fs::read_to_string(root().join("docs/ATTACKS.md")).unwrap();
    let tests = tests();
    let (attacks, controls) = page.split_once("## Controls").unwrap();
    let rows =
        attacks.lines().filter(|line| line.starts_with("| ") && *line != "| attack | tests |");
    let mut named: BTreeSet<&str> = quoted(controls).collect();
    let mut count = 0;
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [attack, cell] = cells[..] else { panic!("no row: {row}") };
        count += 1;
        if let Some(why) = cell.strip_prefix(OPEN) {
            assert!(why.len() > 10, "{attack}: nothing is said about why it is open");
            eprintln!("open: {attack}: {why}");
            continue;
        }
        assert!(quoted(cell).next().is_some(), "{attack} has no test");
        named.extend(quoted(cell));
    }
    assert!(count > 80, "{count} rows");
    for name in &named {
        assert!(tests.contains(*name) || is_elsewhere(name), "there is no test {name}");
    }
    for test in &tests {
        assert!(named.contains(test.as_str()), "docs/ATTACKS.md does not name {test}");
    }
}

#[test]
fn the_page_on_the_trust_boundary_names_what_there_is() {
    let page = fs::read_to_string(root().join("docs/TRUST-BOUNDARY.md")).unwrap();
    let (tests, mut count) = (tests(), 0);
    let guarantees = page.lines().filter(|line| line.starts_with("| "));
    let named =
        guarantees.flat_map(quoted).filter(|name| name.contains("::") || name.contains('#'));
    for name in named {
        assert!(tests.contains(name) || is_elsewhere(name), "there is no test {name}");
        count += 1;
    }
    assert!(count > 20, "{count} tests are named");
}

#[test]
fn the_fuzz_target_of_wire_types_reads_every_call_and_answer() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let target = read("tests/fuzz/fuzz_targets/wire.rs");
    let words: BTreeSet<&str> = target.split(|c: char| !c.is_alphanumeric()).collect();
    let mut count = 0;
    for entry in fs::read_dir(root().join("signer/proto/src/call")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let calls = text.lines().filter_map(|line| line.strip_prefix("call!(")?.strip_suffix(");"));
        for (call, answer) in calls.filter_map(|call| call.split_once(" => ")) {
            assert!(words.contains(call) && words.contains(answer), "{call} or {answer} is not");
            count += 1;
        }
    }
    assert!(count >= 30, "{count} calls");
}

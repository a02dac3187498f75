//! What the program calls of the kernel once it is sealed, under strace: the rows of the table
//! that are its own, each used and nothing besides.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use hardening::seccomp::ALLOWED_KMS;
use hardening::seccomp::table::{ALLOWED, Row};
use signer_proto::KeySpec;

use crate::place::Place;

/// How many filters are installed; the last one leaves the calls of the table.
const FILTERS: u32 = 3;

#[test]
fn every_allowance_of_its_own_is_used_and_nothing_else_is() {
    let Some(strace) = kit::tool("strace") else { return };
    if kit::uid() != 0 {
        return kit::skip("root", "the signer is not dumpable: only root's strace follows it");
    }
    let place = Place::new();
    // Another region whose endpoint has a name that no name server knows: so it is asked.
    let config = fs::read_to_string(place.at("kms.toml")).expect("kms.toml");
    let config =
        config.replace("replica_regions = []", "replica_regions = [\"eu-west-1\"]").replace(
            "endpoints = {",
            "endpoints = { eu-west-1 = \"http://kms.chancery.invalid:8080\",",
        );
    fs::write(place.at("kms.toml"), config).expect("kms.toml");
    let out = place.at("trace");
    let mut command = Command::new(strace);
    command.args(["-f", "-o"]).arg(&out).arg(env!("CARGO_BIN_EXE_signer-kms"));
    place.serving(&mut command);
    let process = place.started(command);
    let public = place.generate(KeySpec::P256).expect("generates");
    for round in 0..20 {
        place.sign(&public, &format!("CN={round}")).expect("signs");
    }
    std::thread::sleep(std::time::Duration::from_secs(7));
    drop(process);
    let used = sealed(&fs::read_to_string(&out).expect("a trace"));
    println!("sealed: {used:?}");
    let known =
        |name: &&String| ALLOWED.iter().chain(ALLOWED_KMS).any(|row| row.name() == name.as_str());
    let unknown: Vec<_> = used.iter().filter(|name| !known(name)).collect();
    assert_eq!(unknown, [""; 0], "not in the tables");
    let unused: Vec<_> = ALLOWED_KMS
        .iter()
        .filter(|row| row.kept.is_none() && !used.contains(row.name()))
        .map(Row::name)
        .collect();
    assert_eq!(unused, [""; 0], "allowed and never used: take them out");
}

/// The calls after the last filter, by name.
fn sealed(trace: &str) -> BTreeSet<String> {
    assert!(!trace.contains("SIGSYS"), "the signer was killed by its own filter: {trace}");
    let mut filters = 0;
    let mut used = BTreeSet::new();
    for line in trace.lines() {
        let Some((_, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        let call = rest.strip_prefix("<... ").unwrap_or(rest);
        let end = call.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(0);
        let name = &call[..end];
        if name.is_empty() || rest.starts_with("+++") || rest.starts_with("---") {
            continue;
        }
        if name == "seccomp" {
            filters += u32::from(!rest.starts_with("<..."));
        } else if filters == FILTERS {
            used.insert(name.to_owned());
        }
    }
    assert_eq!(filters, FILTERS, "filters were installed");
    used
}

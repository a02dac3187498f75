//! The table against what is used.

use std::collections::BTreeSet;

use hardening::seccomp::table::{ALLOWED, Row, STARTING};

use super::exercise;

#[test]
fn every_allowance_is_used_and_nothing_else_is() {
    let Some(used) = exercise::run() else { return };
    println!("starting: {:?}\nsealed: {:?}", used.starting, used.sealed);
    for (table, found) in [(ALLOWED, &used.sealed), (STARTING, &used.starting)] {
        assert_eq!(unused(table, found), [""; 0], "allowed and never used: take them out");
    }
    let known = |name: &&String, tables: &[&[Row]]| {
        tables.iter().copied().flatten().any(|row| row.name() == name.as_str())
    };
    let unknown: Vec<_> = used.sealed.iter().filter(|name| !known(name, &[ALLOWED])).collect();
    assert_eq!(unknown, [""; 0], "not in the table of the steady state");
    let unknown: Vec<_> =
        used.starting.iter().filter(|name| !known(name, &[ALLOWED, STARTING])).collect();
    assert_eq!(unknown, [""; 0], "not in the tables");
}

/// The rows that nothing used and that carry no reason to be kept.
fn unused(table: &[Row], used: &BTreeSet<String>) -> Vec<&'static str> {
    let rows = table.iter().filter(|row| row.kept.is_none() && !used.contains(row.name()));
    rows.map(Row::name).collect()
}

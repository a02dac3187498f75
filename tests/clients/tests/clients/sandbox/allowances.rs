//! The table against what is used.

use hardening::seccomp::table::ALLOWED;

use super::exercise;

#[test]
fn every_allowance_is_used_and_nothing_else_is() {
    let Some(used) = exercise::run() else { return };
    let unused: Vec<_> = ALLOWED
        .iter()
        .filter(|row| row.kept.is_none() && !used.sealed.contains(row.name()))
        .map(|row| row.name())
        .collect();
    let unknown: Vec<_> = used
        .sealed
        .iter()
        .filter(|name| !ALLOWED.iter().any(|row| row.name() == name.as_str()))
        .collect();
    println!("starting: {:?}\nsealed: {:?}", used.starting, used.sealed);
    assert_eq!(unused, [""; 0], "allowed and never used: take them out of the table");
    assert_eq!(unknown, [""; 0], "not in the table");
}

//! A missing tool is reported by name, never passed over in silence.

use std::path::PathBuf;

/// Says that a test is skipped for want of `tool`.
///
/// # Panics
/// If `CHANCERY_NO_SKIP=1` forbids skipping.
pub fn skip(tool: &str, why: &str) {
    let strict = std::env::var("CHANCERY_NO_SKIP").is_ok_and(|value| value == "1");
    assert!(!strict, "CHANCERY_NO_SKIP=1 and {tool} is missing: {why}");
    eprintln!("SKIPPED: {tool}: {why}");
}

/// Says that a test is left out because nobody built what it wants, which is built on demand alone: too
/// slow for every run. That is never a failure, and `cargo xtask test` lists it.
pub fn opt_in(tool: &str, why: &str) {
    eprintln!("LEFT OUT: {tool}: {why}");
}

/// Finds a program in PATH; none, with a line that says so, if it is not installed.
///
/// # Panics
/// If it is missing and `CHANCERY_NO_SKIP=1` forbids skipping.
#[must_use]
pub fn tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file());
    if found.is_none() {
        skip(name, "not installed");
    }
    found
}

//! Where the built programs are.

use std::path::PathBuf;

/// Finds a program of ours beside the running test, or one folder up.
///
/// # Panics
/// If it was not built.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let me = std::env::current_exe().expect("the running program");
    let found = me.ancestors().skip(1).take(2).map(|folder| folder.join(name));
    let found = found.into_iter().find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!("{name} is not built: cargo build -p chancery -p chancery-server -p signer-file")
    })
}

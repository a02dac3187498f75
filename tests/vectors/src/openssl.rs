//! The openssl command as a second opinion.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, bail};

/// Tells whether the command is there; a test without it reports itself as skipped.
pub fn is_installed() -> bool {
    Command::new("openssl")
        .arg("version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs the command in a folder and gives what it printed.
///
/// # Errors
/// The command is missing.
pub fn run(folder: &Path, arguments: &[&str]) -> Result<Output> {
    Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .context("openssl cannot be started")
}

/// Runs the command, which must succeed, and gives its standard output as text.
///
/// # Errors
/// The command is missing, fails or prints no UTF-8.
pub fn text(folder: &Path, arguments: &[&str]) -> Result<String> {
    let output = run(folder, arguments)?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("openssl {arguments:?}: {complaint}");
    }
    String::from_utf8(output.stdout).context("openssl printed no UTF-8")
}

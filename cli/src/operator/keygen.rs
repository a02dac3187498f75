//! Stock OpenSSH signs: keys in files, in an agent, or in a FIDO2 device.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use ca::ceremony::WarrantError;

/// Has `ssh-keygen -Y sign` sign a text; it may ask for a passphrase or a touch on the terminal.
pub fn sign(key: &Path, namespace: &str, text: &[u8]) -> Result<Vec<u8>, WarrantError> {
    let failed =
        |why: String| WarrantError::Failed(format!("ssh-keygen with {}: {why}", key.display()));
    let mut child = Command::new("ssh-keygen")
        .args(["-Y", "sign", "-q", "-n", namespace, "-f"])
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|error| failed(format!("{error}; install OpenSSH's client")))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(text).map_err(|error| failed(error.to_string()))?;
    }
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() && !output.stdout.is_empty() {
        Ok(output.stdout)
    } else {
        Err(failed(format!("it signed nothing ({})", output.status)))
    }
}

//! kms.toml as a file, and the environment.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::{Context as _, ensure};

/// More than any configuration has.
const MOST: u64 = 256 * 1024;

/// Variables by which the vendors' libraries take a secret itself, where a file would do.
const SECRETS: [&str; 3] =
    ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"];

/// Refuses secrets in the environment: it is inherited, and shown by `systemctl show`.
pub(crate) fn refuse_secrets_in_environment() -> anyhow::Result<()> {
    for name in SECRETS {
        ensure!(
            std::env::var_os(name).is_none(),
            "{name} is in the environment: put the credential into a file that only the signer \
             reads, and name it as credentials_file"
        );
    }
    Ok(())
}

/// Reads the file. Who may write it decides where keys are: root, or the signer's own user where
/// there is no other.
pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    let open = || -> anyhow::Result<String> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let own = rustix::process::geteuid().as_raw();
        ensure!(
            [0, own].contains(&metadata.uid()),
            "uid {} owns it: it must be root's, or the signer's own",
            metadata.uid()
        );
        let mode = metadata.mode() & 0o7777;
        ensure!(mode & 0o022 == 0, "others may write it (mode {mode:04o}): chmod go-w");
        let mut text = String::new();
        file.take(MOST + 1).read_to_string(&mut text)?;
        ensure!(text.len() as u64 <= MOST, "it has more than {MOST} octets");
        Ok(text)
    };
    open().with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn refuses_a_configuration_that_others_may_write() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kms.toml");
        fs::write(&path, "version = 1\n").unwrap();
        for (mode, words) in
            [(0o644, None), (0o600, None), (0o664, Some("chmod go-w")), (0o646, Some("chmod go-w"))]
        {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            match (read(&path), words) {
                (Ok(text), None) => assert_eq!(text, "version = 1\n"),
                (Err(error), Some(words)) => assert!(format!("{error:#}").contains(words)),
                (other, _) => panic!("{mode:o}: {other:?}"),
            }
        }
        assert!(read(&dir.path().join("missing")).is_err());
    }

    #[test]
    fn refuses_a_configuration_of_another_user() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kms.toml");
        fs::write(&path, "version = 1\n").unwrap();
        let other = rustix::process::geteuid().as_raw() + 4711;
        // Only root gives files away.
        if std::os::unix::fs::chown(&path, Some(other), None).is_ok() {
            let error = format!("{:#}", read(&path).unwrap_err());
            assert!(error.contains("owns it"), "{error}");
        }
    }
}

//! A fake of AWS KMS for one stack, and what its signer is told of it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::PathBuf;

use clouds::AwsCloud;
use tempfile::TempDir;

/// The fake, and a directory with kms.toml and a credential.
pub(super) struct Cloud {
    _aws: AwsCloud,
    home: TempDir,
}

impl Cloud {
    pub(super) fn start() -> Self {
        let aws = AwsCloud::start(&["eu-central-1"]);
        let home = tempfile::tempdir().expect("a directory");
        let mode = |path: PathBuf, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
        };
        let credential = home.path().join("credential");
        fs::copy(aws.credentials_file(), &credential).expect("a copy");
        fs::write(home.path().join("kms.toml"), aws.config_with(&credential, "")).expect("a file");
        mode(credential, 0o600);
        mode(home.path().join("kms.toml"), 0o644);
        mode(home.path().to_owned(), 0o755);
        Self { _aws: aws, home }
    }

    /// Gives the credential to the user that the signer runs as.
    pub(super) fn give_to(&self, signer: u32) {
        let credential = self.home.path().join("credential");
        if rustix::process::getuid().is_root() {
            chown(credential, Some(signer), Some(signer)).expect("root gives files away");
        }
    }

    pub(super) fn config(&self) -> PathBuf {
        self.home.path().join("kms.toml")
    }
}

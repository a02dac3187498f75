//! `chancery unlock`: opens the ring of a signer that runs, by admin.sock.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::json;
use signer_client::SignerClient;
use signer_proto::{HealthReport, Plaintext, SignerState, Socket, Unlock as Call};
use zeroize::Zeroizing;

use crate::exit::Outcome;
use crate::options::Global;
use crate::{output, passphrase};

/// Stretching a passphrase takes a second or two, more on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// Opens the ring of a signer that runs.
#[derive(Debug, Args)]
pub struct Unlock {
    /// A file with the passphrase; one line end at its end is not part of it. Default: it is
    /// asked on the terminal
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
    /// The file with the credential, for a ring that is opened by one
    #[arg(long, conflicts_with = "passphrase_file")]
    credential_file: Option<PathBuf>,
}

impl Unlock {
    /// Runs the command.
    pub async fn run(self, global: &Global) -> Outcome {
        let admin = crate::admin::connect(&global.layout()?.run())?;
        let mut health = admin.health().await?;
        if health.state == SignerState::Locked {
            health = open(&admin, self.factor()?).await?;
        }
        let answer = json!({ "signer": health.state.to_string(), "leaves": health.position });
        if global.json {
            return output::json(&answer);
        }
        output::fields(&answer, &["signer", "leaves"])
    }

    fn factor(&self) -> Outcome<Zeroizing<Vec<u8>>> {
        match (&self.passphrase_file, &self.credential_file) {
            (Some(path), _) => passphrase::from_file(path),
            (None, Some(path)) => passphrase::credential(path, "--credential-file"),
            (None, None) => passphrase::ask("Passphrase of the ring: "),
        }
    }
}

/// Opens the ring with the passphrase in a file.
pub async fn open_with(admin: &SignerClient, file: &Path) -> Outcome {
    open(admin, passphrase::from_file(file)?).await?;
    Ok(())
}

async fn open(admin: &SignerClient, factor: Zeroizing<Vec<u8>>) -> Outcome<HealthReport> {
    let call = Call { passphrase: Plaintext(factor) };
    Ok(admin.call(Socket::Admin, &call, PATIENCE).await?)
}

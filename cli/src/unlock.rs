//! `chancery unlock`: opens the ring of a signer that runs, by admin.sock.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::json;
use signer_client::SignerClient;
use signer_proto::{
    HealthReport, Plaintext, ShareTaken, SignerState, Socket, Unlock as Call, UnlockShare,
};
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
    /// A file with a share, as `age -d` writes it; - is standard input. For a ring that shares
    /// open: each custodian gives one
    #[arg(long, conflicts_with_all = ["passphrase_file", "credential_file"])]
    share: Option<PathBuf>,
    /// The number of a share that lies with the ring under a passphrase, which is in
    /// --passphrase-file or asked on the terminal
    #[arg(long, value_name = "N", conflicts_with_all = ["credential_file", "share"],
          value_parser = clap::value_parser!(u8).range(1..=32))]
    share_passphrase: Option<u8>,
}

impl Unlock {
    /// Runs the command.
    pub async fn run(self, global: &Global) -> Outcome {
        let admin = crate::admin::connect(&global.run_dir()?)?;
        let mut health = admin.health().await?;
        if health.state == SignerState::Locked {
            if let Some(share) = self.share()? {
                let taken = admin.call(Socket::Admin, &share, PATIENCE).await?;
                return told(&taken, global);
            }
            health = open(&admin, self.factor()?).await?;
        }
        let answer = json!({ "signer": health.state.to_string(), "leaves": health.position });
        if global.json {
            return output::json(&answer);
        }
        output::fields(&answer, &["signer", "leaves"])
    }

    /// Returns the share that a custodian gives, if it is one.
    fn share(&self) -> Outcome<Option<UnlockShare>> {
        let (index, secret) = match (&self.share, self.share_passphrase) {
            (Some(path), _) => (0, passphrase::share(path)?),
            (None, Some(index)) => match &self.passphrase_file {
                Some(path) => (index, passphrase::from_file(path)?),
                None => (index, passphrase::ask(&format!("Passphrase of share {index}: "))?),
            },
            (None, None) => return Ok(None),
        };
        Ok(Some(UnlockShare { index, secret: Plaintext(secret) }))
    }

    fn factor(&self) -> Outcome<Zeroizing<Vec<u8>>> {
        match (&self.passphrase_file, &self.credential_file) {
            (Some(path), _) => passphrase::from_file(path),
            (None, Some(path)) => passphrase::credential(path, "--credential-file"),
            (None, None) => passphrase::ask("Passphrase of the ring: "),
        }
    }
}

/// Tells how far the shares have come.
fn told(taken: &ShareTaken, global: &Global) -> Outcome {
    let answer = json!({
        "signer": taken.health.state.to_string(),
        "leaves": taken.health.position,
        "given": taken.given,
        "missing": taken.missing,
    });
    if global.json {
        return output::json(&answer);
    }
    if taken.missing == 0 {
        return output::fields(&answer, &["signer", "leaves"]);
    }
    output::fields(&answer, &["signer", "given", "missing"])
}

/// Opens the ring with the passphrase in a file.
pub async fn open_with(admin: &SignerClient, file: &Path) -> Outcome {
    open(admin, passphrase::from_file(file)?).await?;
    Ok(())
}

/// Gives shares whose passphrases are in files; returns how many are missing then.
pub async fn give_shares(admin: &SignerClient, shares: &[(u8, PathBuf)]) -> Outcome<u8> {
    let mut missing = 0;
    for (index, file) in shares {
        if admin.health().await?.state != SignerState::Locked {
            return Ok(0);
        }
        let secret = Plaintext(passphrase::from_file(file)?);
        let call = UnlockShare { index: *index, secret };
        missing = admin.call(Socket::Admin, &call, PATIENCE).await?.missing;
    }
    Ok(missing)
}

async fn open(admin: &SignerClient, factor: Zeroizing<Vec<u8>>) -> Outcome<HealthReport> {
    let call = Call { passphrase: Plaintext(factor) };
    Ok(admin.call(Socket::Admin, &call, PATIENCE).await?)
}

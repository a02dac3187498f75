//! The options that say what opens a ring from now on.

use std::path::PathBuf;

use clap::Args;
use keystore::{Custodian, NewFactor};

use crate::secret;

/// What opens a ring that is made, or whose unlock key is rotated: one of three.
#[derive(Args)]
pub(crate) struct NewFactorOptions {
    /// A file with at least 32 random octets that unlocks the ring; - is standard input.
    #[arg(long, value_name = "FILE")]
    unlock_credential: Option<PathBuf>,
    /// A file with the passphrase that unlocks the ring; one line end at its end is not part of
    /// it. - is standard input.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// An age recipient (age1...) who gets a share of the unlock key; may be given several times.
    /// The shares are numbered in this order, those with a passphrase after them.
    #[arg(long = "share", value_name = "RECIPIENT")]
    recipients: Vec<String>,
    /// A file with the passphrase of a share that stays with the ring; may be given several times.
    #[arg(long = "share-passphrase-file", value_name = "FILE")]
    share_passphrases: Vec<PathBuf>,
    /// How many shares open the ring: 2 to 16, and at most as many as there are.
    #[arg(long, value_name = "M")]
    shares_threshold: Option<u8>,
}

impl NewFactorOptions {
    /// Reads the files.
    pub(crate) fn read(&self) -> anyhow::Result<NewFactor> {
        let custodians = self.custodians()?;
        match (&self.unlock_credential, &self.passphrase_file, self.shares_threshold) {
            (Some(path), None, None) if custodians.is_empty() => {
                secret::credential(path).map(NewFactor::Credential)
            }
            (None, Some(path), None) if custodians.is_empty() => {
                secret::passphrase(path).map(NewFactor::Passphrase)
            }
            (None, None, Some(threshold)) => Ok(NewFactor::Shares { threshold, custodians }),
            (None, None, None) if !custodians.is_empty() => {
                anyhow::bail!("give --shares-threshold: how many shares open the ring")
            }
            _ => anyhow::bail!(
                "give one of --unlock-credential, --passphrase-file, or --shares-threshold with \
                 --share or --share-passphrase-file"
            ),
        }
    }

    fn custodians(&self) -> anyhow::Result<Vec<Custodian>> {
        let recipients = self.recipients.iter().cloned().map(|text| Ok(Custodian::Age(text)));
        let passphrases = self
            .share_passphrases
            .iter()
            .map(|path| secret::passphrase(path).map(Custodian::Passphrase));
        recipients.chain(passphrases).collect()
    }
}

//! A new ring that shares open: who its custodians are.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::child::write_private;
use super::identity::Identities;
use super::layout::Layout;
use crate::exit::{Failure, Outcome};
use crate::passphrase;

/// The custodians of the ring that is to be made.
#[derive(Debug, Clone, Default, Args)]
pub struct NewShares {
    /// An age recipient (age1...) who gets a share of the new ring's unlock key; may be given
    /// several times. As many as --shares-threshold of the custodians open the ring
    #[arg(
        long = "share",
        value_name = "RECIPIENT",
        requires = "threshold_of_shares",
        conflicts_with = "passphrase_file"
    )]
    pub recipients: Vec<String>,
    /// A file with the passphrase of a share that stays with the new ring; may be given several
    /// times. The shares are numbered as given, those with a passphrase last
    #[arg(
        long = "share-passphrase-file",
        value_name = "FILE",
        requires = "threshold_of_shares",
        conflicts_with = "passphrase_file"
    )]
    pub passphrases: Vec<PathBuf>,
    /// How many shares open the new ring: 2 to 16
    #[arg(id = "threshold_of_shares", long = "shares-threshold", value_name = "M",
          value_parser = clap::value_parser!(u8).range(2..=16), conflicts_with = "passphrase_file")]
    pub threshold: Option<u8>,
}

impl NewShares {
    /// Returns how many shares open the ring, if shares are to.
    pub fn chosen(&self) -> Outcome<Option<u8>> {
        let custodians = self.recipients.len() + self.passphrases.len();
        match self.threshold {
            Some(threshold) if usize::from(threshold) > custodians => Err(Failure::Usage(format!(
                "--shares-threshold: {threshold} of {custodians}: name each custodian with --share \
                 or --share-passphrase-file"
            ))),
            threshold => Ok(threshold),
        }
    }

    /// Writes the passphrases where the signer's user reads them, and returns the options that
    /// make the ring. [`Handed`] takes them away again.
    pub fn hand(&self, layout: &Layout, identities: &Identities) -> Outcome<Handed> {
        let mut handed = Handed { options: Vec::new(), files: Vec::new() };
        for recipient in &self.recipients {
            handed.options.extend(["--share".into(), recipient.into()]);
        }
        let account = identities.signer();
        for (number, file) in self.passphrases.iter().enumerate() {
            let passphrase = passphrase::from_file(file)?;
            let copy = layout.signer().join(format!("share-passphrase.{number}"));
            handed.files.push(copy.clone());
            write_private(&copy, &passphrase, 0o600)?;
            identities.give(&copy, account, account.gid, 0o600)?;
            handed.options.extend(["--share-passphrase-file".into(), copy.into()]);
        }
        if let Some(threshold) = self.threshold {
            handed.options.extend(["--shares-threshold".into(), threshold.to_string().into()]);
        }
        Ok(handed)
    }

    /// Lists the shares that this command itself can give: their numbers, and their files.
    pub fn own(&self) -> impl Iterator<Item = (u8, &PathBuf)> {
        let first = u8::try_from(self.recipients.len() + 1).unwrap_or(u8::MAX);
        (first..).zip(&self.passphrases)
    }
}

/// What the signer makes a ring with; copies of passphrases are removed with it.
pub struct Handed {
    /// The options of its `init`.
    pub options: Vec<OsString>,
    files: Vec<PathBuf>,
}

impl Drop for Handed {
    fn drop(&mut self) {
        for file in &self.files {
            if let Err(error) = std::fs::remove_file(file)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                eprintln!("chancery: {}: {error}; remove it", file.display());
            }
        }
    }
}

//! `rotate-unlock`: another factor opens the ring from now on.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use hardening::{Reach, Report};
use keystore::{ShareOffer, UnlockKind};
use keystore_file::FileVault;
use signer::{Environment, HeldRing, OldFactor, Start, rotate_unlock};

use crate::factor::NewFactorOptions;
use crate::{Family, secret};

/// What opens the ring until now, and what from now on. No signer may have the ring open.
#[derive(Args)]
pub(crate) struct RotateUnlock {
    /// The ring.
    #[arg(long, value_name = "DIR")]
    ring: PathBuf,
    #[command(flatten)]
    old: OldFactorOptions,
    #[command(flatten)]
    new: NewFactorOptions,
}

#[derive(Args)]
#[group(required = true, multiple = true)]
struct OldFactorOptions {
    /// The file with the credential that opens the ring until now.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["old_passphrase_file", "old_shares",
          "old_share_passphrases"])]
    old_credential: Option<PathBuf>,
    /// The file with the passphrase that opens the ring until now.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["old_shares", "old_share_passphrases"])]
    old_passphrase_file: Option<PathBuf>,
    /// A file with a share that opens the ring until now, as `age -d` writes it; as many as are
    /// needed.
    #[arg(long = "old-share", value_name = "FILE")]
    old_shares: Vec<PathBuf>,
    /// A share that lies with the ring: its number and the file with its passphrase, as in
    /// 3=share3.
    #[arg(long = "old-share-passphrase", value_name = "N=FILE", value_parser = numbered)]
    old_share_passphrases: Vec<(u8, PathBuf)>,
}

fn numbered(text: &str) -> Result<(u8, PathBuf), String> {
    let (index, path) = text.split_once('=').ok_or("it has no =")?;
    let index = index.parse().map_err(|_| format!("{index} is no share's number"))?;
    Ok((index, path.into()))
}

impl OldFactorOptions {
    fn read(&self) -> anyhow::Result<OldFactor> {
        if let Some(path) = &self.old_credential {
            return secret::credential(path).map(OldFactor::Single);
        }
        if let Some(path) = &self.old_passphrase_file {
            return secret::passphrase(path).map(OldFactor::Single);
        }
        let texts = self.old_shares.iter().map(|path| secret::credential(path));
        let texts = texts.map(|text| text.map(ShareOffer::Text));
        let phrases = self.old_share_passphrases.iter().map(|(index, path)| {
            let passphrase = secret::passphrase(path)?;
            Ok(ShareOffer::Passphrase { index: *index, passphrase })
        });
        texts.chain(phrases).collect::<anyhow::Result<_>>().map(OldFactor::Shares)
    }
}

impl RotateUnlock {
    fn not_rotated(&self) -> String {
        format!("the ring {}", self.ring.display())
    }

    /// Rotates; says what opens the ring now.
    pub(crate) fn run<F: Family>(self, mut report: Report) -> anyhow::Result<()> {
        let ring = HeldRing::take(&self.ring).with_context(|| self.not_rotated())?;
        let (old, new) = (self.old.read()?, self.new.read()?);
        keystore_file::start_random().context("no random octets")?;
        // All that lies outside of the ring was read.
        let places = [(self.ring.as_path(), Reach::Own)];
        hardening::confine(F::ROLE, &places).into_iter().for_each(|item| report.put(item));
        let start = Start { version: F::VERSION.to_owned(), report: report.to_string() };
        let vault = FileVault::at(&self.ring);
        let kind = rotate_unlock(
            ring,
            (Arc::new(vault.clone()), &vault),
            Environment::system(),
            &start,
            (old, &new),
        )
        .with_context(|| self.not_rotated())?;
        let by = match kind {
            UnlockKind::Passphrase => "the new passphrase".to_owned(),
            UnlockKind::Credential => "the new credential".to_owned(),
            UnlockKind::Shares { threshold, count } => {
                format!("{threshold} of {count} shares, in {}", self.ring.join("shares").display())
            }
        };
        println!("{}: opened by {by}", self.ring.display());
        println!("copies of the ring that were made before are opened by what opened it then");
        Ok(())
    }
}

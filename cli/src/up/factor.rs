//! What opens the ring: a credential beside it, or somebody's passphrase.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use signer_client::SignerClient;
use signer_proto::SignerState;
use zeroize::Zeroizing;

use super::layout::Layout;
use super::ring_file::{Opener, RingFile};
use super::shares::NewShares;
use crate::exit::{Failure, Outcome};
use crate::{passphrase, unlock};

/// How often a locked ring is looked at.
const LOOK: Duration = Duration::from_millis(300);

/// Octets of a new ring's passphrase, as the signer demands them.
const SHORTEST: usize = 8;

/// What opens the ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Factor {
    /// `unlock.key` in the data directory: the signer reads it at every start.
    Credential,
    /// A passphrase: from a file, or by `chancery unlock`.
    Passphrase(Option<PathBuf>),
    /// Shares, by `chancery unlock`; those of a new ring whose passphrases were given are given
    /// at once.
    Shares(Vec<(u8, PathBuf)>),
}

impl Factor {
    /// Finds out what opens the ring; a new one is opened by a passphrase if there is a file.
    pub fn choose(layout: &Layout, file: Option<&Path>, new: &NewShares) -> Outcome<Self> {
        let file = file.map(std::path::absolute).transpose()?;
        let kind = RingFile::read(&layout.ring())?.map(|ring| ring.unlock()).transpose()?;
        let is_new = kind.is_none();
        if let Some(threshold) = new.chosen()? {
            if !is_new {
                return Err(Failure::Usage(format!(
                    "--shares-threshold: {} is there already: `signer-file rotate-unlock` has shares \
                     open it (docs/operate/unlock.md)",
                    layout.ring().display()
                )));
            }
            let own = new.own().map(|(number, file)| (number, file.clone()));
            let own: Vec<_> = own.take(threshold.into()).collect();
            for (_, file) in &own {
                // Told now, not when the signer has been started.
                passphrase::from_file(file)?;
            }
            return Ok(Self::Shares(own));
        }
        match (kind, file) {
            (None | Some(Opener::Credential), None) => Ok(Self::Credential),
            (Some(Opener::Shares), None) => Ok(Self::Shares(Vec::new())),
            (None | Some(Opener::Passphrase), file) => {
                if let Some(file) = &file {
                    // Told now, not when the signer has been started.
                    let passphrase = passphrase::from_file(file)?;
                    if is_new && passphrase.len() < SHORTEST {
                        return Err(Failure::Usage(format!(
                            "--passphrase-file: a new ring's passphrase has at least {SHORTEST} octets"
                        )));
                    }
                }
                Ok(Self::Passphrase(file))
            }
            (Some(Opener::Credential), Some(_)) => Err(Failure::Usage(format!(
                "--passphrase-file: the ring in {} is opened by a credential, its unlock.key",
                layout.ring().display()
            ))),
            (Some(Opener::Shares), Some(_)) => Err(Failure::Usage(format!(
                "--passphrase-file: the ring in {} is opened by shares: `chancery unlock --share`",
                layout.ring().display()
            ))),
        }
    }

    /// Returns what a ring is made with: the option, and what its file gives. Shares have options
    /// of their own.
    pub fn for_new_ring(
        &self,
        layout: &Layout,
    ) -> Outcome<(Option<&'static str>, Zeroizing<Vec<u8>>)> {
        Ok(match self {
            Self::Credential => {
                let credential = passphrase::credential(&layout.unlock(), "unlock.key")?;
                (Some("--unlock-credential"), credential)
            }
            Self::Passphrase(Some(file)) => {
                (Some("--passphrase-file"), passphrase::from_file(file)?)
            }
            Self::Shares(_) => (None, Zeroizing::default()),
            Self::Passphrase(None) => {
                return Err(Failure::Usage("give --passphrase-file".into()));
            }
        })
    }

    /// Returns the passphrase's file, which the server is kept out of.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Passphrase(Some(file)) if file.is_file() => Some(file),
            _ => None,
        }
    }

    /// Opens the ring of a signer that has just been started, if it can be done without anybody.
    pub async fn try_open(&self, layout: &Layout) -> Outcome {
        match self {
            Self::Credential => Ok(()),
            Self::Passphrase(Some(file)) => {
                unlock::open_with(&crate::admin::connect(&layout.run())?, file).await
            }
            Self::Shares(own) if !own.is_empty() => {
                let admin = crate::admin::connect(&layout.run())?;
                if unlock::give_shares(&admin, own).await? > 0 {
                    self.tell(layout);
                }
                Ok(())
            }
            Self::Passphrase(None) | Self::Shares(_) => {
                self.tell(layout);
                Ok(())
            }
        }
    }

    /// Says who opens the ring.
    fn tell(&self, layout: &Layout) {
        let share = if matches!(self, Self::Shares(_)) { " --share FILE" } else { "" };
        eprintln!(
            "chancery: the ring is locked; `chancery unlock --data {}{share}` opens it",
            layout.data.display()
        );
    }

    /// Opens the ring, or waits until somebody does.
    pub async fn open(&self, layout: &Layout) -> Outcome {
        self.try_open(layout).await?;
        if matches!(self, Self::Passphrase(None) | Self::Shares(_)) {
            wait(&crate::admin::connect(&layout.run())?).await?;
        }
        Ok(())
    }
}

async fn wait(admin: &SignerClient) -> Outcome {
    loop {
        let health = admin.health().await;
        match health.context("ask the signer whether it is open")?.state {
            SignerState::Locked => tokio::time::sleep(LOOK).await,
            SignerState::Ready | SignerState::JournalFailed | SignerState::RolledBack => {
                return Ok(());
            }
        }
    }
}

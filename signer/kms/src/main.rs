//! signer-kms: the signer over keys in AWS KMS or Google Cloud KMS.
//!
//! The one signer that connects to something: to the service that kms.toml names, and to what
//! gives its credentials. Its house keys are files of the ring, as everywhere.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod places;
mod settings;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use hardening::{Reach, Role};
use keystore::KeyDriver;
use keystore_kms::{Config, KmsDriver};
use signer::DriverFamily;
use signer_program::Family;

/// How many calls wait for the service at a time: one takes some 10 ms, nearly all of them spent
/// waiting.
const WORKERS: usize = 64;

/// Keys in a cloud service.
struct Kms {
    config: Config,
}

impl Family for Kms {
    const PROGRAM: &'static str = "signer-kms";
    const VERSION: &'static str = concat!("signer-kms ", env!("CARGO_PKG_VERSION"));
    const ABOUT: &'static str = "Keeps the seal of one ring: keys in AWS KMS or Google Cloud KMS, \
                                 asked over local sockets";
    const DRIVER: DriverFamily = DriverFamily::Kms;
    const ROLE: Role = Role::SignerKms;

    fn prepare(config: Option<&Path>) -> anyhow::Result<Self> {
        let path = config.context("signer-kms serve needs --driver-config FILE, a kms.toml")?;
        settings::refuse_secrets_in_environment()?;
        let text = settings::read(path)?;
        let config = Config::read(&text).with_context(|| path.display().to_string())?;
        Ok(Self { config })
    }

    fn places(&self) -> Vec<(PathBuf, Reach)> {
        places::of(&self.config)
    }

    fn ports(&self) -> Vec<u16> {
        self.config.ports()
    }

    fn workers(&self) -> Option<usize> {
        Some(WORKERS)
    }

    fn driver(self) -> anyhow::Result<Option<Arc<dyn KeyDriver>>> {
        let driver = KmsDriver::start(self.config)?;
        Ok(Some(Arc::new(driver)))
    }
}

fn main() -> ExitCode {
    signer_program::main::<Kms>()
}

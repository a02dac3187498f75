//! signer-file: the signer over the encrypted file keystore.
//!
//! No network and no foreign code: key files, the journal and four local sockets.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use hardening::{Reach, Role};
use keystore::KeyDriver;
use signer::DriverFamily;
use signer_program::Family;

/// Keys in encrypted files of the ring: nothing is outside of it.
struct Files;

impl Family for Files {
    const PROGRAM: &'static str = "signer-file";
    const VERSION: &'static str = concat!("signer-file ", env!("CARGO_PKG_VERSION"));
    const ABOUT: &'static str = "Keeps the seal of one ring: keys in encrypted files, asked over \
                                 local sockets";
    const DRIVER: DriverFamily = DriverFamily::File;
    const ROLE: Role = Role::Signer;

    fn prepare(config: Option<&Path>) -> anyhow::Result<Self> {
        anyhow::ensure!(
            config.is_none(),
            "signer-file takes no --driver-config: its keys are files"
        );
        Ok(Self)
    }

    fn places(&self) -> Vec<(PathBuf, Reach)> {
        vec![]
    }

    fn driver(self) -> anyhow::Result<Option<Arc<dyn KeyDriver>>> {
        Ok(None)
    }
}

fn main() -> ExitCode {
    signer_program::main::<Files>()
}

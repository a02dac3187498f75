//! `init`: makes a ring.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use keystore_file::FileVault;
use signer::{DriverFamily, Environment, NewRing};

use crate::VERSION;
use crate::factor::NewFactorOptions;

/// What a new ring is told.
#[derive(Args)]
pub(crate) struct Init {
    /// The directory to make; it may be there and empty.
    #[arg(long, value_name = "DIR")]
    ring: PathBuf,
    #[command(flatten)]
    factor: NewFactorOptions,
    /// A uid that may connect to issue.sock and status.sock; may be given several times. Without
    /// it: the own uid.
    #[arg(long = "server-uid", value_name = "UID")]
    server_uids: Vec<u32>,
    /// A uid that may connect to va.sock.
    #[arg(long = "va-uid", value_name = "UID")]
    va_uids: Vec<u32>,
    /// A uid that may connect to admin.sock. Without it: the own uid.
    #[arg(long = "admin-uid", value_name = "UID")]
    admin_uids: Vec<u32>,
    /// The group that may reach issue.sock, status.sock and va.sock.
    #[arg(long, value_name = "GID")]
    server_gid: Option<u32>,
    /// The group whose members may connect to admin.sock, instead of the admin uids.
    #[arg(long, value_name = "GID")]
    admin_gid: Option<u32>,
}

impl Init {
    /// Makes the ring, or nothing.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let own = rustix::process::geteuid().as_raw();
        let or_own = |uids: Vec<u32>| if uids.is_empty() { vec![own] } else { uids };
        let new = NewRing {
            driver: DriverFamily::File,
            server_uids: or_own(self.server_uids),
            va_uids: self.va_uids,
            admin_uids: or_own(self.admin_uids),
            server_gid: self.server_gid,
            admin_gid: self.admin_gid,
            made_by: VERSION.to_owned(),
        };
        let factor = self.factor.read()?;
        let config = signer::create(
            &self.ring,
            &new,
            &factor,
            |dir| Box::new(FileVault::at(dir)),
            &Environment::system(),
        )
        .with_context(|| format!("no ring was made at {}", self.ring.display()))?;
        println!("{}: genesis {}", self.ring.display(), config.genesis);
        Ok(())
    }
}

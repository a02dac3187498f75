//! `init`: makes a ring.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use keystore_file::FileVault;
use signer::{Environment, NewRing};
use signer_proto::{OperatorKey, OperatorKeys};
use signer_quorum::Operator;

use crate::Family;
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
    #[command(flatten)]
    founders: Founders,
}

/// Who approves acts in the new ring.
#[derive(Args)]
struct Founders {
    /// A file with an operator's public key, as ssh-keygen writes it; may be given several times.
    /// Its comment is the operator's name: keys of one name are one person's.
    #[arg(long = "operator", value_name = "FILE.pub")]
    operators: Vec<PathBuf>,
    /// How many operators must approve. Without it: the only one, or it must be said.
    #[arg(long, value_name = "N", requires = "operators")]
    threshold: Option<u8>,
    /// Makes a ring in which whoever reaches admin.sock may do everything.
    #[arg(long, conflicts_with = "operators")]
    dangerous_no_operators: bool,
}

impl Founders {
    fn read(&self) -> anyhow::Result<(OperatorKeys, u8)> {
        let keys: Vec<OperatorKey> =
            self.operators.iter().map(|file| read_operator(file)).collect::<Result<_, _>>()?;
        let threshold = match (keys.len(), self.threshold) {
            (0, _) if self.dangerous_no_operators => 0,
            (0, _) => anyhow::bail!(
                "no operator is given: --operator FILE.pub, as `ssh-keygen -t ed25519` makes it \
                 (--dangerous-no-operators makes a ring without a quorum)"
            ),
            (_, Some(threshold)) => threshold,
            (1, None) => 1,
            (count, None) => {
                anyhow::bail!("{count} operators are given: how many must approve? --threshold N")
            }
        };
        Ok((OperatorKeys(keys), threshold))
    }
}

fn read_operator(file: &Path) -> anyhow::Result<OperatorKey> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let operator = Operator::parse(text.trim_end())
        .with_context(|| format!("{} is no public key that may approve", file.display()))?;
    Ok(OperatorKey(operator.to_line()))
}

impl Init {
    /// Makes the ring, or nothing.
    pub(crate) fn run<F: Family>(self) -> anyhow::Result<()> {
        let own = rustix::process::geteuid().as_raw();
        let or_own = |uids: Vec<u32>| if uids.is_empty() { vec![own] } else { uids };
        let (operators, threshold) = self.founders.read()?;
        let new = NewRing {
            driver: F::DRIVER,
            server_uids: or_own(self.server_uids),
            va_uids: self.va_uids,
            admin_uids: or_own(self.admin_uids),
            server_gid: self.server_gid,
            admin_gid: self.admin_gid,
            operators,
            threshold,
            made_by: F::VERSION.to_owned(),
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

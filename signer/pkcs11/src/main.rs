//! signer-pkcs11: the signer of a ring whose keys are in PKCS#11 tokens.
//!
//! No vendor's module is ever loaded here: a process of its own has it, and is asked over a socket
//! pair.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod probe;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use hardening::{Reach, Role};
use keystore::KeyDriver;
use keystore_pkcs11::{Config, Forker, Pkcs11Driver};
use signer::DriverFamily;
use signer_program::Family;

/// Threads, if there are few sessions.
const WORKERS: usize = 64;

/// Keys in tokens; the forker starts the processes that reach them.
struct Tokens {
    config: Config,
    forker: Forker,
}

impl Family for Tokens {
    const PROGRAM: &'static str = "signer-pkcs11";
    const VERSION: &'static str = concat!("signer-pkcs11 ", env!("CARGO_PKG_VERSION"));
    const ABOUT: &'static str = "Keeps the seal of one ring: keys in PKCS#11 tokens, asked over \
                                 local sockets";
    const DRIVER: DriverFamily = DriverFamily::Pkcs11;
    const ROLE: Role = Role::SignerPkcs11;

    fn prepare(config: Option<&Path>) -> anyhow::Result<Self> {
        let path = config.context("--driver-config FILE: which modules and tokens, pkcs11.toml")?;
        let config = Config::read(path)?;
        let forker = start_forker(&config)?;
        Ok(Self { config, forker })
    }

    fn places(&self) -> Vec<(PathBuf, Reach)> {
        vec![]
    }

    /// One signs and one waits for each session, so that it never stands still; the others wait until
    /// their intents are durable, which takes a busy disk as long as many signatures. One more serves
    /// what needs no session.
    fn workers(&self) -> Option<usize> {
        let sessions = self.config.tokens.iter().map(|token| usize::from(token.sessions));
        Some(WORKERS.max(4 * sessions.sum::<usize>()) + 1)
    }

    fn driver(self) -> anyhow::Result<Option<Arc<dyn KeyDriver>>> {
        let driver = Pkcs11Driver::start(self.config, self.forker).context("no threads")?;
        Ok(Some(Arc::new(driver)))
    }
}

/// The helper is beside this program, of the same build.
fn start_forker(config: &Config) -> anyhow::Result<Forker> {
    let me = std::env::current_exe().context("this program's own path")?;
    let helper = me.with_file_name("p11-module");
    Forker::start(&helper, &config.path)
        .with_context(|| format!("{} does not start", helper.display()))
}

fn main() -> ExitCode {
    match std::env::args_os().nth(1) {
        Some(act) if act == "probe" => probe::main(),
        _ => signer_program::main::<Tokens>(),
    }
}

//! p11-module: the process that has a vendor's PKCS#11 module loaded.
//!
//! signer-pkcs11 starts it, in two roles: `forker` starts others of its kind and ends them, `serve`
//! loads the module of one token and signs when it is asked. What it has is a PIN, and handles; of
//! the ring it knows nothing.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use hardening::{Reach, Report, Role, SocketReach, lock_down};
use keystore_pkcs11::module::{Lines, Setting, serve};
use keystore_pkcs11::{Config, forker};
use rustix::process::{Signal, set_parent_process_death_signal};

/// Is started by signer-pkcs11, with a socket for its standard input.
#[derive(Parser)]
#[command(name = "p11-module", version)]
struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Starts processes that have modules, and ends them.
    Forker {
        /// pkcs11.toml.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Loads the module of a token, and is asked for signatures.
    Serve {
        /// pkcs11.toml.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The token's name there.
        #[arg(long, value_name = "NAME")]
        token: String,
    },
}

fn main() -> ExitCode {
    let act = Arguments::parse().act;
    let role = match act {
        Act::Forker { .. } => Role::Forker,
        Act::Serve { .. } => Role::Module,
    };
    let report = lock_down(role);
    abort_on_panic();
    let done = match &act {
        Act::Forker { config } => fork(config),
        Act::Serve { config, token } => load(config, token, report),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("p11-module: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn fork(config: &Path) -> anyhow::Result<()> {
    let config = Config::read(config)?;
    let line = forker::own_line().context("standard input is no line to a signer")?;
    forker::obey(&line, &config).context("the signer's line")
}

/// The order is the sandbox: what is read and made comes first, then the rights go, and only then
/// does code of the module run.
fn load(config: &Path, token: &str, mut report: Report) -> anyhow::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL)).context("the forker's end")?;
    let config = Config::read(config)?;
    let setting = Setting::read(&config, token).with_context(|| format!("token {token}"))?;
    let control = forker::own_line().context("standard input is no line to a signer")?;
    let lines = Lines::new(control, setting.sessions()).context("no lines")?;
    let places = setting.places();
    let places: Vec<_> =
        places.iter().map(|place| (place.path.as_path(), reach_of(place))).collect();
    let reach = match (setting.network_ports(), setting.connects()) {
        ([], false) => SocketReach::None,
        ([], true) => SocketReach::Local,
        _ => SocketReach::Network,
    };
    let confined = hardening::confine_module(&places, setting.network_ports(), reach);
    confined.into_iter().for_each(|item| report.put(item));
    if !report.is_complete() {
        eprintln!("p11-module: token {token}: not fully locked down: {}", report.failures());
    }
    serve(lines, setting).context("the signer's line")
}

fn reach_of(place: &keystore_pkcs11::module::Place) -> Reach {
    use std::os::unix::fs::FileTypeExt as _;
    let is_socket = place.path.metadata().is_ok_and(|found| found.file_type().is_socket());
    match (place.writable, is_socket) {
        (_, true) => Reach::Connect,
        (true, false) => Reach::Own,
        (false, false) => Reach::Read,
    }
}

/// A thread that panicked would leave its line open and never answer.
fn abort_on_panic() {
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        told(panic);
        std::process::abort();
    }));
}

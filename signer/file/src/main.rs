//! signer-file: the signer over the encrypted file keystore.
//!
//! No network and no foreign code: key files, the journal and four local sockets.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod end;
mod factor;
mod init;
mod journal;
mod page;
mod rotate;
mod secret;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use hardening::{Report, Role};

/// The program's name and version, as the journal has them.
pub(crate) const VERSION: &str = concat!("signer-file ", env!("CARGO_PKG_VERSION"));

/// Keeps the seal of one ring: keys in encrypted files, asked over local sockets.
#[derive(Parser)]
#[command(name = "signer-file", version)]
struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Makes a ring.
    Init(init::Init),
    /// Serves a ring until SIGTERM or SIGINT.
    Serve(serve::Serve),
    /// Lets another factor open a ring that no signer has open.
    RotateUnlock(rotate::RotateUnlock),
    /// Checks a ring's journal and prints it; changes nothing.
    Journal(journal::Journal),
}

fn main() -> ExitCode {
    // Before anything else, while there is one thread.
    let report = hardening::lock_down(Role::Signer);
    abort_on_panic();
    if let Some(banner) = signer::stub::banner() {
        eprintln!("signer-file: {banner}");
    }
    match run(report) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("signer-file: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(report: Report) -> anyhow::Result<()> {
    match Arguments::parse().act {
        Act::Init(init) => init.run(),
        Act::Serve(serve) => serve.run(report),
        Act::RotateUnlock(rotate) => rotate.run(report),
        Act::Journal(journal) => journal.run(),
    }
}

/// A thread that panicked may have left the state half changed: nothing goes on after it.
fn abort_on_panic() {
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        told(panic);
        std::process::abort();
    }));
}

//! What the programs of all key drivers share: a ring is made, served, read and given another
//! unlock factor in the same way wherever its keys are.
//!
//! A program is a [`Family`] and a call of [`main`].
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod end;
mod factor;
mod family;
mod init;
mod journal;
mod page;
mod rotate;
mod secret;
mod serve;
mod vault;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use hardening::Report;

pub use family::Family;
pub use secret::{credential, passphrase};

#[derive(Parser)]
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

/// Runs the program. Called first in main, while there is one thread.
pub fn main<F: Family>() -> ExitCode {
    let report = hardening::lock_down(F::ROLE);
    abort_on_panic();
    if let Some(banner) = signer::stub::banner() {
        eprintln!("{}: {banner}", F::PROGRAM);
    }
    match run::<F>(report) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error:#}", F::PROGRAM);
            ExitCode::FAILURE
        }
    }
}

fn run<F: Family>(report: Report) -> anyhow::Result<()> {
    let version = F::VERSION.strip_prefix(F::PROGRAM).unwrap_or(F::VERSION).trim_start();
    let command = Arguments::command().name(F::PROGRAM).version(version).about(F::ABOUT);
    let given = command.get_matches();
    match Arguments::from_arg_matches(&given)?.act {
        Act::Init(init) => init.run::<F>(),
        Act::Serve(serve) => serve.run::<F>(report),
        Act::RotateUnlock(rotate) => rotate.run::<F>(report),
        Act::Journal(journal) => journal.run(F::PROGRAM),
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

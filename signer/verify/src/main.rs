//! signer-verify: checks a journal offline, without any secret, or witnesses its log.

mod offline;
mod watch;

use std::process::ExitCode;

use clap::Parser;

/// The journal is in order, or the log was cosigned.
const PASS: u8 = 0;
/// The journal is not in order and the report names the first leaf, or what the log shows does
/// not verify.
const FAIL: u8 = 1;
/// There is no verdict: usage, files or servers that cannot be read.
const NO_VERDICT: u8 = 2;
/// A witness has proof that the log is not the one that it was.
const ALARM: u8 = 3;

/// Checks a signer's journal from the first leaf to the last, without any secret; or, with
/// --follow, watches its log from a second host and cosigns what is consistent.
///
/// Exit: 0 PASS or cosigned, 1 FAIL, 2 no verdict, 3 ALARM (the log was forked or truncated).
#[derive(Parser)]
#[command(name = "signer-verify", version)]
struct Arguments {
    #[command(flatten)]
    offline: offline::Offline,
    #[command(flatten)]
    watch: watch::Watch,
}

fn main() -> ExitCode {
    let Arguments { offline, watch } = Arguments::parse();
    let done = if watch.is_meant() { watch.run() } else { offline.run() };
    match done {
        Ok(code) => code.into(),
        Err(error) => {
            eprintln!("signer-verify: {error:#}");
            NO_VERDICT.into()
        }
    }
}

//! The laws of the workspace as code: `cargo xtask tidy|links|test|fuzz|attack`.

mod attack;
mod fuzz;
mod links;
mod source;
mod test;
mod tidy;
mod workspace;

use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask tidy                         check the laws of the source tree
cargo xtask links [--profile dev|release]  check what the binaries link and how big the signer is
cargo xtask test [ARGUMENTS]             run every test and list the skipped tools
cargo xtask fuzz [TARGET ...]            run the fuzz targets, FUZZ_SECONDS (300) each
cargo xtask attack [PART ...]            attack the signer, and one whose checks are stubbed";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Runs one task; `false` is a law broken or a test failed, an error is a task that could not run.
fn run(arguments: &[String]) -> Result<bool> {
    let root = root()?;
    let Some((task, rest)) = arguments.split_first() else {
        bail!("name a task\n{USAGE}");
    };
    match task.as_str() {
        "tidy" => tidy::run(&root),
        "links" => links::run(&root, rest),
        "test" => test::run(&root, rest),
        "attack" => attack::run(&root, rest),
        "fuzz" => fuzz::run(&root, rest),
        other => bail!("no task {other}\n{USAGE}"),
    }
}

fn root() -> Result<PathBuf> {
    let xtask = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let root = xtask.parent().context("xtask lies in the workspace")?;
    Ok(root.to_owned())
}

//! Runs the suite of all key drivers over a device that somebody has, and writes what came of it to a
//! file: `make conformance DRIVER=pkcs11 CONFIG=/etc/chancery/pkcs11.toml`.
//!
//! Keys are made under identities of this run, and destroyed at the end of each case. A family of
//! drivers is a file here and an arm of [`Family`].

mod device;
#[cfg(feature = "kms")]
mod kms;
mod pkcs11;
mod remapped;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use keystore::conformance::{Outcome, run_all};
use signer_proto::KeySpec;

/// Holds a driver and what is behind it to what every driver must do.
#[derive(Parser)]
struct Arguments {
    /// Which driver.
    #[arg(long)]
    driver: Family,
    /// Its configuration.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where the report goes.
    #[arg(long, value_name = "FILE", default_value = "conformance.txt")]
    report: PathBuf,
    /// An algorithm that the device does not have, `SPEC=WHY`; may be given several times.
    #[arg(long = "lacks", value_name = "SPEC=WHY", value_parser = lack)]
    lacks: Vec<(KeySpec, String)>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Family {
    /// PKCS#11 tokens
    Pkcs11,
    /// A cloud's key management service
    #[cfg(feature = "kms")]
    Kms,
}

fn lack(text: &str) -> Result<(KeySpec, String), String> {
    let (spec, why) = text.split_once('=').ok_or("SPEC=WHY")?;
    let spec = KeySpec::ALL.iter().copied().find(|known| known.as_str() == spec);
    Ok((spec.ok_or("no such algorithm")?, why.to_owned()))
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("conformance: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let lacks = arguments.lacks.clone();
    let device = match arguments.driver {
        Family::Pkcs11 => pkcs11::open(&arguments.config, lacks)?,
        #[cfg(feature = "kms")]
        Family::Kms => kms::open(&arguments.config, lacks)?,
    };
    let mut text = device.header();
    // A failed case panics: its text is in the report.
    std::panic::set_hook(Box::new(|_| {}));
    let outcomes =
        run_all(|| device.subject(), |name, outcome| println!("{name}: {}", words(outcome)));
    drop(std::panic::take_hook());
    let count = |is: fn(&Outcome) -> bool| outcomes.iter().filter(|(_, o)| is(o)).count();
    let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
    let summary = format!(
        "{} cases: {} passed, {} skipped, {failed} failed",
        outcomes.len(),
        count(|outcome| matches!(outcome, Outcome::Passed)),
        count(|outcome| matches!(outcome, Outcome::Skipped(_))),
    );
    for (name, outcome) in &outcomes {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name}: {}", words(outcome));
    }
    let _ = writeln!(text, "\n{summary}");
    std::fs::write(&arguments.report, text)
        .with_context(|| arguments.report.display().to_string())?;
    println!("{summary}; the report is in {}", arguments.report.display());
    Ok(failed == 0)
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Passed => "passed".to_owned(),
        Outcome::Skipped(why) => format!("SKIPPED: {why}"),
        Outcome::Failed(why) => format!("FAILED: {why}"),
    }
}

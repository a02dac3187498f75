//! `probe`: what the tokens are, and how fast, without a ring.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use hardening::{Role, lock_down};
use keystore::KeyDriver as _;
use keystore_pkcs11::{Config, Pkcs11Driver};
use signer_proto::KeySpec;

/// Looks for the tokens of a configuration, and measures them with keys of their sessions.
#[derive(Parser)]
#[command(name = "signer-pkcs11 probe")]
struct Arguments {
    /// pkcs11.toml.
    #[arg(long, value_name = "FILE")]
    driver_config: PathBuf,
    /// How long each rate is measured; 0 measures none.
    #[arg(long, value_name = "N", default_value_t = 2)]
    seconds: u64,
    /// The algorithms to measure; may be given several times.
    #[arg(long = "spec", value_name = "SPEC", default_values = ["p-256", "p-384", "rsa-3072"])]
    specs: Vec<String>,
    /// How long the tokens are waited for.
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    wait: u64,
    /// Whether the report of the tokens is printed.
    #[arg(long, value_enum, default_value_t = Report::Yes)]
    report: Report,
    /// Writes one line of JSON a token and algorithm instead of the report.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Report {
    /// It is
    Yes,
    /// It is not
    No,
}

/// Runs it.
pub(crate) fn main() -> ExitCode {
    let arguments = Arguments::parse_from(std::env::args_os().skip(1));
    lock_down(Role::SignerPkcs11);
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("signer-pkcs11: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let spec = |text: &String| {
        let all = KeySpec::ALL.iter().copied();
        let mut found = all.filter(|spec| spec.kind().is_some());
        found.find(|spec| spec.as_str() == text).with_context(|| format!("no algorithm {text}"))
    };
    let specs = arguments.specs.iter().map(spec).collect::<anyhow::Result<Vec<_>>>()?;
    let config = Config::read(&arguments.driver_config)?;
    let forker = super::start_forker(&config)?;
    let driver = Pkcs11Driver::start(config, forker).context("no threads")?;
    let there = driver.await_tokens(Duration::from_secs(arguments.wait));
    if !arguments.json && arguments.report == Report::Yes {
        for line in driver.report() {
            println!("{}: {}: {}", line.subject, line.name, line.value);
        }
    }
    if arguments.seconds > 0 {
        for spec in specs {
            measure(&driver, spec, arguments);
        }
    }
    Ok(there)
}

fn measure(driver: &Pkcs11Driver, spec: KeySpec, arguments: &Arguments) {
    for found in driver.rates(spec, Duration::from_secs(arguments.seconds)) {
        let token = found.token;
        match found.rates {
            Ok(rates) if arguments.json => println!(
                "{{\"token\":\"{token}\",\"spec\":\"{spec}\",\"sessions\":{},\"raw\":{:.1},\
                 \"through_helper\":{:.1}}}",
                rates.sessions, rates.raw, rates.through_helper
            ),
            Ok(rates) => println!(
                "token {token}: {spec}: {:.0} signatures/s in the module, {:.0} through its process \
                 ({:.0} %), {} sessions",
                rates.raw,
                rates.through_helper,
                100.0 * rates.through_helper / rates.raw,
                rates.sessions
            ),
            Err(why) => eprintln!("token {token}: {spec}: not measured: {why}"),
        }
    }
}

//! `chancery-va`: validates names and addresses, the only process that connects to applicants.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use chancery_va::{Config, Sockets, run};
use clap::{Parser, Subcommand};
use hardening::{Reach, Report, Role, SelfCheck};

/// The validation authority of Chancery
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves until SIGTERM or SIGINT
    Serve {
        /// The configuration, in TOML
        #[arg(long)]
        config: PathBuf,
        /// Ends when standard input ends
        #[arg(long)]
        parent_pipe: bool,
    },
    /// Reads the configuration and says every fault of it
    Check {
        /// The configuration, in TOML
        #[arg(long)]
        config: PathBuf,
    },
}

fn main() -> ExitCode {
    // Before anything else, and before the first thread.
    let report = hardening::lock_down(Role::Validator);
    let outcome = match Arguments::parse().command {
        Command::Serve { config, parent_pipe } => serve(&config, parent_pipe, report),
        Command::Check { config } => load(&config).map(|_| println!("{}: good", config.display())),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chancery-va: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn load(path: &Path) -> anyhow::Result<Config> {
    Config::load(path).with_context(|| format!("the configuration {}", path.display()))
}

fn serve(path: &Path, parent_pipe: bool, mut report: Report) -> anyhow::Result<()> {
    let config = load(path)?;
    let check = SelfCheck::open().context("/proc/self/status")?;
    let sockets = Sockets::bind(&config)?;
    let places = places(&config);
    let places: Vec<_> = places.iter().map(|(path, reach)| (path.as_path(), *reach)).collect();
    let confined = hardening::confine_to(Role::Validator, &places, &config.tcp_ports());
    confined.into_iter().chain(check.items()).for_each(|item| report.put(item));
    for item in report.items.iter().filter(|item| !item.ok) {
        eprintln!("chancery-va: not locked down: {}: {}", item.name, item.detail);
    }
    if config.strict && !report.is_complete() {
        anyhow::bail!("strict: {}", report.failures());
    }
    // It waits for others nearly all the time. With one thread nobody has to wake another, and a core
    // has room for thousands of validations a second.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    runtime.block_on(run(config, sockets, parent_pipe))?;
    Ok(())
}

/// Lists what stays reachable: the socket's folder to remove it at the end, the signers' to connect,
/// and the files of the resolver.
fn places(config: &Config) -> Vec<(PathBuf, Reach)> {
    let mut places = Vec::new();
    places.extend(config.socket.parent().map(|folder| (folder.to_owned(), Reach::Remove)));
    let runs = std::iter::once(&config.signer_run).chain(config.rings.values());
    places.extend(runs.map(|run| (run.clone(), Reach::Connect)));
    places.extend(config.dns.resolv_conf.iter().map(|file| (file.clone(), Reach::Read)));
    if config.dns.hosts {
        places.push((PathBuf::from("/etc/hosts"), Reach::Read));
    }
    // A signer that is not there yet has no folder perhaps; older kernels let sockets be connected
    // to all the same.
    places.retain(|(path, _)| path.exists());
    places
}

//! `chancery-server`: serves the management API and status.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use chancery_server::{Config, openapi, serve};
use clap::{Parser, Subcommand};
use hardening::{Enforcement, Role};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A request's many small pieces are made in one thread and freed in another: this allocator takes
/// that a good deal cheaper than the C library's (docs/adr/0022-an-allocator-for-the-server.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The unprivileged half of Chancery: it never holds a CA's key
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
    /// Prints the API's description (OpenAPI 3.1)
    Openapi,
}

fn main() -> ExitCode {
    // Before anything else, and before the first thread.
    let report = hardening::lock_down(Role::Server);
    let outcome = match Arguments::parse().command {
        Command::Openapi => {
            print!("{}", openapi::json());
            Ok(())
        }
        Command::Serve { config, parent_pipe } => start(&config, parent_pipe, &report),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chancery-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(path: &Path, parent_pipe: bool, report: &hardening::Report) -> anyhow::Result<()> {
    let config =
        Config::load(path).with_context(|| format!("the configuration {}", path.display()))?;
    for item in report.items.iter().filter(|item| !item.ok) {
        eprintln!("chancery-server: not locked down: {}: {}", item.name, item.detail);
    }
    raise_descriptors();
    keep_out(&config)?;
    install_provider()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("chancery")
        .build()
        .context("start the runtime")?;
    runtime.block_on(serve::run(config, parent_pipe))?;
    Ok(())
}

/// A connection is a descriptor: the soft limit of 1024 is for programs that use select(2).
fn raise_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        eprintln!("chancery-server: the limit of open files stays: {error}");
    }
}

/// Where everything runs under one user, the ring's folder is closed before the first thread.
fn keep_out(config: &Config) -> anyhow::Result<()> {
    if config.keep_out.is_empty() {
        return Ok(());
    }
    let paths: Vec<&Path> = config.keep_out.iter().map(PathBuf::as_path).collect();
    let status = hardening::keep_out_of_all(&paths).context("keep out of the ring")?;
    if status.enforcement == Enforcement::Unavailable {
        eprintln!(
            "chancery-server: ONE UID: the boundary is not enforced, and this kernel has no \
             Landlock to keep the server out of the ring"
        );
    }
    Ok(())
}

/// The database's TLS asks for the process's default.
fn install_provider() -> anyhow::Result<()> {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("another cryptographic provider is installed"))
}

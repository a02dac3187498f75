//! The operator's tool: HTTPS to the server, admin.sock for whatever makes authority.

mod acme;
mod admin;
mod audit;
mod backup;
mod ca_command;
mod ceremony;
mod cert;
mod completion;
mod doctor;
mod exit;
mod freeze;
mod https;
mod inspect;
mod key;
mod key_move;
mod new_key;
mod operator;
mod operators;
mod options;
mod output;
mod passphrase;
mod policy;
mod profile;
mod reconcile;
mod ring;
mod rings;
mod status;
mod token;
mod unlock;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use exit::Outcome;
use options::Global;

/// A private CA whose keys live in another process.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused, 4 not available now, 5 not found,
/// 6 doctor, reconcile, inspect or show-checkpoint found something, 7 operators have yet to approve.
#[derive(Debug, Parser)]
#[command(name = "chancery", version, arg_required_else_help = true)]
struct Chancery {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make what is missing and start signer and server in the foreground
    Up(up::Up),
    /// Make a data directory as `up` does, and start nothing
    Init(up::Init),
    /// Certificates: issue, list, show, renew, revoke
    #[command(subcommand)]
    Cert(cert::Cert),
    /// Certification authorities: list, create, sign, import, retire
    #[command(subcommand)]
    Ca(ca_command::Ca),
    /// Profiles: list, show, create, update, delete
    #[command(subcommand)]
    Profile(profile::Profile),
    /// What the signer's keys may sign: show, set, names
    #[command(subcommand)]
    Policy(policy::Policy),
    /// Keys of the ring: list them, take them to another state
    #[command(subcommand)]
    Key(key::Key),
    /// Who approves what makes authority: list, add, remove, thresholds
    #[command(subcommand)]
    Operators(operators::Operators),
    /// Carry out a reviewed plan; exchange files with a ring that is offline
    #[command(subcommand)]
    Ceremony(ceremony::Ceremony),
    /// Rings beside each other: standby, follower, a journal that lost its end; checkpoints
    #[command(subcommand)]
    Ring(ring::Ring),
    /// Stop all issuance; CRLs, OCSP and revocation go on
    Freeze(freeze::Freeze),
    /// Let issuance go on
    Unfreeze(freeze::Unfreeze),
    /// API tokens: list, create, revoke
    #[command(subcommand)]
    Token(token::Token),
    /// ACME: external account keys, planned renewals
    #[command(subcommand)]
    Acme(acme::Acme),
    /// Open the ring of a signer that runs and is locked
    Unlock(unlock::Unlock),
    /// How server and signer are
    Status,
    /// Say whether this signer issued a certificate, or somebody else has its key
    Inspect(inspect::Inspect),
    /// Compare the inventory with the signer's journal, both ways
    Reconcile(reconcile::Reconcile),
    /// Compare the server's audit log with its anchors in the signer's journal
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Look for what is wrong and say how to mend it
    Doctor(doctor::Doctor),
    /// Copy a data directory while it is in use
    Backup(backup::Backup),
    /// Make a data directory from a copy
    Restore(backup::Restore),
    /// Print completions for a shell
    Completion(completion::Completion),
}

fn main() -> ExitCode {
    // First of all: nothing of this process may land in a core dump, it may hold a token or key.
    hardening::lock_down(hardening::Role::Tool);
    let chancery = Chancery::parse();
    let outcome = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(exit::Failure::from)
        .and_then(|runtime| runtime.block_on(run(chancery)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("chancery: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

async fn run(chancery: Chancery) -> Outcome {
    let global = &chancery.global;
    match chancery.command {
        Command::Up(up) => up.run(global).await,
        Command::Init(init) => init.run(global).await,
        Command::Cert(cert) => cert.run(global).await,
        Command::Ca(ca) => ca.run(global).await,
        Command::Profile(profile) => profile.run(global).await,
        Command::Policy(policy) => policy.run(global).await,
        Command::Key(key) => key.run(global).await,
        Command::Operators(operators) => operators.run(global).await,
        Command::Ceremony(ceremony) => ceremony.run(global).await,
        Command::Ring(ring) => ring.run(global).await,
        Command::Freeze(freeze) => freeze.run(global).await,
        Command::Unfreeze(unfreeze) => unfreeze.run(global).await,
        Command::Token(token) => token.run(global).await,
        Command::Acme(acme) => acme.run(global).await,
        Command::Unlock(unlock) => unlock.run(global).await,
        Command::Status => status::run(global).await,
        Command::Inspect(inspect) => inspect.run(global).await,
        Command::Reconcile(reconcile) => reconcile.run(global).await,
        Command::Audit(audit) => audit.run(global).await,
        Command::Doctor(doctor) => doctor.run(global).await,
        Command::Backup(backup) => backup.run(global).await,
        Command::Restore(restore) => restore.run(global),
        Command::Completion(completion) => completion.run::<Chancery>(),
    }
}

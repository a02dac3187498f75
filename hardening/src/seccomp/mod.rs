//! System calls that a process may not make, in two stages.
//!
//! [`deny`] comes first in main: what no process of ours ever needs fails with EPERM from then on.
//! [`seal`] comes last, before the first request is answered: what the table of the steady state
//! does not list kills the process. The tables are data ([`table`]), from which docs/SANDBOX.md and
//! the profiles of deploy/ are made.

mod drivers;
mod filter;
pub mod table;

use std::fmt::Write as _;

use crate::report::{Item, Role};
pub use drivers::{ALLOWED_KMS, ALLOWED_PKCS11};
use drivers::{DENIED_MODULE, EXECUTION};
pub use filter::FilterError;
use filter::{Verdict, install};
use table::{
    ALLOWED, DENIED, DENIED_LISTENING, DENIED_SERVER, DENIED_SIGNER, DENIED_VALIDATOR, STARTING,
    UNREADABLE,
};

const NAME: &str = "seccomp";

/// Refuses what the role never needs. The operator's tool starts programs, and is left alone.
pub(crate) fn deny(role: Role) -> Option<Item> {
    let more: &[table::Row] = match role {
        Role::Signer => DENIED_SIGNER,
        // It has a forker to start, which has programs to start, which may have a network to reach:
        // filters are inherited. What is left out here, `deny_later` makes up for.
        Role::SignerPkcs11 | Role::Forker => return Some(deny_but_execution()),
        Role::Module => DENIED_MODULE,
        // Its driver connects to a cloud service, as the server does to its database.
        Role::SignerKms | Role::Server => DENIED_SERVER,
        Role::Validator => DENIED_VALIDATOR,
        Role::Tool => return None,
    };
    let rows: Vec<_> = DENIED.iter().chain(more).copied().collect();
    Some(first_stage(&rows))
}

fn first_stage(rows: &[table::Row]) -> Item {
    let result = install(rows, Verdict::Deny)
        .and_then(|()| install(UNREADABLE, Verdict::Missing))
        .map(|()| format!("{} calls denied", rows.len()));
    Item::from_result(NAME, result)
}

fn deny_but_execution() -> Item {
    let is_kept = |row: &&table::Row| EXECUTION.iter().all(|kept| kept.number != row.number);
    let rows: Vec<_> = DENIED.iter().filter(is_kept).copied().collect();
    first_stage(&rows)
}

/// Refuses what was needed until now: a signer its forker, who validates its own socket.
pub(crate) fn deny_later(role: Role) -> Option<Item> {
    let rows: Vec<_> = match role {
        Role::SignerPkcs11 => EXECUTION.iter().chain(DENIED_SIGNER).copied().collect(),
        Role::Validator => DENIED_LISTENING.to_vec(),
        _ => return None,
    };
    let result = install(&rows, Verdict::Deny);
    Some(Item::from_result(
        "seccomp, later",
        result.map(|()| format!("{} calls denied", rows.len())),
    ))
}

/// Refuses a module the sockets that its configuration does not give it.
pub(crate) fn deny_sockets(reach: SocketReach) -> Item {
    let rows = match reach {
        SocketReach::None => drivers::DENIED_WITHOUT_SOCKETS,
        SocketReach::Local => DENIED_SIGNER.get(..1).unwrap_or_default(),
        SocketReach::Network => DENIED_SERVER,
    };
    let result = install(rows, Verdict::Deny);
    Item::from_result("seccomp, sockets", result.map(|()| format!("{} calls denied", rows.len())))
}

/// How far a module's sockets reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketReach {
    /// It has none.
    None,
    /// To daemons on this machine.
    Local,
    /// To TCP ports that Landlock lets through, and to name servers.
    Network,
}

/// Kills the process, all its threads, on whatever the table of the steady state does not list.
/// For the signer; it cannot be taken back.
pub fn seal(role: Role) -> Item {
    let rows: Vec<_> = ALLOWED.iter().chain(driver_rows(role)).copied().collect();
    let result = install(&rows, Verdict::AllowOnly);
    Item::from_result(NAME, result.map(|()| format!("{} calls allowed", rows.len())))
}

/// What a driver of keys that are elsewhere needs besides.
fn driver_rows(role: Role) -> &'static [table::Row] {
    match role {
        Role::SignerPkcs11 => ALLOWED_PKCS11,
        Role::SignerKms => ALLOWED_KMS,
        Role::Signer
        | Role::Forker
        | Role::Module
        | Role::Server
        | Role::Validator
        | Role::Tool => &[],
    }
}

/// Returns the tables as the Markdown that stands in docs/SANDBOX.md.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::new();
    let mut part = |title: &str, rows: &[&[table::Row]]| {
        // Writing to a String cannot fail.
        let _ = write!(text, "### {title}\n\n| call | only if | why |\n|---|---|---|\n");
        for row in rows.iter().copied().flatten() {
            let when = if row.when.is_empty() { String::new() } else { row.condition() };
            let kept = row.kept.map(|kept| format!(" *Kept: {kept}.*")).unwrap_or_default();
            let _ = writeln!(text, "| `{}` | {when} | {}{kept} |", row.name(), row.why);
        }
        text.push('\n');
    };
    part("Allowed to a signer that serves", &[ALLOWED]);
    part("Allowed besides to signer-pkcs11", &[ALLOWED_PKCS11]);
    part("Allowed besides to signer-kms", &[ALLOWED_KMS]);
    part("Needed besides, until it serves", &[STARTING]);
    part("Denied to signer and server from the start", &[DENIED]);
    part("Denied to the signer besides", &[DENIED_SIGNER]);
    part("Denied to the server besides", &[DENIED_SERVER]);
    part("Denied to p11-module besides, which has a vendor's module loaded", &[DENIED_MODULE]);
    part(
        "Denied to it, too, where the module connects to nothing",
        &[drivers::DENIED_WITHOUT_SOCKETS],
    );
    part("Denied to the validation authority besides", &[DENIED_VALIDATOR]);
    part("Denied to it once its socket listens", &[DENIED_LISTENING]);
    part("Said to be missing (ENOSYS)", &[UNREADABLE]);
    text
}

/// Names the calls that a filter around a signer must let through, on any of our processors.
#[must_use]
pub fn names_from_outside() -> Vec<&'static str> {
    /// What the calls of x86_64 are where there are only the newer ones.
    const ELSEWHERE: [&str; 6] =
        ["faccessat", "fchmodat", "fchownat", "mkdirat", "renameat", "unlinkat"];
    let mut names: Vec<_> = ALLOWED.iter().chain(STARTING).map(table::Row::name).collect();
    names.extend(ELSEWHERE);
    names.sort_unstable();
    names.dedup();
    names
}

/// Returns the profile of deploy/container, in the form of the OCI runtime specification.
#[must_use]
pub fn container_profile() -> String {
    /// What a runtime calls itself between its filter and the exec.
    const RUNTIME: [&str; 20] = [
        "capset",
        "chdir",
        "epoll_ctl",
        "epoll_pwait",
        "epoll_wait",
        "eventfd2",
        "fchdir",
        "fstat",
        "fstatfs",
        "getcwd",
        "getpid",
        "getppid",
        "nanosleep",
        "pipe2",
        "readlinkat",
        "sched_yield",
        "setgid",
        "setgroups",
        "setuid",
        "tgkill",
    ];
    let list = |names: &[&str]| {
        let quoted: Vec<_> = names.iter().map(|name| format!("        \"{name}\"")).collect();
        quoted.join(",\n")
    };
    format!(
        "{{\n  \"defaultAction\": \"SCMP_ACT_ERRNO\",\n  \"defaultErrnoRet\": 1,\n  \
         \"architectures\": [\"SCMP_ARCH_X86_64\", \"SCMP_ARCH_AARCH64\"],\n  \"syscalls\": [\n    \
         {{\n      \"comment\": \"signer-file, from its exec on\",\n      \"names\": [\n{}\n      ],\n      \
         \"action\": \"SCMP_ACT_ALLOW\"\n    }},\n    {{\n      \"comment\": \"the container runtime, \
         before the exec\",\n      \"names\": [\n{}\n      ],\n      \"action\": \"SCMP_ACT_ALLOW\"\n    \
         }}\n  ]\n}}\n",
        list(&names_from_outside()),
        list(&RUNTIME),
    )
}

//! The measures that every process takes first, each read back before it is called done.

use crate::report::{Item, Report, Role};
use crate::{capabilities, descriptors, memory, seccomp, threads};
use rustix::fs::Mode;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, dumpable_behavior, getrlimit, set_dumpable_behavior,
    setrlimit, umask,
};
use rustix::thread::{no_new_privs, set_no_new_privs};
use secret_memory::Kind;

/// Locks the process down for its role and returns the outcome of each measure.
///
/// Call it first in main: several measures bind only the calling thread and those it starts.
/// Nothing fails here; the caller decides by the [`Report`] whether to go on.
pub fn lock_down(role: Role) -> Report {
    let items = vec![
        Some(single_thread()),
        Some(descriptors::report()),
        Some(no_core()),
        Some(not_dumpable()),
        Some(private_files(role)),
        role.is_signer().then(secret_memory),
        Some(memory::lock(role)),
        Some(capabilities::drop_first(role)),
        Some(no_privileges()),
        seccomp::deny(role),
    ];
    Report { items: items.into_iter().flatten().collect() }
}

fn single_thread() -> Item {
    match threads::count() {
        Ok(1) => Item::good("threads", "one"),
        Ok(count) => Item::bad("threads", format!("{count}: the others are not locked down")),
        Err(error) => Item::bad("threads", format!("/proc/self/task: {error}")),
    }
}

/// A core file would hold the keys.
fn no_core() -> Item {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let result = setrlimit(Resource::Core, none).map_err(|error| error.to_string());
    let result = result.and_then(|()| {
        if getrlimit(Resource::Core) == none {
            Ok("RLIMIT_CORE 0".to_owned())
        } else {
            Err("RLIMIT_CORE was not taken".to_owned())
        }
    });
    Item::from_result("core dumps", result)
}

/// Not dumpable also means: no ptrace and no /proc/PID/mem for another process of the same uid.
fn not_dumpable() -> Item {
    let result = set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .and_then(|()| dumpable_behavior())
        .map_err(|error| error.to_string());
    let result = result.and_then(|now| match now {
        DumpableBehavior::NotDumpable => Ok("not dumpable, no ptrace".to_owned()),
        _ => Err("still dumpable".to_owned()),
    });
    Item::from_result("dumpable", result)
}

/// Made now: the calls that make it are forbidden later.
fn secret_memory() -> Item {
    const NAME: &str = "secret memory";
    match secret_memory::kind() {
        Some(Kind::Unreadable) => Item::good(NAME, "memfd_secret: no other process reads it"),
        Some(Kind::Locked) => {
            Item::good(NAME, "locked, left out of dumps; no memfd_secret: root reads it")
        }
        Some(Kind::Swappable) => Item::bad(NAME, "may be swapped: RLIMIT_MEMLOCK is too small"),
        None => Item::bad(NAME, "none can be had"),
    }
}

/// New files belong to their owner alone unless the code says otherwise.
fn private_files(role: Role) -> Item {
    if role == Role::Tool {
        return Item::good("umask", "the user's own");
    }
    let private = Mode::RWXG | Mode::RWXO;
    umask(private);
    // umask(2) has no getter: setting it again returns what is in force.
    if umask(private) == private {
        Item::good("umask", "077")
    } else {
        Item::bad("umask", "077 was not taken")
    }
}

/// No set-uid program raises this process or what it starts.
fn no_privileges() -> Item {
    let result =
        set_no_new_privs(true).and_then(|()| no_new_privs()).map_err(|error| error.to_string());
    let result = result.and_then(|set| match set {
        true => Ok("set".to_owned()),
        false => Err("not set".to_owned()),
    });
    Item::from_result("no new privileges", result)
}

//! Keeps the process's memory out of swap.

use crate::report::{Item, Role};
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const NAME: &str = "memory";
/// Under this limit MCL_FUTURE makes later mappings fail: each thread's stack and arena counts
/// with its whole address range, touched or not.
const ENOUGH: u64 = 512 * 1024 * 1024;

/// Locks all present and future memory of a process that holds keys, where the limit allows.
///
/// Under a low limit nothing but the secret memory is locked, and the report says so.
pub(crate) fn lock(role: Role) -> Item {
    if !role.is_signer() {
        return Item::good(NAME, "not locked: the process holds no key of the ring");
    }
    let limit = raise_limit();
    // CAP_IPC_LOCK would be above the limit, but the signer keeps no capability.
    if limit.is_some_and(|bytes| bytes < ENOUGH) {
        let mib = limit.unwrap_or(0) / (1024 * 1024);
        return Item::bad(
            NAME,
            format!("not locked: RLIMIT_MEMLOCK is {mib} MiB, 512 are needed; disable swap"),
        );
    }
    // MCL_ONFAULT: pages are locked as they are touched; without it every stack becomes resident.
    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    Item::from_result(
        NAME,
        mlockall(flags).map(|()| "locked".to_owned()).map_err(|error| format!("mlockall: {error}")),
    )
}

/// Raises the limit as far as this process may; returns it in bytes, `None` for no limit.
fn raise_limit() -> Option<u64> {
    let unlimited = Rlimit { current: None, maximum: None };
    // Only CAP_SYS_RESOURCE may raise the hard limit; the soft one follows it for everybody.
    if setrlimit(Resource::Memlock, unlimited).is_err() {
        let maximum = getrlimit(Resource::Memlock).maximum;
        let raised = Rlimit { current: maximum, maximum };
        // A refusal leaves the old soft limit, and that one is read back below.
        let _ = setrlimit(Resource::Memlock, raised);
    }
    getrlimit(Resource::Memlock).current
}

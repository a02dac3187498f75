//! `lock_down`, seen from inside the process and through /proc.

use super::{PLACE, Test, child, expect_success};
use hardening::{Role, lock_down};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, dumpable_behavior, getrlimit, setrlimit,
};
use rustix::thread::{CapabilitySet, Uid, capabilities, set_keep_capabilities, set_thread_uid};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

pub(crate) const TESTS: &[Test] = &[
    ("signer_gives_up_what_it_must", signer_gives_up_what_it_must),
    ("tool_keeps_the_users_umask", tool_keeps_the_users_umask),
    ("memory_is_not_locked_under_a_low_limit", memory_is_not_locked_under_a_low_limit),
    ("memory_is_locked_without_a_limit", memory_is_locked_without_a_limit),
    ("other_threads_are_reported", other_threads_are_reported),
    ("inherited_descriptors_are_reported", inherited_descriptors_are_reported),
    ("capabilities_are_dropped_without_root", capabilities_are_dropped_without_root),
];

pub(crate) const ROLES: &[Test] = &[
    ("signer", as_signer),
    ("tool", as_tool),
    ("low-memory-limit", as_low_memory_limit),
    ("no-memory-limit", as_no_memory_limit),
    ("threads", as_threads),
    ("descriptors", as_descriptors),
    ("capabilities", as_capabilities),
];

const NOBODY: u32 = 65534;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn status_field(name: &str) -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name}")).trim().to_owned()
}

fn assert_ok(report: &hardening::Report, name: &str, expected: bool) {
    let item = report.get(name).unwrap_or_else(|| panic!("no item {name}"));
    assert_eq!(item.ok, expected, "{report}");
}

fn signer_gives_up_what_it_must() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = child("signer");
    command.env(PLACE, dir.path());
    expect_success(command);
}

fn as_signer() {
    assert_eq!(status_field("NoNewPrivs:"), "0");
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::Dumpable);
    let report = lock_down(Role::Signer);
    for name in ["threads", "core dumps", "dumpable", "umask", "no new privileges", "seccomp"] {
        assert_ok(&report, name, true);
    }
    assert_eq!(status_field("NoNewPrivs:"), "1");
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    let core = getrlimit(Resource::Core);
    assert_eq!((core.current, core.maximum), (Some(0), Some(0)));
    let file = PathBuf::from(std::env::var_os(PLACE).unwrap()).join("new");
    fs::write(&file, b"").unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

fn tool_keeps_the_users_umask() {
    expect_success(child("tool"));
}

fn as_tool() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let report = lock_down(Role::Tool);
    assert_ok(&report, "umask", true);
    assert_ok(&report, "dumpable", true);
    assert_eq!(rustix::process::umask(rustix::fs::Mode::empty()).as_raw_mode(), 0o022);
}

fn memory_is_not_locked_under_a_low_limit() {
    expect_success(child("low-memory-limit"));
}

fn as_low_memory_limit() {
    let low = Some(8 << 20);
    setrlimit(Resource::Memlock, Rlimit { current: low, maximum: low }).unwrap();
    if is_root() {
        // Root could raise the limit again, or lock above it.
        set_thread_uid(Uid::from_raw(NOBODY)).unwrap();
    }
    let report = lock_down(Role::Signer);
    assert_ok(&report, "memory", false);
    let detail = &report.get("memory").unwrap().detail;
    assert!(detail.contains("RLIMIT_MEMLOCK is 8 MiB"), "{detail}");
    // But for the arena of the few secrets, where the kernel takes it.
    let locked = status_field("VmLck:");
    assert!(["0 kB", "48 kB"].contains(&locked.as_str()), "{locked}");
    assert_ok(&report, "secret memory", true);
    assert_ok(&lock_down(Role::Server), "memory", true);
}

fn memory_is_locked_without_a_limit() {
    expect_success(child("no-memory-limit"));
}

fn as_no_memory_limit() {
    let limit = getrlimit(Resource::Memlock).maximum;
    let held = capabilities(None).unwrap().effective;
    // CAP_IPC_LOCK is none: a signer keeps no capability, and would fail at its next mapping.
    let may = is_root() && held.contains(CapabilitySet::SYS_RESOURCE);
    if !may && limit.is_some_and(|bytes| bytes < 512 << 20) {
        // What an ordinary user may not raise is the other test's case.
        assert_ok(&lock_down(Role::Signer), "memory", false);
        return;
    }
    assert_ok(&lock_down(Role::Signer), "memory", true);
    assert_ne!(status_field("VmLck:"), "0 kB");
    // Later mappings work, and are locked as well.
    let thread =
        std::thread::spawn(|| vec![1_u8; 64 << 20].iter().map(|b| u64::from(*b)).sum::<u64>());
    assert_eq!(thread.join().unwrap(), 64_u64 << 20);
}

fn other_threads_are_reported() {
    expect_success(child("threads"));
}

fn as_threads() {
    let (hold, release) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || release.recv());
    assert_ok(&lock_down(Role::Server), "threads", false);
    drop(hold);
    let _ = thread.join();
}

fn inherited_descriptors_are_reported() {
    expect_success(child("descriptors"));
}

fn as_descriptors() {
    let detail = |report: &hardening::Report| report.get("descriptors").unwrap().detail.clone();
    // cargo and shells may leave theirs open: only the difference is this test's.
    let before = detail(&lock_down(Role::Server));
    let copy = rustix::io::dup(std::io::stdin()).unwrap();
    let with_copy = lock_down(Role::Server);
    assert_ok(&with_copy, "descriptors", false);
    let number = std::os::fd::AsRawFd::as_raw_fd(&copy);
    assert!(detail(&with_copy).contains(&number.to_string()), "{with_copy}");
    drop(copy);
    assert_eq!(detail(&lock_down(Role::Server)), before);
}

fn capabilities_are_dropped_without_root() {
    expect_success(child("capabilities"));
}

fn as_capabilities() {
    if is_root() {
        // The strongest case: another uid that kept what root had.
        set_keep_capabilities(true).unwrap();
        set_thread_uid(Uid::from_raw(NOBODY)).unwrap();
        assert!(!capabilities(None).unwrap().permitted.is_empty());
    }
    assert_ok(&lock_down(Role::Signer), "capabilities", true);
    let left = capabilities(None).unwrap();
    assert_eq!(left.permitted, CapabilitySet::empty());
    assert_eq!(left.effective, CapabilitySet::empty());
}

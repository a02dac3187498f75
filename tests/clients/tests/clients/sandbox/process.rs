//! What the kernel says of a signer that serves, and what becomes of a core dump.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use kit::tool;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Confined, prepared};

#[test]
fn the_status_of_a_signer_shows_what_it_gave_up() {
    let Some(stack) = prepared() else { return };
    let signer = Confined::signer(&stack, Path::new("/"));
    signer.must_have_given_up(6);
    let limits = fs::read_to_string(format!("/proc/{}/limits", signer.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{core}");
    // The twin: this process has given up nothing.
    let own = fs::read_to_string("/proc/self/status").unwrap();
    assert!(own.contains("Seccomp:\t0") && own.contains("NoNewPrivs:\t0"), "{own}");
}

#[test]
fn the_journal_holds_the_self_check_of_every_start() {
    let Some(stack) = prepared() else { return };
    drop(Confined::signer(&stack, Path::new("/")));
    let owner = fs::metadata(stack.ring()).unwrap();
    let mut journal = Command::new(kit::program("signer-file"));
    journal.args(["journal", "--json", "--ring"]).arg(stack.ring()).current_dir("/");
    let output = journal.uid(owner.uid()).gid(owner.gid()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut opened = text.lines().rev().filter_map(|line| {
        let leaf: serde_json::Value = serde_json::from_str(line).unwrap();
        (leaf["type"] == "Opened").then(|| leaf["report"].as_str().unwrap().to_owned())
    });
    let last = opened.next().expect("a start");
    for line in [
        "ok  seccomp",
        "ok  landlock",
        "ok  paths outside",
        "ok  network",
        "ok  capabilities",
        "ok  dumpable",
        "ok  core dumps",
        "ok  secret memory",
        "ok  status: seccomp",
        "ok  status: no new privileges",
        "ok  status: capabilities",
    ] {
        assert!(last.contains(line), "{line}: {last}");
    }
}

/// Signals whose default action dumps core.
const DUMPING: [Signal; 3] = [Signal::SIGQUIT, Signal::SIGSEGV, Signal::SIGABRT];

#[test]
fn a_core_dump_that_is_asked_for_leaves_no_file() {
    let Some(stack) = prepared() else { return };
    let Some(prlimit) = tool("prlimit") else { return };
    let folder = stack.dir().join("cores");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o1777)).unwrap();
    let unlimited = || {
        let mut command = Command::new(&prlimit);
        command.arg("--core=unlimited");
        command
    };
    for signal in DUMPING {
        let mut command = unlimited();
        command.arg(kit::program("signer-file"));
        let mut signer = Confined::signer_by(command, &stack, &folder);
        kill(Pid::from_raw(signer.id()), signal).unwrap();
        if signal == Signal::SIGSEGV {
            // Rust's handler takes the first one, finds no fault and takes itself away.
            let caught = 1_u64 << (signal as u32 - 1);
            stack.eventually("the handler is gone", Duration::from_secs(5), || {
                u64::from_str_radix(&signer.status("SigCgt"), 16).unwrap() & caught == 0
            });
            kill(Pid::from_raw(signer.id()), signal).unwrap();
        }
        let status = signer.0.wait().unwrap();
        assert_eq!(status.signal(), Some(signal as i32));
        assert!(!status.core_dumped(), "{signal}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "{signal}");
    }
    // The twin: a program that does not forbid it leaves one.
    let mut sleep = unlimited();
    sleep.args(["sleep", "100"]).current_dir(&folder).stdout(Stdio::null());
    let mut sleep = sleep.spawn().unwrap();
    let comm = format!("/proc/{}/comm", sleep.id());
    stack.eventually("sleep runs", Duration::from_secs(5), || {
        fs::read_to_string(&comm).is_ok_and(|name| name.trim() == "sleep")
    });
    kill(Pid::from_raw(sleep.id().cast_signed()), Signal::SIGSEGV).unwrap();
    let status = sleep.wait().unwrap();
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    if pattern.starts_with('|') || pattern.starts_with('/') {
        println!("the twin's core went to {pattern}");
    } else {
        assert!(status.core_dumped(), "{status}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "the search sees a core file");
    }
}

#[test]
fn a_strict_signer_keeps_the_ring_locked_and_names_the_item_that_fails() {
    let Some(stack) = prepared() else { return };
    let Some(prlimit) = tool("prlimit") else { return };
    let owner = fs::metadata(stack.ring()).unwrap();
    let serve = |strict: bool| {
        let mut command = Command::new(&prlimit);
        command.arg("--memlock=1048576:1048576").arg(kit::program("signer-file"));
        command.arg("serve").arg("--ring").arg(stack.ring()).arg("--run").arg(stack.run_dir());
        command.arg("--unlock-credential").arg(stack.data().join("unlock.key"));
        command.arg("--parent-pipe").args(strict.then_some("--strict"));
        command.uid(owner.uid()).gid(owner.gid()).current_dir("/");
        // It ends at once if it is not strict: nobody holds the other end of its input.
        command.stdin(Stdio::null()).output().unwrap()
    };
    let strict = serve(true);
    let told = String::from_utf8_lossy(&strict.stderr).into_owned();
    assert!(!strict.status.success() && strict.stdout.is_empty(), "{told}");
    let last = told.lines().last().unwrap();
    assert!(last.contains("self-check-failed: strict mode: "), "{told}");
    assert!(last.contains("memory: not locked: RLIMIT_MEMLOCK is 1 MiB"), "{told}");
    // The twin: without strict mode it says the same and serves.
    let lenient = serve(false);
    assert!(lenient.status.success(), "{lenient:?}");
    assert_eq!(String::from_utf8_lossy(&lenient.stdout), "ready\n");
    assert!(String::from_utf8_lossy(&lenient.stderr).contains("no  memory"), "{lenient:?}");
}

//! The same of the real `chancery-va`: the process that connects to whoever asks for certificates.
//!
//! Its filter refuses and does not kill (docs/SANDBOX.md), so that what is put into it returns EPERM.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use kit::{Stack, program, tool};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::inject::{Argument, Outcome, inject};
use super::{Confined, prepared};
use Argument::{Number as N, Octets as O};

/// Starts it as `up` does.
fn start(stack: &Stack) -> Confined {
    start_by(Command::new(program("chancery-va")), stack, Path::new("/"))
}

/// Starts it by another program, which takes it and its arguments last.
fn start_by(mut command: Command, stack: &Stack, directory: &Path) -> Confined {
    let config = stack.data().join("va/va.toml");
    command.arg("serve").arg("--config").arg(&config);
    Confined::start(command, &config, directory, "ready socket=")
}

#[test]
fn the_status_of_a_validator_shows_what_it_gave_up() {
    let Some(stack) = prepared() else { return };
    let validator = start(&stack);
    validator.must_have_given_up(1);
}

/// What each would be good for is said in docs/SANDBOX.md.
const DENIED: &[(&str, i64, &[Argument])] = &[
    ("execve", libc::SYS_execve, &[O(b"/bin/true"), N(0), N(0)]),
    ("execveat", libc::SYS_execveat, &[N(-100), O(b"/bin/true"), N(0), N(0), N(0)]),
    ("ptrace", libc::SYS_ptrace, &[N(16), N(1), N(0), N(0)]),
    ("process_vm_readv", libc::SYS_process_vm_readv, &[N(1)]),
    ("io_uring_setup", libc::SYS_io_uring_setup, &[N(1), N(0)]),
    ("bpf", libc::SYS_bpf, &[N(0), N(0), N(0)]),
    ("mount", libc::SYS_mount, &[N(0), O(b"/tmp"), N(0), N(0), N(0)]),
    ("unshare", libc::SYS_unshare, &[N(libc::CLONE_NEWUSER as i64)]),
    ("setns", libc::SYS_setns, &[N(0), N(0)]),
    ("clone into a namespace", libc::SYS_clone, &[N(libc::CLONE_NEWUSER as i64)]),
    ("setuid", libc::SYS_setuid, &[N(0)]),
    ("open_by_handle_at", libc::SYS_open_by_handle_at, &[N(0), N(0), N(0)]),
    ("listen", libc::SYS_listen, &[N(0), N(1)]),
    ("socket AF_NETLINK", libc::SYS_socket, &[N(libc::AF_NETLINK as i64), N(3), N(0)]),
    ("socket AF_PACKET", libc::SYS_socket, &[N(libc::AF_PACKET as i64), N(3), N(0)]),
];

#[test]
fn every_call_that_is_put_into_a_validator_and_denied_does_nothing() {
    let Some(stack) = prepared() else { return };
    let validator = start(&stack);
    for (name, call, arguments) in DENIED {
        let outcome = inject(&validator, *call, arguments);
        assert_eq!(outcome, Outcome::Returned(-i64::from(libc::EPERM)), "{name}");
    }
    // The C library asks for `clone` instead, whose flags the filter sees.
    let missing = Outcome::Returned(-i64::from(libc::ENOSYS));
    assert_eq!(inject(&validator, libc::SYS_clone3, &[N(0), N(0)]), missing);
    let id = Outcome::Returned(i64::from(validator.id()));
    assert_eq!(inject(&validator, libc::SYS_getpid, &[]), id, "it goes on");
}

#[test]
fn a_validator_opens_no_path_outside_its_own() {
    let Some(stack) = prepared() else { return };
    let validator = start(&stack);
    let open = |path: &'static [u8], flags: i32| {
        inject(&validator, libc::SYS_openat, &[N(-100), O(path), N(i64::from(flags)), N(0o600)])
    };
    let denied = Outcome::Returned(-i64::from(libc::EACCES));
    let octets = |path: &Path| -> &'static [u8] {
        Box::leak(path.display().to_string().into_bytes().into_boxed_slice())
    };
    let of_others = [
        stack.ring().join("ring.toml"),
        stack.data().join("unlock.key"),
        stack.data().join("server/server.toml"),
        // Its own configuration, which it has read.
        stack.data().join("va/va.toml"),
    ];
    let mut paths: Vec<&'static [u8]> = of_others.iter().map(|path| octets(path)).collect();
    paths.extend([&b"/etc/passwd"[..], b"/", b"/proc/self/mem", b"/dev/null", b"/tmp"]);
    for path in paths {
        assert_eq!(open(path, libc::O_RDONLY), denied, "{}", String::from_utf8_lossy(path));
    }
    assert_eq!(open(b"/tmp/made-by-a-validator", libc::O_CREAT | libc::O_WRONLY), denied);
    assert!(!Path::new("/tmp/made-by-a-validator").exists());
    // The twin: what its resolver reads opens.
    match open(b"/etc/hosts", libc::O_RDONLY) {
        Outcome::Returned(number) if number > 2 => {}
        other => panic!("{other:?}"),
    }
}

/// `sockaddr_in` of a port of 127.0.0.1.
const fn loopback(port: u16) -> [u8; 16] {
    let [high, low] = port.to_be_bytes();
    [2, 0, high, low, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]
}

const CLOSED: [&[u8]; 4] = [&loopback(22), &loopback(5432), &loopback(8443), &loopback(6379)];
const OPEN: [&[u8]; 2] = [&loopback(80), &loopback(443)];

#[test]
fn a_validator_connects_to_the_ports_of_challenges_and_to_no_other() {
    let Some(stack) = prepared() else { return };
    let validator = start(&stack);
    let connect = |address: &'static [u8]| {
        let made = inject(&validator, libc::SYS_socket, &[N(libc::AF_INET as i64), N(1), N(0)]);
        let Outcome::Returned(socket) = made else { panic!("{made:?}") };
        assert!(socket > 2, "{socket}");
        inject(&validator, libc::SYS_connect, &[N(socket), O(address), N(16)])
    };
    let denied = Outcome::Returned(-i64::from(libc::EACCES));
    for address in CLOSED {
        assert_eq!(connect(address), denied, "{address:?}");
    }
    // The twin: where challenges are it may try, and nobody listens there, or somebody does.
    for address in OPEN {
        let tried = connect(address);
        assert_ne!(tried, denied, "{address:?}");
        assert_ne!(tried, Outcome::Returned(-i64::from(libc::EPERM)), "{address:?}");
    }
}

#[test]
fn a_validator_leaves_no_core() {
    let Some(stack) = prepared() else { return };
    let Some(prlimit) = tool("prlimit") else { return };
    let folder = stack.dir().join("cores");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o1777)).unwrap();
    for signal in [Signal::SIGABRT, Signal::SIGQUIT, Signal::SIGSYS] {
        let mut command = Command::new(&prlimit);
        command.arg("--core=unlimited").arg(program("chancery-va"));
        let mut validator = start_by(command, &stack, &folder);
        kill(Pid::from_raw(validator.id()), signal).unwrap();
        let status = validator.0.wait().unwrap();
        assert_eq!(status.signal(), Some(signal as i32));
        assert!(!status.core_dumped(), "{signal}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "{signal}");
    }
}

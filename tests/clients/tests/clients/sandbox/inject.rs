//! System calls put into a signer that serves, by ptrace(2): each kills it, or is refused.

use std::path::Path;

use kit::Stack;
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::{Confined, prepared};

/// What became of a call.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It returned this.
    Returned(i64),
    /// The process was killed by this signal.
    Killed(Signal),
}

/// An argument of a call.
#[derive(Debug, Clone, Copy)]
pub(super) enum Argument {
    Number(i64),
    /// The address of these octets, written below the thread's stack, and a zero.
    Octets(&'static [u8]),
}

use Argument::{Number as N, Octets as O};

/// Has the signer's first thread, which waits inside a call, make another one.
pub(super) fn inject(signer: &Confined, call: i64, arguments: &[Argument]) -> Outcome {
    const SYSCALL: i64 = 0x050f;
    let pid = Pid::from_raw(signer.id());
    await_waiting(signer);
    ptrace::attach(pid).unwrap();
    assert!(matches!(wait(pid), WaitStatus::Stopped(_, _)));
    let before = ptrace::getregs(pid).unwrap();
    let mut registers = before;
    // It waits in a call: the instruction that made it lies just before the next one.
    registers.rip -= 2;
    let instruction = ptrace::read(pid, address(registers.rip)).unwrap();
    assert_eq!(instruction & 0xffff, SYSCALL, "{instruction:x}");
    let mut below = (before.rsp - 8192) & !0xfff;
    let mut values = [0_u64; 6];
    for (value, argument) in values.iter_mut().zip(arguments) {
        *value = match argument {
            N(number) => number.cast_unsigned(),
            O(octets) => {
                let place = below;
                for chunk in [octets, &b"\0"[..]].concat().chunks(8) {
                    let mut word = [0; 8];
                    word[..chunk.len()].copy_from_slice(chunk);
                    ptrace::write(pid, address(below), i64::from_ne_bytes(word)).unwrap();
                    below += 8;
                }
                place
            }
        };
    }
    registers.rax = call.cast_unsigned();
    // No call is to be restarted in the place of this one.
    registers.orig_rax = u64::MAX;
    [registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9] =
        values;
    ptrace::setregs(pid, registers).unwrap();
    ptrace::step(pid, None).unwrap();
    match wait(pid) {
        WaitStatus::Signaled(_, signal, core) => {
            assert!(!core, "a core was dumped");
            Outcome::Killed(signal)
        }
        WaitStatus::Stopped(_, Signal::SIGTRAP) => {
            let returned = ptrace::getregs(pid).unwrap().rax.cast_signed();
            ptrace::setregs(pid, before).unwrap();
            ptrace::detach(pid, None).unwrap();
            Outcome::Returned(returned)
        }
        other => panic!("{other:?}"),
    }
}

/// Waits until its first thread waits: for the word to end, or for whatever comes where it has but
/// one thread.
fn await_waiting(process: &Confined) {
    let file = format!("/proc/{}/syscall", process.id());
    let waits = [libc::SYS_futex, libc::SYS_epoll_wait, libc::SYS_epoll_pwait];
    let waits = waits.map(|call| format!("{call} "));
    for _ in 0..2000 {
        let call = std::fs::read_to_string(&file).unwrap_or_default();
        if waits.iter().any(|waits| call.starts_with(waits)) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    panic!("its first thread does not wait");
}

fn wait(pid: Pid) -> WaitStatus {
    waitpid(pid, Some(WaitPidFlag::__WALL)).unwrap()
}

fn address(number: u64) -> ptrace::AddressType {
    std::ptr::with_exposed_provenance_mut(usize::try_from(number).unwrap())
}

/// Whether the signer still answers.
fn serves(stack: &Stack) -> bool {
    let socket = stack.run_dir().join("admin.sock");
    let mut peer = kit::RawPeer::connect(&socket).unwrap();
    matches!(peer.ask(signer_proto::Kind::Health, &[]), kit::Answered::Answer(_))
}

/// What each would be good for is said in docs/SANDBOX.md.
const DEADLY: &[(&str, i64, &[Argument])] = &[
    ("execve", libc::SYS_execve, &[O(b"/bin/true"), N(0), N(0)]),
    ("execveat", libc::SYS_execveat, &[N(-100), O(b"/bin/true"), N(0), N(0), N(0)]),
    ("fork", libc::SYS_fork, &[]),
    ("vfork", libc::SYS_vfork, &[]),
    ("clone of a process", libc::SYS_clone, &[N(libc::SIGCHLD as i64)]),
    ("clone into a namespace", libc::SYS_clone, &[N(libc::CLONE_NEWUSER as i64)]),
    ("socket AF_UNIX", libc::SYS_socket, &[N(libc::AF_UNIX as i64), N(1), N(0)]),
    ("socket AF_INET", libc::SYS_socket, &[N(libc::AF_INET as i64), N(1), N(0)]),
    ("connect", libc::SYS_connect, &[N(0), O(b"\x01\0/tmp/x"), N(8)]),
    ("bind", libc::SYS_bind, &[N(0), O(b"\x01\0/tmp/x"), N(8)]),
    ("mprotect PROT_EXEC", libc::SYS_mprotect, &[N(0x1000), N(4096), N(7)]),
    ("mmap PROT_EXEC", libc::SYS_mmap, &[N(0), N(4096), N(7), N(0x22), N(-1), N(0)]),
    ("pkey_mprotect", libc::SYS_pkey_mprotect, &[N(0x1000), N(4096), N(7), N(-1)]),
    ("ptrace", libc::SYS_ptrace, &[N(0), N(0), N(0), N(0)]),
    ("process_vm_readv", libc::SYS_process_vm_readv, &[N(1)]),
    ("io_uring_setup", libc::SYS_io_uring_setup, &[N(1), N(0)]),
    ("kill", libc::SYS_kill, &[N(1), N(0)]),
    ("prctl PR_SET_DUMPABLE", libc::SYS_prctl, &[N(libc::PR_SET_DUMPABLE as i64), N(1)]),
    ("memfd_create", libc::SYS_memfd_create, &[O(b"x"), N(0)]),
    ("setuid", libc::SYS_setuid, &[N(0)]),
    ("bpf", libc::SYS_bpf, &[N(0), N(0), N(0)]),
    ("chmod", libc::SYS_chmod, &[O(b"/tmp"), N(0o777)]),
    ("symlink", libc::SYS_symlink, &[O(b"/"), O(b"x")]),
    ("an x32 call", 0x4000_0000, &[N(0), N(0), N(0)]),
    ("a call that does not exist", 9999, &[]),
];

#[test]
fn every_call_that_is_put_into_a_signer_and_not_listed_kills_it() {
    let Some(stack) = prepared() else { return };
    for (name, call, arguments) in DEADLY {
        let signer = Confined::signer(&stack, Path::new("/"));
        let outcome = inject(&signer, *call, arguments);
        assert_eq!(outcome, Outcome::Killed(Signal::SIGSYS), "{name}");
    }
}

#[test]
fn a_listed_call_that_is_put_into_a_signer_returns_and_it_goes_on() {
    let Some(stack) = prepared() else { return };
    let signer = Confined::signer(&stack, Path::new("/"));
    let id = i64::from(signer.id());
    assert_eq!(inject(&signer, libc::SYS_getpid, &[]), Outcome::Returned(id));
    // Not executable, and so not deadly: the address is none.
    let invalid = Outcome::Returned(-i64::from(libc::ENOMEM));
    let mapped = inject(&signer, libc::SYS_mprotect, &[N(0x1000), N(4096), N(3)]);
    assert_eq!(mapped, invalid);
    assert!(serves(&stack));
}

#[test]
fn a_path_outside_its_directories_does_not_open() {
    let Some(stack) = prepared() else { return };
    let signer = Confined::signer(&stack, Path::new("/"));
    let open = |path: &'static [u8], flags: i32| {
        inject(&signer, libc::SYS_openat, &[N(-100), O(path), N(i64::from(flags)), N(0o600)])
    };
    let denied = Outcome::Returned(-i64::from(libc::EACCES));
    for path in [&b"/etc/passwd"[..], b"/", b"/proc/self/mem", b"/dev/null", b"/tmp", b"/bin/true"]
    {
        assert_eq!(open(path, libc::O_RDONLY), denied, "{}", String::from_utf8_lossy(path));
    }
    assert_eq!(open(b"/tmp/made-by-a-signer", libc::O_CREAT | libc::O_WRONLY), denied);
    assert!(!Path::new("/tmp/made-by-a-signer").exists());
    // The twin: its own directory opens.
    let own = format!("{}\0", stack.ring().join("ring.toml").display());
    let own: &'static [u8] = Box::leak(own.into_bytes().into_boxed_slice());
    match open(own, libc::O_RDONLY) {
        Outcome::Returned(number) if number > 2 => {}
        other => panic!("{other:?}"),
    }
    assert!(serves(&stack));
}

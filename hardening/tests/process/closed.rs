//! `keep_out_of`, tried at from inside by every way that a server process has.

use super::{PLACE, Test, child, expect_success};
use hardening::{Enforcement, KeepOutError, keep_out_of, keep_out_of_all};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) const TESTS: &[Test] = &[
    ("ring_is_closed_by_every_path", ring_is_closed_by_every_path),
    ("everything_else_stays_open", everything_else_stays_open),
    ("sockets_in_the_ring_stay_reachable", sockets_in_the_ring_stay_reachable),
    ("threads_and_programs_started_later_are_held", threads_and_programs_started_later_are_held),
    ("signals_to_the_signer_are_refused", signals_to_the_signer_are_refused),
    ("directories_and_files_are_closed_at_once", directories_and_files_are_closed_at_once),
    ("refuses_to_close_after_the_first_thread", refuses_to_close_after_the_first_thread),
];

pub(crate) const ROLES: &[Test] = &[
    ("by-every-path", as_by_every_path),
    ("all-else", as_all_else),
    ("sockets", as_sockets),
    ("started-later", as_started_later),
    ("signals", as_signals),
    ("several", as_several),
    ("after-thread", as_after_thread),
];

/// A data directory as `chancery up` makes it.
fn in_a_tree(role: &str) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    fs::create_dir_all(data.join("ring/keys")).unwrap();
    fs::create_dir_all(data.join("server")).unwrap();
    fs::create_dir_all(data.join("operator")).unwrap();
    fs::write(data.join("ring/keys/root"), b"secret").unwrap();
    fs::write(data.join("operator/key"), b"secret").unwrap();
    fs::write(data.join("server/db"), b"rows").unwrap();
    fs::write(data.join("root.pem"), b"public").unwrap();
    fs::write(data.join("unlock.key"), b"secret").unwrap();
    std::os::unix::fs::symlink("../ring", data.join("server/door")).unwrap();
    let listener = UnixListener::bind(data.join("ring/issue.sock")).unwrap();
    let answer = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // The last one to connect only wakes this thread and is gone.
        let _ = stream.write_all(b"sealed");
    });
    let mut command = child(role);
    command.env(PLACE, &data);
    expect_success(command);
    // Releases the listener where the role did not connect.
    let _ = UnixStream::connect(data.join("ring/issue.sock"));
    answer.join().unwrap();
}

fn data() -> PathBuf {
    fs::canonicalize(std::env::var_os(PLACE).unwrap()).unwrap()
}

/// Closes the ring; says `false` and why on a kernel that has no Landlock.
fn close(data: &Path) -> bool {
    let status = keep_out_of(&data.join("ring")).unwrap();
    if status.enforcement == Enforcement::Unavailable {
        let strict = std::env::var_os("CHANCERY_NO_SKIP").is_some_and(|value| value == "1");
        assert!(!strict, "SKIPPED: landlock: the kernel has none");
        println!("SKIPPED: landlock: the kernel has none");
        return false;
    }
    true
}

fn assert_refused<T: std::fmt::Debug>(what: &str, result: std::io::Result<T>) {
    match result {
        // Linking and renaming between directories of unlike rights answers EXDEV.
        Err(error)
            if error.kind() == ErrorKind::PermissionDenied
                || error.kind() == ErrorKind::CrossesDevices => {}
        other => panic!("{what}: {other:?}"),
    }
}

fn ring_is_closed_by_every_path() {
    in_a_tree("by-every-path");
}

fn as_by_every_path() {
    let data = data();
    let (ring, key) = (data.join("ring"), data.join("ring/keys/root"));
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let opened_before = rustix::fs::open(&ring, flags, Mode::empty()).unwrap();
    assert_eq!(fs::read(&key).unwrap(), b"secret");
    if !close(&data) {
        return;
    }
    assert_refused("read", fs::read(&key));
    assert_refused("write", fs::OpenOptions::new().write(true).open(&key));
    assert_refused("list", fs::read_dir(&ring));
    assert_refused("make", fs::write(ring.join("new"), b""));
    assert_refused("remove", fs::remove_file(&key));
    assert_refused("link out", fs::hard_link(&key, data.join("server/key")));
    assert_refused("rename out", fs::rename(&key, data.join("server/key")));
    assert_refused("rename the ring", fs::rename(&ring, data.join("server/ring")));
    assert_refused("rename in", fs::rename(data.join("server/db"), ring.join("db")));
    assert_refused("through a link", fs::read(data.join("server/door/keys/root")));
    let by_proc = PathBuf::from(format!("/proc/self/root{}", key.display()));
    assert_refused("through /proc", fs::read(by_proc));
    let at = rustix::fs::openat(&opened_before, "keys/root", OFlags::RDONLY, Mode::empty());
    assert_eq!(at.unwrap_err(), Errno::ACCESS, "through an open descriptor");
}

fn everything_else_stays_open() {
    in_a_tree("all-else");
}

fn as_all_else() {
    let data = data();
    let status = keep_out_of(&data.join("ring")).unwrap();
    assert_eq!(fs::read(data.join("server/db")).unwrap(), b"rows");
    fs::write(data.join("server/db"), b"more").unwrap();
    fs::write(data.join("server/db-wal"), b"new").unwrap();
    fs::rename(data.join("server/db-wal"), data.join("server/db-shm")).unwrap();
    assert_eq!(fs::read(data.join("root.pem")).unwrap(), b"public");
    fs::write(data.join("root.pem"), b"rewritten").unwrap();
    assert!(fs::read("/proc/self/status").is_ok());
    assert!(fs::write("/dev/null", b"x").is_ok());
    assert!(Command::new("/bin/true").status().unwrap().success());
    if status.enforcement == Enforcement::Unavailable {
        return;
    }
    // The documented price: ancestors can be walked through, and no more.
    assert!(status.ancestors.contains(&data), "{status:?}");
    assert_eq!(status.closed, [data.join("ring")]);
    assert!(status.allowed > 3, "{status:?}");
    assert_refused("new beside the ring", fs::write(data.join("new"), b""));
    assert_refused("list an ancestor", fs::read_dir(&data));
}

fn sockets_in_the_ring_stay_reachable() {
    in_a_tree("sockets");
}

fn as_sockets() {
    let data = data();
    if !close(&data) {
        return;
    }
    let mut stream = UnixStream::connect(data.join("ring/issue.sock")).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "sealed");
}

fn threads_and_programs_started_later_are_held() {
    in_a_tree("started-later");
}

fn as_started_later() {
    let data = data();
    let key = data.join("ring/keys/root");
    let cat = |path: &Path| Command::new("cat").arg(path).output().unwrap();
    assert_eq!(cat(&key).stdout, b"secret");
    if !close(&data) {
        return;
    }
    let in_thread = key.clone();
    let thread = std::thread::spawn(move || fs::read(in_thread));
    assert_refused("a thread", thread.join().unwrap());
    let output = cat(&key);
    assert!(!output.status.success() && output.stdout.is_empty());
}

fn signals_to_the_signer_are_refused() {
    in_a_tree("signals");
}

fn as_signals() {
    let parent = rustix::process::getppid().unwrap();
    rustix::process::test_kill_process(parent).unwrap();
    let status = keep_out_of(&data().join("ring")).unwrap();
    let signal = rustix::process::test_kill_process(parent);
    if status.enforcement == Enforcement::Full {
        assert_eq!(signal, Err(Errno::PERM));
    }
    rustix::process::test_kill_process(rustix::process::getpid()).unwrap();
}

fn directories_and_files_are_closed_at_once() {
    in_a_tree("several");
}

fn as_several() {
    let data = data();
    let (ring, operator) = (data.join("ring"), data.join("operator"));
    let unlock = data.join("unlock.key");
    let status = keep_out_of_all(&[&ring, &operator, &unlock, &ring]).unwrap();
    assert_eq!(status.closed, [operator.clone(), ring.clone(), unlock.clone()]);
    if status.enforcement == Enforcement::Unavailable {
        return;
    }
    assert_refused("ring", fs::read(ring.join("keys/root")));
    assert_refused("operator", fs::read(operator.join("key")));
    assert_refused("file", fs::read(&unlock));
    assert_refused("file", fs::OpenOptions::new().write(true).open(&unlock));
    assert_eq!(fs::read(data.join("server/db")).unwrap(), b"rows");
}

fn refuses_to_close_after_the_first_thread() {
    in_a_tree("after-thread");
}

fn as_after_thread() {
    let data = data();
    let (hold, release) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || release.recv());
    let refused = keep_out_of(&data.join("ring"));
    assert!(matches!(refused, Err(KeepOutError::Threads(2))), "{refused:?}");
    assert_eq!(fs::read(data.join("ring/keys/root")).unwrap(), b"secret");
    drop(hold);
    let _ = thread.join();
}

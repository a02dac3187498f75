//! What a signer cannot do: denied at first, deadly once it is sealed, and out of its reach.

use super::{PLACE, Test, child, expect_success};
use hardening::{Reach, Role, SelfCheck, confine, lock_down, seal};
use rustix::io::Errno;
use rustix::net::{AddressFamily, Ipv4Addr, SocketAddrV4, SocketType, bind, connect, socket};
use std::fs;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::Command;

pub(crate) const TESTS: &[Test] = &[
    ("what_is_never_needed_is_denied", what_is_never_needed_is_denied),
    ("the_server_keeps_its_network", the_server_keeps_its_network),
    ("a_confined_process_reaches_its_own_directory", confined_reaches_its_own),
    ("landlock_alone_closes_tcp", landlock_alone_closes_tcp),
    ("a_sealed_process_works_and_says_so", sealed_works),
    ("a_sealed_process_dies_of_what_is_not_listed", sealed_dies),
];

pub(crate) const ROLES: &[Test] = &[
    ("denied", as_denied),
    ("server", as_server),
    ("confined", as_confined),
    ("landlock", as_landlock),
    ("sealed", as_sealed),
    ("sealed-execve", as_execve),
    ("sealed-fork", as_fork),
    ("sealed-socket", as_socket),
    ("sealed-connect", as_connect),
    ("sealed-kill", as_kill),
    ("sealed-thread", as_other_thread),
];

const SIGSYS: i32 = 31;

fn what_is_never_needed_is_denied() {
    expect_success(child("denied"));
}

fn as_denied() {
    // The twin: all of it can be done before.
    assert!(socket(AddressFamily::INET, SocketType::STREAM, None).is_ok());
    assert!(Command::new("/bin/true").status().unwrap().success());
    let report = lock_down(Role::Signer);
    assert!(report.get("seccomp").unwrap().ok, "{report}");
    for family in [AddressFamily::INET, AddressFamily::INET6, AddressFamily::NETLINK] {
        let made = socket(family, SocketType::STREAM, None);
        assert_eq!(made.err(), Some(Errno::PERM), "{family:?}");
    }
    assert!(UnixStream::pair().is_ok());
    let started = Command::new("/bin/true").status();
    assert_eq!(started.unwrap_err().raw_os_error(), Some(libc::EPERM));
    let became = rustix::thread::set_thread_uid(rustix::thread::Uid::ROOT);
    assert_eq!(became, Err(Errno::PERM));
    // clone3 is said to be missing, and threads start all the same.
    std::thread::spawn(|| ()).join().unwrap();
}

fn the_server_keeps_its_network() {
    expect_success(child("server"));
}

fn as_server() {
    let report = lock_down(Role::Server);
    assert!(report.get("seccomp").unwrap().ok, "{report}");
    for family in [AddressFamily::INET, AddressFamily::INET6] {
        let made = socket(family, SocketType::STREAM, None);
        assert!(made.is_ok() || made.err() == Some(Errno::AFNOSUPPORT), "{family:?}");
    }
    let raw = socket(AddressFamily::PACKET, SocketType::DGRAM, None);
    assert_eq!(raw.err(), Some(Errno::PERM));
    let vsock = socket(AddressFamily::VSOCK, SocketType::STREAM, None);
    assert_eq!(vsock.err(), Some(Errno::PERM));
    assert_eq!(Command::new("/bin/true").exec().raw_os_error(), Some(libc::EPERM));
}

fn confined_reaches_its_own() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("ring")).unwrap();
    fs::create_dir(dir.path().join("run")).unwrap();
    fs::write(dir.path().join("outside"), b"x").unwrap();
    let mut command = child("confined");
    command.env(PLACE, dir.path());
    expect_success(command);
}

fn as_confined() {
    let place = PathBuf::from(std::env::var_os(PLACE).unwrap());
    let (ring, run) = (place.join("ring"), place.join("run"));
    fs::write(run.join("socket"), b"").unwrap();
    lock_down(Role::Signer);
    let items = confine(Role::Signer, &[(&ring, Reach::Own), (&run, Reach::Remove)]);
    assert!(items.iter().all(|item| item.ok), "{items:?}");
    fs::write(ring.join("a"), b"leaf").unwrap();
    fs::rename(ring.join("a"), ring.join("b")).unwrap();
    assert_eq!(fs::read(ring.join("b")).unwrap(), b"leaf");
    fs::create_dir(ring.join("keys")).unwrap();
    fs::remove_file(run.join("socket")).unwrap();
    let denied = |result: std::io::Result<()>| {
        assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::EACCES));
    };
    denied(fs::read(place.join("outside")).map(drop));
    denied(fs::write(place.join("new"), b"x"));
    denied(fs::write(run.join("new"), b"x"));
    denied(fs::read_dir("/").map(drop));
    denied(fs::read("/proc/self/maps").map(drop));
    denied(fs::write("/dev/null", b"x"));
}

fn landlock_alone_closes_tcp() {
    expect_success(child("landlock"));
}

fn as_landlock() {
    let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
    let made = || socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(made(), &address).unwrap();
    let items = confine(Role::Signer, &[]);
    let network = items.iter().find(|item| item.name == "network").unwrap();
    assert!(network.ok, "{items:?}");
    assert_eq!(bind(made(), &address), Err(Errno::ACCESS));
    let elsewhere = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9);
    assert_eq!(connect(made(), &elsewhere), Err(Errno::ACCESS));
}

fn sealed_works() {
    expect_success(child("sealed"));
}

fn as_sealed() {
    let mut report = lock_down(Role::Signer);
    let check = SelfCheck::open().unwrap();
    assert!(check.items().iter().any(|item| !item.ok) || Seccomp::is_inherited());
    confine(Role::Signer, &[]).into_iter().for_each(|item| report.put(item));
    // The first thread of all has the C library set up handlers; a signer has threads by then.
    std::thread::spawn(|| ()).join().unwrap();
    report.put(seal(Role::Signer));
    check.items().into_iter().for_each(|item| report.put(item));
    for name in ["seccomp", "status: seccomp", "status: no new privileges", "status: capabilities"]
    {
        assert!(report.get(name).unwrap().ok, "{report}");
    }
    let sum = std::thread::spawn(|| vec![1_u8; 1 << 20].iter().map(|b| u64::from(*b)).sum::<u64>());
    assert_eq!(sum.join().unwrap(), 1 << 20);
    println!("still here");
}

/// The filters of the first stage make the status say 2 already.
struct Seccomp;

impl Seccomp {
    fn is_inherited() -> bool {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        status.contains("Seccomp:\t2")
    }
}

fn sealed_dies() {
    for role in ["execve", "fork", "socket", "connect", "kill", "thread"] {
        let output = child(&format!("sealed-{role}")).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.signal(), Some(SIGSYS), "{role}: {output:?}");
        assert_eq!(said, "sealed\n", "{role}: died too early, or too late");
    }
}

/// Seals, and tells the parent that whatever kills comes after.
fn sealed(act: impl FnOnce()) {
    use std::io::Write as _;
    lock_down(Role::Signer);
    assert!(seal(Role::Signer).ok);
    println!("sealed");
    std::io::stdout().flush().unwrap();
    act();
    println!("alive");
}

fn as_execve() {
    sealed(|| drop(Command::new("/bin/true").exec()));
}

fn as_fork() {
    sealed(|| drop(Command::new("/bin/true").spawn()));
}

fn as_socket() {
    sealed(|| drop(socket(AddressFamily::UNIX, SocketType::STREAM, None)));
}

fn as_connect() {
    let made = socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
    let address = rustix::net::SocketAddrUnix::new("/nowhere").unwrap();
    sealed(|| {
        let _ = connect(&made, &address);
    });
}

fn as_kill() {
    let me = rustix::process::getpid();
    sealed(|| {
        let _ = rustix::process::kill_process(me, rustix::process::Signal::CONT);
    });
}

/// A thread that was there before is bound as well, and takes all others along.
fn as_other_thread() {
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let _thread = std::thread::spawn(move || {
        told.recv().unwrap();
        drop(socket(AddressFamily::UNIX, SocketType::STREAM, None));
        done.send(()).unwrap();
    });
    sealed(|| {
        tell.send(()).unwrap();
        wait.recv().unwrap();
    });
}

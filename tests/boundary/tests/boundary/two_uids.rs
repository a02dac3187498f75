//! The real program under its own uid, and what the server's uid tries besides asking.

use std::fs;
use std::io::{ErrorKind, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use kit::{Account, RawPeer, Ring, frame};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Pid, Signal, kill_process};
use signer_proto::{Kind, Refusal, Rule, Socket, Wire};

fn proc(ring: &Ring, name: &str) -> PathBuf {
    let id = ring.process_id().expect("the signer is a process");
    PathBuf::from(format!("/proc/{id}/{name}"))
}

/// Runs as the server's uid.
fn as_server<T: Send>(act: impl FnOnce() -> T + Send) -> T {
    Account::SERVER.act(act)
}

#[test]
fn the_servers_uid_does_not_reach_the_sockets_of_others() {
    let Some(ring) = Ring::outside() else { return };
    for socket in Socket::ALL {
        let path = ring.socket(*socket);
        let connected = as_server(|| UnixStream::connect(&path));
        match socket {
            // Reached by its group, and refused by the signer.
            Socket::Issue | Socket::Status | Socket::Va => assert!(connected.is_ok(), "{socket}"),
            Socket::Admin => {
                assert_eq!(connected.unwrap_err().kind(), ErrorKind::PermissionDenied);
            }
        }
    }
    let path = ring.socket(Socket::Va);
    let mut peer = as_server(|| RawPeer::connect(&path)).unwrap();
    // It is told at once, and nothing that it writes is read.
    let told = peer.read_frame().expect("it is told why");
    assert_eq!(Refusal::from_wire(&told.body).unwrap().rule, Rule::PeerNotAdmitted);
    ring.await_refused(Rule::PeerNotAdmitted, 1);
    let _ = ring.issue();
}

#[test]
fn the_servers_uid_reads_and_writes_nothing_of_the_ring() {
    let Some(ring) = Ring::outside() else { return };
    let ring_dir = ring.ring_dir();
    let keys = ring_dir.join("keys");
    for path in [&ring_dir, &ring_dir.join("ring.toml"), &keys, &ring_dir.join("journal")] {
        let kind = as_server(|| fs::File::open(path)).unwrap_err().kind();
        assert_eq!(kind, ErrorKind::PermissionDenied, "{}", path.display());
    }
    let made = as_server(|| fs::write(ring_dir.join("keys/mine.key"), b"x"));
    assert_eq!(made.unwrap_err().kind(), ErrorKind::PermissionDenied);
    let moved = as_server(|| fs::rename(&ring_dir, ring.dir().join("elsewhere")));
    assert_eq!(moved.unwrap_err().kind(), ErrorKind::PermissionDenied);
    let _ = ring.issue();
}

#[test]
fn the_servers_uid_takes_no_socket_away_and_puts_none_in_its_place() {
    let Some(ring) = Ring::outside() else { return };
    for socket in Socket::ALL {
        let path = ring.socket(*socket);
        let removed = as_server(|| fs::remove_file(&path)).unwrap_err();
        assert_eq!(removed.kind(), ErrorKind::PermissionDenied, "{socket}");
        let own = ring.run_dir().join("mine.sock");
        let made = as_server(|| std::os::unix::net::UnixListener::bind(&own)).unwrap_err();
        assert_eq!(made.kind(), ErrorKind::PermissionDenied, "{socket}");
    }
    let _ = ring.issue();
}

#[test]
fn the_servers_uid_looks_into_no_memory_of_the_signer() {
    let Some(ring) = Ring::outside() else { return };
    for name in ["mem", "maps", "environ", "fd", "root", "auxv", "syscall", "stack"] {
        let path = proc(&ring, name);
        let opened = as_server(|| match name {
            "fd" | "root" => fs::read_dir(&path).map(drop),
            // Some of them open, and fail when they are read.
            _ => fs::read(&path).map(drop),
        });
        assert!(opened.is_err(), "{name} is read");
    }
    // No other process of the same uid either: the signer is not dumpable.
    for name in ["mem", "maps", "environ"] {
        let path = proc(&ring, name);
        let read = Account::SIGNER.act(|| fs::read(&path).map(drop));
        assert!(read.is_err(), "{name} is read by the signer's own uid");
    }
    let limits = fs::read_to_string(proc(&ring, "limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().rev().nth(1), Some("0"), "{core}");
    let _ = ring.issue();
}

#[test]
fn the_servers_uid_sends_the_signer_no_signal() {
    let Some(ring) = Ring::outside() else { return };
    let id = i32::try_from(ring.process_id().unwrap()).unwrap();
    let pid = Pid::from_raw(id).unwrap();
    for signal in [Signal::STOP, Signal::TERM, Signal::KILL, Signal::QUIT, Signal::USR1] {
        let sent = as_server(|| kill_process(pid, signal));
        assert_eq!(sent, Err(rustix::io::Errno::PERM), "{signal:?}");
    }
    let _ = ring.issue();
}

#[test]
fn descriptors_that_are_sent_along_do_not_stay_in_the_signer() {
    let Some(ring) = Ring::outside() else { return };
    let count = || fs::read_dir(proc(&ring, "fd")).unwrap().count();
    let before = count();
    let mut peer = ring.peer(Socket::Issue);
    let own = fs::File::open("/dev/null").unwrap();
    let request = frame(Kind::Health, 7, &[]);
    for _ in 0..400 {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let sent = [own.as_fd(); 8];
        assert!(control.push(SendAncillaryMessage::ScmRights(&sent)));
        let octets = [IoSlice::new(&request)];
        let flags = SendFlags::empty();
        assert_eq!(sendmsg(peer.stream(), &octets, &mut control, flags).unwrap(), request.len());
        let kit::Answered::Answer(_) = peer.read_answer(Kind::Health, 7) else {
            panic!("it is answered");
        };
    }
    // One connection more than before, and those of the honest requests that may still close.
    let begun = Instant::now();
    while count() > before + 1 {
        assert!(begun.elapsed() < Duration::from_secs(5), "{before} descriptors, then {}", count());
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = ring.issue();
}

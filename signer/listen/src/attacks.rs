//! What a hostile peer tries on connections and frames, each named after what it tries.
//!
//! After each one an honest peer is served, no call was made, and the refusal went to the journal.

use std::io::Write;
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Uid;
use rustix::thread::set_thread_res_uid;
use signer_proto::{Flags, HEADER, Header, KeyLabel, Kind, MintSerials, Rule, Socket, Wire};

use super::fixture::{Client, Stage, only, own_uid, request, until};
use super::{Limits, PeerRules, Who};

fn limits() -> Limits {
    Limits::default()
}

fn honest_header() -> Header {
    Header { kind: Kind::Health, flags: Flags::REQUEST, length: 0, sequence: 77, deadline_ms: 1000 }
}

fn mint() -> Vec<u8> {
    let key = KeyLabel::new("issuing").unwrap();
    MintSerials { key, count: 3 }.to_wire()
}

#[test]
fn refuses_another_uid() {
    let stage = Stage::with(limits(), only(own_uid().wrapping_add(1)));
    for socket in [Socket::Issue, Socket::Status, Socket::Va] {
        let mut client = stage.connect(socket);
        assert_eq!(client.refusal(), (0, Rule::PeerNotAdmitted));
        client.is_closed();
        assert_eq!(stage.desk.take_refused(), [(None, Rule::PeerNotAdmitted)]);
    }
    let mut admin = stage.connect(Socket::Admin);
    assert_eq!(admin.call(Kind::Health, b""), Ok(b"healthy".to_vec()));
    assert_eq!(stage.desk.calls.load(Ordering::SeqCst), 1);
}

/// Connects as another user, which only root can. The kernel takes the identity of the thread.
#[test]
fn refuses_the_overflow_uid_even_where_it_is_listed() {
    if own_uid() != 0 {
        println!("SKIPPED: needs root to connect as another user");
        return;
    }
    let listed = Who::Listed { uids: vec![0, 65_534], gids: vec![0] };
    let rules = PeerRules {
        issue: listed.clone(),
        status: listed,
        va: Who::WhoeverReaches,
        admin: only(4242).issue,
    };
    let stage = Stage::with(limits(), rules);
    let open = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    };
    open(stage.dir.path(), 0o755);
    for (socket, uid, admitted) in [
        (Socket::Issue, 65_534, false),
        (Socket::Va, 65_534, false),
        (Socket::Va, 4242, true),
        (Socket::Admin, 4242, true),
        (Socket::Admin, 4243, false),
    ] {
        let path = stage.listening.paths().path(socket);
        open(&path, 0o666);
        let connecting = thread::spawn(move || {
            let uid = Uid::from_raw(uid);
            set_thread_res_uid(uid, uid, uid).unwrap();
            UnixStream::connect(path).unwrap()
        });
        let mut client = Client::new(connecting.join().unwrap());
        if admitted {
            assert_eq!(client.call(Kind::Health, b""), Ok(b"healthy".to_vec()));
        } else {
            assert_eq!(client.refusal(), (0, Rule::PeerNotAdmitted), "{uid} on {socket}");
            client.is_closed();
            let refused = std::mem::take(&mut *stage.desk.refused.lock().unwrap());
            assert_eq!((refused[0].0.uid, refused[0].0.socket), (uid, socket));
        }
    }
}

#[test]
fn refuses_every_kind_outside_its_sockets_table() {
    let stage = Stage::new();
    let mut tried = 0;
    for socket in Socket::ALL {
        for kind in Kind::ALL.iter().filter(|kind| !kind.permitted_on(*socket)) {
            let mut client = stage.connect(*socket);
            let sequence = client.ask(*kind, b"");
            assert_eq!(client.refusal(), (sequence, Rule::KindNotPermitted));
            client.is_closed();
            let refused = stage.desk.take_refused();
            assert_eq!(refused, [(Some(*kind), Rule::KindNotPermitted)]);
            tried += 1;
        }
    }
    assert!(tried > 40, "{tried}");
    assert_eq!(stage.desk.calls.load(Ordering::SeqCst), 0);
    stage.serves();
}

#[test]
fn refuses_every_bent_header_and_closes() {
    let stage = Stage::new();
    let bend = |at: usize, to: u8| {
        let mut octets = honest_header().encode();
        octets[at] = to;
        octets
    };
    let mut cases = vec![
        ("an older version", bend(0, 0)),
        ("a later version", bend(0, 2)),
        ("an unknown kind", bend(1, 0xee)),
        ("kind zero", bend(1, 0)),
        ("an answer", bend(2, 1)),
        ("a part of an answer", bend(2, 3)),
        ("an unknown flag", bend(2, 0x80)),
        ("the reserved octet", bend(3, 1)),
        ("a body where there is none", bend(7, 1)),
        ("a length of 4 GiB", bend(4, 0xff)),
    ];
    let with = |deadline_ms| Header { deadline_ms, ..honest_header() };
    cases.push(("a deadline of zero", with(0).encode()));
    cases.push(("a deadline beyond the limit", with(30_001).encode()));
    for (what, octets) in cases {
        let mut client = stage.connect(Socket::Issue);
        // What follows is not looked at: where it starts is not known.
        client.send(&[octets, honest_header().encode()].concat());
        assert_eq!(client.refusal(), (77, Rule::FrameMalformed), "{what}");
        client.is_closed();
        let refused = stage.desk.take_refused();
        assert_eq!(refused.len(), 1, "{what}");
        assert_eq!(refused[0].1, Rule::FrameMalformed, "{what}");
    }
    assert_eq!(stage.desk.calls.load(Ordering::SeqCst), 0);
    stage.serves();
}

#[test]
fn refuses_a_length_over_the_limit_of_every_kind_before_the_body() {
    let stage = Stage::new();
    for kind in Kind::ALL {
        let socket = Socket::ALL.iter().find(|socket| kind.permitted_on(**socket));
        let mut client = stage.connect(*socket.unwrap());
        let header = Header { kind: *kind, length: kind.request_limit() + 1, ..honest_header() };
        client.send(&header.encode());
        assert_eq!(client.refusal(), (77, Rule::FrameMalformed), "{kind}");
        client.is_closed();
    }
    assert_eq!(stage.desk.calls.load(Ordering::SeqCst), 0);
    stage.serves();
}

#[test]
fn refuses_a_frame_truncated_at_every_octet() {
    let stage = Stage::new();
    let frame = request(Kind::MintSerials, 5, &mint());
    for length in 1..frame.len() {
        let mut client = stage.connect(Socket::Issue);
        client.send(&frame[..length]);
        client.stream.shutdown(Shutdown::Write).unwrap();
        let sequence = if length < HEADER { 0 } else { 5 };
        assert_eq!(client.refusal(), (sequence, Rule::FrameMalformed), "{length}");
        client.is_closed();
        let refused = stage.desk.take_refused();
        let kind = (length >= HEADER).then_some(Kind::MintSerials);
        assert_eq!(refused, [(kind, Rule::FrameMalformed)], "{length}");
    }
    // The same when the peer does not even wait for the answer.
    for length in 1..frame.len() {
        let mut client = stage.connect(Socket::Issue);
        client.send(&frame[..length]);
        drop(client);
        until(|| stage.desk.take_refused().len() == 1);
    }
    assert_eq!(stage.desk.calls.load(Ordering::SeqCst), 0);
    stage.serves();
}

#[test]
fn a_length_that_lies_makes_a_malformed_body_and_no_more() {
    let stage = Stage::new();
    let mut client = stage.connect(Socket::Issue);
    let honest = mint();
    for length in 0..honest.len() {
        let short = client.call(Kind::MintSerials, &honest[..length]);
        assert_eq!(short, Err(Rule::BodyMalformed), "{length}");
    }
    let long = [honest.as_slice(), &[0]].concat();
    assert_eq!(client.call(Kind::MintSerials, &long), Err(Rule::BodyMalformed));
    // A label of 4 GiB.
    assert_eq!(client.call(Kind::MintSerials, &[0xff; 8]), Err(Rule::BodyMalformed));
    assert_eq!(client.call(Kind::MintSerials, &honest), Ok(honest), "the connection stays");
}

#[test]
fn refuses_a_frame_that_never_becomes_whole() {
    let frame_timeout = Duration::from_millis(100);
    let stage = Stage::with(Limits { frame_timeout, ..limits() }, only(own_uid()));
    let frame = request(Kind::MintSerials, 5, &mint());
    let mut silent = stage.connect(Socket::Issue);
    silent.send(&frame[..HEADER + 3]);
    let mut dripping = stage.connect(Socket::Issue);
    let mut idle = stage.connect(Socket::Issue);
    let mut octets = frame.iter();
    let start = Instant::now();
    while start.elapsed() < 2 * frame_timeout {
        let Some(octet) = octets.next() else { break };
        // Refused in between, and then nobody reads any more.
        let _refused = dripping.stream.write(&[*octet]);
        thread::sleep(Duration::from_millis(12));
    }
    assert_eq!(silent.refusal(), (5, Rule::FrameMalformed));
    silent.is_closed();
    assert_eq!(dripping.refusal().1, Rule::FrameMalformed);
    let healthy = Ok(b"healthy".to_vec());
    assert_eq!(idle.call(Kind::Health, b""), healthy, "to be idle is no offence");
    stage.serves();
}

#[test]
fn ten_thousand_idle_connections_are_turned_away_and_change_nothing() {
    let connections_per_socket = 40;
    let limits = Limits { connections_per_socket, connections_per_uid: 1000, ..limits() };
    let stage = Stage::with(limits, only(own_uid()));
    let mut held: Vec<Client> = Vec::new();
    for _ in 0..connections_per_socket {
        held.push(stage.connect(Socket::Issue));
    }
    held[0].call(Kind::Health, b"").unwrap();
    for _ in connections_per_socket..10_000 {
        let mut client = stage.connect(Socket::Issue);
        assert_eq!(client.refusal(), (0, Rule::Overloaded));
        client.is_closed();
    }
    let refused = stage.desk.take_refused();
    assert_eq!(refused.len(), 10_000 - connections_per_socket);
    assert!(refused.iter().all(|entry| *entry == (None, Rule::Overloaded)));
    for client in &mut held {
        client.call(Kind::Health, b"").unwrap();
    }
    let mut other = stage.connect(Socket::Status);
    other.call(Kind::Health, b"").unwrap();
    drop(held.pop());
    until(|| {
        let mut client = stage.connect(Socket::Issue);
        client.ask_quietly(Kind::Health);
        let (header, _) = client.receive().unwrap();
        header.flags == Flags::ANSWER
    });
}

#[test]
fn one_uid_leaves_places_for_others() {
    let limits = Limits { connections_per_uid: 3, ..limits() };
    let stage = Stage::with(limits, only(own_uid()));
    let mut held: Vec<Client> = (0..3).map(|_| stage.connect(Socket::Issue)).collect();
    assert_eq!(stage.connect(Socket::Issue).refusal(), (0, Rule::Overloaded));
    held[2].call(Kind::Health, b"").unwrap();
    stage.connect(Socket::Admin).call(Kind::Health, b"").unwrap();
}

#[test]
fn a_peer_that_never_reads_loses_its_connection_and_holds_up_nobody() {
    let limits = Limits {
        out_queue_bytes: 4 * 1024 * 1024,
        write_timeout: Duration::from_millis(1500),
        ..limits()
    };
    let stage = Stage::with(limits, only(own_uid()));
    let mut other = stage.connect(Socket::Issue);
    for requests in [100, 2] {
        // A hundred answers of a megabyte overrun the queue; two wait until time is up.
        let mut deaf = stage.connect(Socket::Issue);
        for n in 0..requests {
            let frame = request(Kind::ReadJournal, n, &1_000_000_u32.to_wire());
            if deaf.stream.write_all(&frame).is_err() {
                break;
            }
            let start = Instant::now();
            other.call(Kind::Health, b"").unwrap();
            other.call(Kind::MintSerials, &mint()).unwrap();
            assert!(start.elapsed() < Duration::from_secs(1));
        }
        // Dropped: nothing can be sent any more.
        until(|| deaf.stream.write_all(&[0]).is_err());
    }
    stage.serves();
}

/// Each connection stays within its own limit, but there are many: together they must not hold
/// more than their socket's.
#[test]
fn many_peers_that_never_read_hold_no_more_than_their_sockets_share() {
    const MEGABYTE: usize = 1_000_000;
    let limits = Limits {
        out_queue_bytes_per_socket: 8 * MEGABYTE,
        connections_per_socket: 32,
        write_timeout: Duration::from_secs(60),
        ..limits()
    };
    let stage = Stage::with(limits, only(own_uid()));
    let mut deaf: Vec<Client> = (0..20).map(|_| stage.connect(Socket::Issue)).collect();
    for client in &mut deaf {
        let frame = request(Kind::ReadJournal, 1, &(2 * MEGABYTE as u32).to_wire());
        client.send(&frame);
    }
    // Forty megabytes were asked for. Who asked in vain lost the connection.
    until(|| stage.desk.calls.load(Ordering::SeqCst) == 20);
    let is_open = |client: &&Client| {
        let mut look = [PollFd::new(&client.stream, PollFlags::empty())];
        poll(&mut look, Some(&Timespec::default())).unwrap();
        let [looked] = &look;
        !looked.revents().contains(PollFlags::HUP)
    };
    until(|| deaf.iter().filter(is_open).count() <= 7);
    // Small answers still go out beside them, and another socket does not notice.
    stage.serves();
    let mut other = stage.connect(Socket::Status);
    let large = other.ask(Kind::ReadJournal, &(MEGABYTE as u32).to_wire());
    let mut octets = 0;
    while octets < MEGABYTE {
        let (header, body) = other.receive().unwrap();
        assert_eq!(header.sequence, large);
        octets += body.len();
    }
    // What is read or dropped makes room again.
    drop(deaf);
    let mut next = stage.connect(Socket::Issue);
    until(|| {
        let mut again = stage.connect(Socket::Issue);
        again.ask(Kind::ReadJournal, &(2 * MEGABYTE as u32).to_wire());
        again.receive().is_ok()
    });
    assert_eq!(next.call(Kind::Health, b""), Ok(b"healthy".to_vec()));
}

#[test]
fn refuses_more_in_flight_than_granted_and_goes_on() {
    let stage = Stage::new();
    let mut client = stage.connect(Socket::Status);
    let granted = limits().in_flight_per_connection as u32;
    for _ in 0..granted {
        client.ask(Kind::Revoke, b"serial");
    }
    until(|| stage.desk.waiting() == granted as usize);
    for _ in 0..50 {
        assert_eq!(client.call(Kind::Revoke, b"more"), Err(Rule::Overloaded));
        assert_eq!(client.call(Kind::Health, b""), Err(Rule::Overloaded));
    }
    assert_eq!(stage.desk.take_refused().len(), 100);
    let mut other = stage.connect(Socket::Status);
    assert_eq!(other.call(Kind::Health, b""), Ok(b"healthy".to_vec()));
    assert_eq!(stage.desk.release(), granted as usize);
    let mut answered = Vec::new();
    for _ in 0..granted {
        let (header, body) = client.receive().unwrap();
        assert_eq!((header.flags, body.as_slice()), (Flags::ANSWER, &b"serial"[..]));
        answered.push(header.sequence);
    }
    answered.sort_unstable();
    assert!(answered.into_iter().eq(1..=granted));
    assert_eq!(client.call(Kind::Health, b""), Ok(b"healthy".to_vec()));
}

#[test]
fn refuses_more_octets_in_flight_than_granted() {
    let limits = Limits { in_flight_bytes: 1000, ..limits() };
    let stage = Stage::with(limits, only(own_uid()));
    let mut client = stage.connect(Socket::Status);
    for _ in 0..5 {
        client.ask(Kind::Revoke, &[1; 200]);
    }
    until(|| stage.desk.waiting() == 5);
    let mut other = stage.connect(Socket::Status);
    assert_eq!(other.call(Kind::Hold, &[1; 200]), Err(Rule::Overloaded));
    assert_eq!(other.call(Kind::Health, b""), Ok(b"healthy".to_vec()));
    let mut issue = stage.connect(Socket::Issue);
    assert_eq!(issue.call(Kind::MintSerials, &mint()), Ok(mint()), "another socket");
    stage.desk.release();
    (0..5).for_each(|_| drop(client.receive().unwrap()));
    assert_eq!(other.call(Kind::Hold, &[1; 200]), Ok(vec![1; 200]));
}

#[test]
fn a_deadline_that_passes_before_the_call_or_its_answer_refuses() {
    let limits = Limits { workers: 1, ..limits() };
    let stage = Stage::with(limits, only(own_uid()));
    let mut client = stage.connect(Socket::Status);
    let hold = |sequence, deadline_ms| {
        let header = Header { kind: Kind::Hold, sequence, deadline_ms, ..honest_header() };
        header.encode()
    };
    // Both take 100 ms: the first has 30 and is answered too late, the second waits for a worker
    // and is not begun at all.
    client.send(&[hold(1, 30), hold(2, 60)].concat());
    let mut rules = [client.refusal(), client.refusal()];
    rules.sort_unstable();
    assert_eq!(rules, [(1, Rule::DeadlineExceeded), (2, Rule::DeadlineExceeded)]);
    let refused = stage.desk.take_refused();
    assert_eq!(refused, [(Some(Kind::Hold), Rule::DeadlineExceeded); 2]);
    assert!(stage.desk.calls.load(Ordering::SeqCst) <= 2);
    assert_eq!(client.call(Kind::Hold, b"x"), Ok(b"x".to_vec()));
    stage.serves();
}

#[test]
fn garbage_of_every_kind_is_survived() {
    let stage = Stage::new();
    let mut random = 0x1234_5678_9abc_def1_u64;
    let mut octet = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 32) as u8
    };
    for round in 0..500 {
        let mut client = stage.connect(Socket::ALL[round % 4]);
        let mut sent: Vec<u8> = (0..round).map(|_| octet()).collect();
        if round % 2 == 0 {
            // A start that looks honest.
            let honest = honest_header().encode();
            sent.iter_mut().zip(honest).for_each(|(to, from)| *to = from);
        }
        // The signer may have closed already.
        let _closed = client.stream.write_all(&sent);
    }
    stage.serves();
}

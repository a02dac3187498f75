//! What an honest peer may rely on.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use signer_proto::{Flags, Kind, MAX_ANSWER_PART, Rule, Socket, Wire};

use super::Limits;
use super::fixture::{Stage, only, own_uid, request, until};

#[test]
fn a_thousand_requests_in_one_write_are_all_answered() {
    let limits = Limits { in_flight_per_connection: 1000, ..Limits::default() };
    let stage = Stage::with(limits, only(own_uid()));
    let mut client = stage.connect(Socket::Issue);
    let kinds = [Kind::Health, Kind::Seal, Kind::Describe, Kind::Unseal];
    let frames: Vec<Vec<u8>> = (0..1000_u32)
        .map(|n| match kinds[n as usize % 4] {
            kind @ (Kind::Seal | Kind::Unseal) => request(kind, n, &n.to_wire()),
            kind => request(kind, n, b""),
        })
        .collect();
    client.send(&frames.concat());
    let mut answers = HashMap::new();
    for _ in 0..1000 {
        let (header, body) = client.receive().unwrap();
        assert_eq!(header.flags, Flags::ANSWER);
        assert!(answers.insert(header.sequence, (header.kind, body)).is_none());
    }
    for (n, (kind, body)) in answers {
        assert_eq!(kind, kinds[n as usize % 4]);
        let expected = match kind {
            Kind::Health => b"healthy".to_vec(),
            Kind::Describe => vec![Kind::Describe.code()],
            _ => n.to_wire(),
        };
        assert_eq!(body, expected);
    }
}

#[test]
fn a_long_answer_comes_in_parts_and_short_ones_pass_it() {
    let stage = Stage::new();
    let mut client = stage.connect(Socket::Issue);
    for size in [0, 1, MAX_ANSWER_PART, MAX_ANSWER_PART + 1, 5_000_000] {
        let long = client.ask(Kind::ReadJournal, &(size as u32).to_wire());
        std::thread::sleep(Duration::from_millis(30));
        let short = client.ask(Kind::Health, b"");
        let (mut body, mut open, mut passed) = (Vec::new(), 2, false);
        while open > 0 {
            let (header, part) = client.receive().unwrap();
            if header.sequence == short {
                assert_eq!(part, b"healthy");
                passed = open == 2;
                open -= 1;
                continue;
            }
            assert_eq!(header.sequence, long);
            body.extend_from_slice(&part);
            if header.flags == Flags::MORE {
                assert_eq!(part.len(), MAX_ANSWER_PART);
            } else {
                assert_eq!(header.flags, Flags::ANSWER);
                open -= 1;
            }
        }
        assert_eq!(body.len(), size);
        assert!(body.iter().enumerate().all(|(n, octet)| *octet == (n % 251) as u8));
        assert!(passed || size <= 4 * MAX_ANSWER_PART, "{size}");
    }
}

#[test]
fn quick_calls_do_not_wait_for_slow_ones() {
    let stage = Stage::new();
    let mut slow = stage.connect(Socket::Status);
    let start = Instant::now();
    for _ in 0..4 {
        slow.ask(Kind::BuildCrl, b"crl");
    }
    let mut same = stage.connect(Socket::Status);
    for _ in 0..20 {
        same.call(Kind::Health, b"").unwrap();
        assert_eq!(slow.call_beside(Kind::Health), b"healthy");
    }
    assert!(start.elapsed() < Duration::from_millis(900));
    for _ in 0..4 {
        assert_eq!(slow.receive().unwrap().1, b"crl");
    }
}

/// What a captured server floods must not keep operators from unlocking, or from narrowing a
/// policy: each socket has its turn in a lane.
#[test]
fn a_flood_on_one_socket_does_not_starve_another() {
    let limits = Limits {
        workers: 1,
        slow_workers: 1,
        grace: Duration::from_millis(10),
        ..Limits::default()
    };
    let stage = Stage::with(limits, only(own_uid()));
    for (flood, socket, asked) in [
        (Kind::BuildCrl, Socket::Status, Kind::Unlock),
        (Kind::Hold, Socket::Status, Kind::SetPolicy),
    ] {
        let mut flooding = stage.connect(socket);
        for _ in 0..100 {
            flooding.ask(flood, b"flood");
        }
        // One is being made, and one more may be begun before it is the other socket's turn.
        let start = Instant::now();
        let mut admin = stage.connect(Socket::Admin);
        assert_eq!(admin.call(asked, b"honest"), Ok(b"honest".to_vec()));
        assert!(start.elapsed() < Duration::from_millis(3500), "{asked}");
    }
}

#[test]
fn a_request_that_nobody_answers_is_refused_once_it_is_dropped() {
    let stage = Stage::new();
    let mut client = stage.connect(Socket::Status);
    assert_eq!(client.call(Kind::Release, b"x"), Err(Rule::ShuttingDown));
    assert_eq!(client.call(Kind::Health, b""), Ok(b"healthy".to_vec()));
}

#[test]
fn a_peer_that_sends_no_more_still_gets_its_answers() {
    let stage = Stage::new();
    let mut client = stage.connect(Socket::Status);
    client.ask(Kind::Revoke, b"serial");
    client.stream.shutdown(std::net::Shutdown::Write).unwrap();
    until(|| stage.desk.release() == 1);
    assert_eq!(client.receive().unwrap().1, b"serial");
    client.is_closed();
}

#[test]
fn a_shutdown_answers_what_is_in_flight_and_closes_the_rest() {
    let stage = Stage::new();
    let mut idle = stage.connect(Socket::Va);
    idle.call(Kind::Health, b"").unwrap();
    let mut busy = stage.connect(Socket::Status);
    busy.ask(Kind::Revoke, b"serial");
    until(|| stage.desk.waiting() == 1);
    std::thread::scope(|scope| {
        scope.spawn(|| stage.listening.shutdown());
        idle.is_closed();
        assert_eq!(stage.desk.release(), 1);
        assert_eq!(busy.receive().unwrap().1, b"serial");
        busy.is_closed();
    });
    assert_eq!(std::fs::read_dir(stage.dir.path()).unwrap().count(), 0);
    assert!(stage.desk.take_refused().is_empty(), "nobody is to blame");
}

#[test]
fn a_shutdown_does_not_wait_for_ever() {
    let limits = Limits { grace: Duration::from_millis(100), ..Limits::default() };
    let stage = Stage::with(limits, only(own_uid()));
    let mut client = stage.connect(Socket::Status);
    client.ask(Kind::Revoke, b"serial");
    until(|| stage.desk.waiting() == 1);
    let start = Instant::now();
    stage.listening.shutdown();
    assert!(start.elapsed() < Duration::from_secs(2));
    client.is_closed();
}

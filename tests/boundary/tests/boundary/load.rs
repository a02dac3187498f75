//! Too much of everything: connections, requests in flight, answers that nobody reads.

use std::time::{Duration, Instant};

use kit::{Answered, Plan, RawPeer, Ring, frame};
use signer::journal::testing::SimulatedDisk;
use signer::listen::Limits;
use signer_proto::{Flags, Health, Kind, ReadJournal, Refusal, Rule, Socket, Wire};

#[test]
fn ten_thousand_idle_connections_change_nothing_for_those_that_are_there() {
    let ring = Ring::inside();
    let mut there = ring.peer(Socket::Issue);
    there.call(&Health).unwrap();
    let mut idle = Vec::new();
    let mut turned_away = 0;
    for _ in 0..10_000 {
        // The queue of the listener may be full for a moment.
        let Ok(mut peer) = RawPeer::connect(&ring.socket(Socket::Issue)) else {
            turned_away += 1;
            continue;
        };
        if idle.len() < 256 {
            idle.push(peer);
            continue;
        }
        let answer = peer.read_frame().expect("it is told why");
        let refusal = Refusal::from_wire(&answer.body).unwrap();
        assert_eq!(refusal.rule, Rule::Overloaded);
        turned_away += 1;
    }
    assert!(turned_away > 9_000, "{turned_away}");
    there.call(&Health).unwrap();
    let serial = signer_proto::MintSerials { key: kit::label(kit::ISSUING), count: 1 };
    there.call(&serial).unwrap();
    drop(idle);
    assert!(turned_away_is_journaled(&ring));
    let _ = ring.issue();
}

fn turned_away_is_journaled(ring: &Ring) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(5) {
        // The status socket has its own places.
        let ledger = ring.ledger();
        if ledger.refused_by(Rule::Overloaded) > 9_000 {
            return ledger.refusals().len() < 100;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

#[test]
fn a_peer_that_never_reads_its_answers_holds_up_nobody() {
    let ring = Ring::start_with(Plan {
        limits: Limits {
            out_queue_bytes: 256 * 1024,
            write_timeout: Duration::from_millis(500),
            ..Limits::default()
        },
        ..Plan::default()
    });
    for _ in 0..40 {
        let _ = ring.issue();
    }
    let mut deaf = ring.peer(Socket::Status);
    deaf.stream().set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let read = ReadJournal { from: 0, limit: 4096 };
    let begun = Instant::now();
    let mut dropped = false;
    for sequence in 0..4_000 {
        if deaf.write(&frame(Kind::ReadJournal, sequence, &read.to_wire())).is_err() {
            dropped = true;
            break;
        }
        if sequence % 100 == 0 {
            // Somebody else on the same socket is served all the while.
            ring.peer(Socket::Status).call(&Health).unwrap();
        }
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
    assert!(dropped, "megabytes of answers were kept for who does not read");
    let _ = ring.issue();
}

#[test]
fn refuses_more_requests_in_flight_than_granted_and_answers_the_rest() {
    let disk = SimulatedDisk::new(1);
    let ring = Ring::start_with(Plan {
        disk: Some(disk.clone()),
        limits: Limits { in_flight_per_connection: 8, ..Limits::default() },
        ..Plan::default()
    });
    let orders: Vec<_> = (0..64).map(|_| ring.order(&ring.leaf()).to_wire()).collect();
    disk.slow_sync(Duration::from_millis(300));
    let frames: Vec<u8> = (0..)
        .zip(&orders)
        .flat_map(|(sequence, order)| frame(Kind::SignCertificate, sequence, order))
        .collect();
    let mut peer = ring.peer(Socket::Issue);
    peer.write(&frames).unwrap();
    let (mut signed, mut refused) = (0, 0);
    for _ in 0..orders.len() {
        let answer = peer.read_frame().expect("every request is answered");
        if answer.header.flags == Flags::REFUSED {
            let refusal = Refusal::from_wire(&answer.body).unwrap();
            assert_eq!(refusal.rule, Rule::Overloaded, "{}", refusal.detail);
            refused += 1;
        } else {
            signed += 1;
        }
    }
    disk.slow_sync(Duration::ZERO);
    assert!(signed >= 8 && refused >= 1, "{signed} signed, {refused} refused");
    assert_eq!(ring.ledger().certificates().count(), signed);
    let Answered::Answer(_) = peer.ask(Kind::Health, &[]) else {
        panic!("the connection goes on");
    };
    let _ = ring.issue();
}

#[test]
fn a_frame_that_never_becomes_whole_ends_its_connection_only() {
    let ring = Ring::start_with(Plan {
        limits: Limits { frame_timeout: Duration::from_millis(300), ..Limits::default() },
        ..Plan::default()
    });
    let honest = frame(Kind::Health, 7, &[]);
    let mut slow = ring.peer(Socket::Issue);
    slow.write(&honest[..9]).unwrap();
    let answer = slow.read_frame().expect("it is told why");
    let refusal = Refusal::from_wire(&answer.body).unwrap();
    assert_eq!(refusal.rule, Rule::FrameMalformed);
    assert!(slow.is_closed());
    let _ = ring.issue();
}

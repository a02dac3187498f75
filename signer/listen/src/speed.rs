//! Measurements, for people: `cargo test --release -p signer -- --ignored --nocapture speed`.

use std::thread;
use std::time::{Duration, Instant};

use signer_proto::{Kind, Socket};

use super::Limits;
use super::fixture::{Stage, only, own_uid, request};

/// Returns the median and the 99th percentile of round trips of `kind`, one at a time.
fn round_trips(stage: &Stage, kind: Kind, body: &[u8]) -> (Duration, Duration) {
    let mut client = stage.connect(Socket::Issue);
    let mut times = Vec::new();
    for n in 0..25_000 {
        let start = Instant::now();
        client.call(kind, body).unwrap();
        if n >= 5_000 {
            times.push(start.elapsed());
        }
    }
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

#[test]
#[ignore = "a measurement"]
fn speed_of_round_trips() {
    let stage = Stage::new();
    let body = [7; 3000];
    for (what, kind, body) in [
        ("empty call, answered while reading", Kind::Health, &body[..0]),
        ("3 KB both ways, made by the reader", Kind::Seal, &body[..]),
    ] {
        let (median, p99) = round_trips(&stage, kind, body);
        println!("{what}: p50 {median:?}, p99 {p99:?}");
    }
}

#[test]
#[ignore = "a measurement"]
fn speed_of_pipelined_requests() {
    let limits = Limits { connections_per_uid: 256, ..Limits::default() };
    let stage = Stage::with(limits, only(own_uid()));
    for (connections, in_flight) in [(1, 64), (4, 16), (64, 1)] {
        let rounds = 200_000 / (connections * in_flight);
        let start = Instant::now();
        thread::scope(|scope| {
            for _ in 0..connections {
                scope.spawn(|| {
                    let mut client = stage.connect(Socket::Issue);
                    let frames: Vec<Vec<u8>> =
                        (0..in_flight).map(|n| request(Kind::Seal, n as u32, &[7; 1000])).collect();
                    let frames = frames.concat();
                    for _ in 0..rounds {
                        client.send(&frames);
                        for _ in 0..in_flight {
                            client.receive().unwrap();
                        }
                    }
                });
            }
        });
        let rate = (connections * in_flight * rounds) as f64 / start.elapsed().as_secs_f64();
        println!("{connections} connections, {in_flight} in flight on each: {rate:.0}/s");
    }
}

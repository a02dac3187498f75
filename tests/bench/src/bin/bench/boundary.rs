//! What the process boundary costs: a call over the socket against the same work in this process.

use std::path::Path;
use std::time::{Duration, Instant};

use kit::RawPeer;
use x509::Csr;

use crate::draft;
use crate::raw::{Pair, Raw};
use crate::report::{Measured, Row, Times, time};
use crate::ring::Ring;

/// Names in the certificate: its TBSCertificate has about 1.5 KB.
pub const NAMES: usize = 39;
/// Calls that are measured, and those before, which warm up.
const CALLS: usize = 6_000;
const WARM_UP: usize = 1_000;
/// So many of one kind, then of the other: both see the same noise.
const TURN: usize = 100;

const OVERHEAD: Duration = Duration::from_micros(60);
const IN_ALL: Duration = Duration::from_micros(200);

/// Measures both rows.
pub async fn rows(memory: &Path, raw: &Raw) -> Vec<Row> {
    let outcome = measure(memory).await;
    let path = "boundary: p50 over issue.sock minus p50 of sign + verify in this process (1.5 KB \
                TBS, journal on tmpfs)";
    let all = "the same in all, with verify-after-sign and one P-256 proof of possession";
    let (first, second) = match outcome {
        Ok((bare, proven)) => (Ok(bare), Ok(proven)),
        Err(error) => (Err(anyhow::anyhow!("{error:#}")), Err(error)),
    };
    let overhead = first.map(|run| {
        let overhead = run.socket.median().saturating_sub(run.process.median());
        Measured {
            value: format!(
                "{} (socket {}, p99 {}; process {})",
                time(overhead),
                time(run.socket.median()),
                time(run.socket.percentile(99)),
                time(run.process.median()),
            ),
            ratio: raw.signatures(overhead),
            kept: Some(overhead <= OVERHEAD),
        }
    });
    let in_all = second.map(|run| {
        let median = run.socket.median();
        Measured {
            value: format!("{} (p99 {})", time(median), time(run.socket.percentile(99))),
            ratio: raw.signatures(median),
            kept: Some(median <= IN_ALL),
        }
    });
    vec![Row::new(path, "≤ 60 µs", overhead), Row::new(all, "≤ 200 µs", in_all)]
}

/// The same acts on both sides of the boundary.
struct Run {
    socket: Times,
    process: Times,
}

async fn measure(memory: &Path) -> anyhow::Result<(Run, Run)> {
    let ring = Ring::start(memory).await?;
    let subject = Pair::generate()?;
    let csr = draft::request(&subject, "host-000.bench.example")?;
    let bare = run(&ring, &subject, None).await?;
    let proven = run(&ring, &subject, Some(&csr)).await?;
    Ok((bare, proven))
}

async fn run(ring: &Ring, subject: &Pair, proof: Option<&Csr>) -> anyhow::Result<Run> {
    let orders = ring.orders(WARM_UP + CALLS, subject.public(), NAMES, proof).await?;
    let own = Pair::generate()?;
    let mut peer = RawPeer::connect(&ring.issue_socket())?;
    let (mut socket, mut process) = (Vec::new(), Vec::new());
    // One blocking peer, and nothing else runs: this thread may block.
    for turn in orders.chunks(TURN) {
        for order in turn {
            let began = Instant::now();
            let signed = peer.call(order).map_err(|failure| anyhow::anyhow!("{failure:?}"))?;
            socket.push(began.elapsed());
            anyhow::ensure!(!signed.replayed, "a replay is no signature");
        }
        for order in turn {
            let began = Instant::now();
            let signature = own.sign(order.tbs.as_bytes())?;
            own.verify(order.tbs.as_bytes(), &signature)?;
            if let Some(csr) = proof {
                csr.verify_self_signature()?;
            }
            process.push(began.elapsed());
        }
    }
    Ok(Run {
        socket: Times::new(socket.split_off(WARM_UP)),
        process: Times::new(process.split_off(WARM_UP)),
    })
}

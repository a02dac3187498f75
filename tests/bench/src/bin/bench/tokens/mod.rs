//! Keys in PKCS#11 tokens: a whole SignCertificate over the socket beside the token alone, with as
//! many sessions and the same key, in the same run.

pub mod alone;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use kit::Tokens;
use signer_proto::KeySpec;

use alone::Alone;

use crate::load::Spent;
use crate::process;
use crate::report::{Measured, Row, Times, count, time};
use crate::ring::{Over, Ring};

const SESSIONS: u16 = 4;
/// As many clients as in the row of file keys: while some sign, others are policy's or the journal's.
const IN_FLIGHT: usize = 64;
/// The token alone and the signer take turns, so that what else the machine does befalls both.
const ROUNDS: usize = 4;
/// So many of the token's seconds are signed over the socket in a round.
const SECONDS: f64 = 3.0;
/// As the design's stand-in for a network HSM.
const LATENCY: &str = "latency 2000\n";
const LEAST: f64 = 0.9;

/// A token, and what is signed with it.
struct Case {
    what: &'static str,
    spec: KeySpec,
    /// What the token's module is told.
    orders: &'static str,
    sessions: u16,
}

/// What a token did alone, and behind the signer.
struct Run {
    /// Signatures a second.
    raw: f64,
    /// CPU of one.
    raw_cpu: Duration,
    spent: Spent,
    times: Times,
}

/// Measures all rows, or those of the tokens whose names hold the text.
pub async fn rows(disk: &Path, named: &str) -> Vec<Row> {
    let case = |what, spec, orders, sessions| Case { what, spec, orders, sessions };
    let micros = Duration::from_micros;
    let cases = [
        // Software on two cores: on a machine that has no more, what client and signer use is taken
        // from the token.
        (case("RSA-3072", KeySpec::Rsa3072, "", 2), None),
        // Software on one core, as a device has processors of its own.
        (case("RSA-3072", KeySpec::Rsa3072, "", 1), None),
        (case("P-256, 2 ms latency", KeySpec::P256, LATENCY, SESSIONS), None),
        (case("P-256", KeySpec::P256, "", SESSIONS), Some(("≤ 200 µs", micros(200)))),
        (case("P-384", KeySpec::P384, "", SESSIONS), Some(("≤ 500 µs", micros(500)))),
    ];
    let mut rows = Vec::new();
    for (case, budget) in cases {
        let name = format!("{}, sessions: {}", case.what, case.sessions);
        if !name.contains(named) {
            continue;
        }
        rows.push(match budget {
            None => share(disk, &name, case).await,
            Some(budget) => added(disk, &name, case, budget).await,
        });
    }
    rows
}

/// How much of the token's rate is left.
async fn share(disk: &Path, name: &str, case: Case) -> Row {
    let path = format!("PKCS#11 (SoftHSM2, {name}): SignCertificate");
    let run = run(disk, &case).await.map(|run| Measured {
        value: format!(
            "{}/s, p99 {}, {} of CPU each; the token alone {}/s, {}",
            count(run.spent.rate()),
            time(run.times.percentile(99)),
            time(run.spent.each()),
            count(run.raw),
            time(run.raw_cpu)
        ),
        ratio: format!("{:.0} % of the token", 100.0 * run.spent.rate() / run.raw),
        kept: Some(run.spent.rate() >= LEAST * run.raw),
    });
    Row::new(&path, "≥ 90 % of the token's rate", run)
}

/// How much CPU a signature costs besides what it costs the token.
async fn added(disk: &Path, name: &str, case: Case, budget: (&'static str, Duration)) -> Row {
    let path = format!("PKCS#11 (SoftHSM2, {name}): CPU of signer and helper beside the token's");
    let run = run(disk, &case).await.map(|run| {
        let added = run.spent.each().saturating_sub(run.raw_cpu);
        Measured {
            value: format!(
                "{} ({} in all; {}/s, p99 {}; the token alone {} and {}/s)",
                time(added),
                time(run.spent.each()),
                count(run.spent.rate()),
                time(run.times.percentile(99)),
                time(run.raw_cpu),
                count(run.raw)
            ),
            ratio: format!("{:.0} % of the token's rate", 100.0 * run.spent.rate() / run.raw),
            kept: Some(added <= budget.1),
        }
    });
    Row::new(&path, budget.0, run)
}

async fn run(disk: &Path, case: &Case) -> anyhow::Result<Run> {
    let faulty = !case.orders.is_empty();
    let made = if faulty { Tokens::faulty(&["one"]) } else { Tokens::soft(&["one"]) };
    let tokens = made.context("softhsm2 is not installed")?.sessions(case.sessions);
    tokens.order("one", case.orders);
    let config = tokens.config();
    let over = Some(Over { signer: "signer-pkcs11", config: &config, workers: None });
    let ring = Arc::new(Ring::start_over(disk, over, case.spec).await?);
    let mut alone =
        tokio::task::block_in_place(|| Alone::start(&config, case.spec, ring.issuing()))?;
    let forker = process::child_of(ring.pid(), "p11-module")?;
    let processes = [ring.pid(), process::child_of(forker, "p11-module")?];
    let (mut raw, mut spent, mut times) = (Spent::default(), Spent::default(), Vec::new());
    for _ in 0..ROUNDS {
        let own = tokio::task::block_in_place(|| alone.sign())?;
        raw += own;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "thousands")]
        let acts = ((own.rate() * SECONDS) as usize).clamp(100, 10_000);
        let (load, took) = ring.sign_many(acts, IN_FLIGHT, &processes).await?;
        spent += load;
        times.extend(took);
    }
    Ok(Run { raw: raw.rate(), raw_cpu: raw.each(), spent, times: Times::new(times) })
}

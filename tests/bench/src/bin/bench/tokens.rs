//! Keys in PKCS#11 tokens: a whole SignCertificate over the socket beside the token alone, with as
//! many sessions, in the same run.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use keystore::KeyDriver as _;
use keystore_pkcs11::{Config, Forker, Pkcs11Driver};
use kit::Tokens;
use signer_proto::KeySpec;

use crate::load::{self, Spent};
use crate::process;
use crate::raw::Pair;
use crate::report::{Measured, Row, Times, count, time};
use crate::ring::Ring;

const SESSIONS: u16 = 4;
/// How long the token alone is measured.
const ALONE: Duration = Duration::from_secs(3);
/// So many of the token's seconds are signed over the socket.
const SECONDS: f64 = 4.0;
/// As the design's stand-in for a network HSM.
const LATENCY: &str = "latency 2000\n";
const LEAST: f64 = 0.9;

/// What a token did alone, and behind the signer.
struct Run {
    /// Signatures a second.
    raw: f64,
    /// CPU of one.
    raw_cpu: Duration,
    spent: Spent,
    times: Times,
}

/// Measures all rows.
pub async fn rows(disk: &Path) -> Vec<Row> {
    vec![
        share(disk, "RSA-3072", KeySpec::Rsa3072, "").await,
        share(disk, "P-256, 2 ms latency", KeySpec::P256, LATENCY).await,
        added(disk, "P-256", KeySpec::P256, ("≤ 200 µs", Duration::from_micros(200))).await,
        added(disk, "P-384", KeySpec::P384, ("≤ 500 µs", Duration::from_micros(500))).await,
    ]
}

/// How much of the token's rate is left.
async fn share(disk: &Path, what: &str, spec: KeySpec, orders: &str) -> Row {
    let path = format!("PKCS#11 (SoftHSM2, {what}, {SESSIONS} sessions): SignCertificate");
    let run = run(disk, spec, orders).await.map(|run| Measured {
        value: format!(
            "{}/s, p99 {}; the token alone {}/s",
            count(run.spent.rate()),
            time(run.times.percentile(99)),
            count(run.raw)
        ),
        ratio: format!("{:.0} % of the token", 100.0 * run.spent.rate() / run.raw),
        kept: Some(run.spent.rate() >= LEAST * run.raw),
    });
    Row::new(&path, "≥ 90 % of the token's rate", run)
}

/// How much CPU a signature costs besides what it costs the token.
async fn added(disk: &Path, what: &str, spec: KeySpec, budget: (&'static str, Duration)) -> Row {
    let path = format!("PKCS#11 (SoftHSM2, {what}): CPU of signer and helper beside the token's");
    let run = run(disk, spec, "").await.map(|run| {
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

async fn run(disk: &Path, spec: KeySpec, orders: &str) -> anyhow::Result<Run> {
    let made = if orders.is_empty() { Tokens::soft(&["one"]) } else { Tokens::faulty(&["one"]) };
    let tokens = made.context("softhsm2 is not installed")?.sessions(SESSIONS);
    tokens.order("one", orders);
    let config = tokens.config();
    let (raw, raw_cpu) = tokio::task::block_in_place(|| alone(&config, spec))?;
    let ring =
        Arc::new(Ring::start_over(disk, Some(("signer-pkcs11", config.as_path())), spec).await?);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand")]
    let acts = ((raw * SECONDS) as usize).clamp(400, 20_000);
    let subject = Pair::generate()?;
    let drafted = ring.orders(acts, subject.public(), 1, None).await?;
    let forker = process::child_of(ring.pid(), "p11-module")?;
    let processes = [ring.pid(), process::child_of(forker, "p11-module")?];
    let times = Arc::new(Mutex::new(Vec::with_capacity(acts)));
    let (asked, noted) = (Arc::clone(&ring), Arc::clone(&times));
    // Several in flight for each session: one signs while others are policy's or the journal's.
    let in_flight = usize::from(SESSIONS) * 4;
    let spent = load::run(drafted, in_flight, &processes, move |orders, index| {
        let (ring, noted) = (Arc::clone(&asked), Arc::clone(&noted));
        async move {
            let began = Instant::now();
            ring.client().sign_certificate(&orders[index]).await?;
            noted.lock().expect("no panic").push(began.elapsed());
            Ok(())
        }
    });
    let spent = spent.await?;
    let times = Times::new(core::mem::take(&mut *times.lock().expect("no panic")));
    Ok(Run { raw, raw_cpu, spent, times })
}

/// The token by itself, in its helper: rate and CPU.
fn alone(config: &Path, spec: KeySpec) -> anyhow::Result<(f64, Duration)> {
    let read = Config::read(config)?;
    let forker = Forker::start(&process::beside("p11-module")?, config)?;
    let driver = Pkcs11Driver::start(read, forker)?;
    anyhow::ensure!(driver.await_tokens(Duration::from_secs(20)), "{:?}", driver.health());
    let report = driver.report();
    let helper = report.iter().find(|line| line.name == "process").context("a process")?;
    let helper = helper.value.parse()?;
    // Keys are made the first time.
    driver.raw_rate(spec, Duration::from_millis(100))?;
    let before = process::cpu(helper)?;
    let rate = driver.raw_rate(spec, ALONE)?;
    let cpu = process::cpu(helper)? - before;
    Ok((rate, Duration::from_secs_f64(cpu / (rate * ALONE.as_secs_f64()))))
}

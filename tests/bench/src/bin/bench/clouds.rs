//! Keys in a cloud KMS: a whole SignCertificate over the socket beside the SDK's client alone, with
//! as many calls at a time, in the same run. The service is a fake on this machine, which answers
//! after as long as a real one.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clouds::AwsCloud;
use keystore_kms::{Config, testing};
use signer_proto::KeySpec;

use crate::load;
use crate::raw::Pair;
use crate::report::{Measured, Row, Times, count, time};
use crate::ring::Ring;

const REGION: &str = "eu-central-1";
/// As many as signer-kms has threads.
const AT_A_TIME: usize = 64;
const LATENCY: Duration = Duration::from_millis(10);
/// How long the client alone is measured.
const ALONE: Duration = Duration::from_secs(3);
const SECONDS: f64 = 4.0;
const LEAST: f64 = 0.8;
const QUOTA: &str = "[quota]\nper_second = 100000\nburst = 10000\nreserved = 100\n";

/// Measures the row.
pub async fn rows(disk: &Path) -> Vec<Row> {
    let path = format!(
        "KMS (fake of AWS, P-256, {} ms latency, {AT_A_TIME} at a time): SignCertificate",
        LATENCY.as_millis()
    );
    vec![Row::new(&path, "≥ 80 % of the SDK alone", run(disk).await)]
}

async fn run(disk: &Path) -> anyhow::Result<Measured> {
    let cloud = AwsCloud::start(&[REGION]);
    cloud.faults(REGION).latency(LATENCY);
    let text = cloud.config(QUOTA);
    let config = Config::read(&text)?;
    let alone = move || testing::raw_rate(config, AT_A_TIME, ALONE);
    let raw = tokio::task::spawn_blocking(alone).await?.map_err(anyhow::Error::msg)?;
    let home = tempfile::tempdir()?;
    let file = home.path().join("kms.toml");
    std::fs::write(&file, text).context("kms.toml")?;
    let over = Some(("signer-kms", file.as_path()));
    let ring = Arc::new(Ring::start_over(disk, over, KeySpec::P256).await?);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand")]
    let acts = ((raw * SECONDS) as usize).clamp(400, 20_000);
    let subject = Pair::generate()?;
    let drafted = ring.orders(acts, subject.public(), 1, None).await?;
    let times = Arc::new(Mutex::new(Vec::with_capacity(acts)));
    let (asked, noted) = (Arc::clone(&ring), Arc::clone(&times));
    let processes = [ring.pid()];
    let spent = load::run(drafted, AT_A_TIME, &processes, move |orders, index| {
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
    Ok(Measured {
        value: format!(
            "{}/s, p99 {}, {} of CPU each; the SDK alone {}/s",
            count(spent.rate()),
            time(times.percentile(99)),
            time(spent.each()),
            count(raw)
        ),
        ratio: format!("{:.0} % of the SDK alone", 100.0 * spent.rate() / raw),
        kept: Some(spent.rate() >= LEAST * raw),
    })
}

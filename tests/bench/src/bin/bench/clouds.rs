//! Keys in a cloud KMS: a whole SignCertificate over the socket beside the SDK's client alone, with
//! as many calls at a time, in the same run. The service is a fake on this machine, which answers
//! after as long as a real one.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clouds::AwsCloud;
use keystore_kms::{Config, testing};
use signer_proto::KeySpec;

use crate::load::Spent;
use crate::report::{Measured, Row, Times, count, time};
use crate::ring::{Over, Ring};

const REGION: &str = "eu-central-1";
/// An account has some 1,000 asymmetric operations a second, which this is more than; and the fake, the
/// SDK, signer and client share this machine's cores.
const AT_A_TIME: usize = 16;
/// As in the row of file keys: while some wait for the service, others wait for the journal.
const IN_FLIGHT: usize = 64;
const LATENCY: Duration = Duration::from_millis(10);
/// The client alone and the signer take turns, so that what else the machine does befalls both.
const ROUNDS: usize = 3;
/// How long the client alone is measured in a round.
const ALONE: Duration = Duration::from_millis(1_500);
const SECONDS: f64 = 1.5;
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
    let home = tempfile::tempdir()?;
    let file = home.path().join("kms.toml");
    std::fs::write(&file, text).context("kms.toml")?;
    let over = Some(Over { signer: "signer-kms", config: &file, workers: Some(AT_A_TIME) });
    let ring = Arc::new(Ring::start_over(disk, over, KeySpec::P256).await?);
    let (mut raw, mut spent, mut times) = (0.0, Spent::default(), Vec::new());
    for _ in 0..ROUNDS {
        let config = config.clone();
        let alone = move || testing::raw_rate(config, AT_A_TIME, ALONE);
        let own = tokio::task::spawn_blocking(alone).await?.map_err(anyhow::Error::msg)?;
        raw += own / ROUNDS as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "thousands")]
        let acts = ((own * SECONDS) as usize).clamp(100, 10_000);
        let (load, took) = ring.sign_many(acts, IN_FLIGHT, &[ring.pid()]).await?;
        spent += load;
        times.extend(took);
    }
    let times = Times::new(times);
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

//! The SDK's client alone, for benchmarks to compare with; and what a service offers, for the suite of
//! all drivers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeySpec as AwsSpec, KeyUsageType, MessageType, SigningAlgorithmSpec};
use signer_proto::{KeySpec, Purpose};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use crate::KmsDriver;
use crate::aws::Regions;
use crate::config::{Config, Provider};

/// Says in words for the operator why the service has no such keys; nothing of those that it has.
#[must_use]
pub fn lacks(driver: &KmsDriver, spec: KeySpec, purpose: Purpose) -> Option<&'static str> {
    driver.core.cloud.offers(spec, purpose).err()
}

/// Makes a P-256 key in AWS KMS and signs with it, so many calls at a time, for so long; returns
/// signatures a second.
///
/// # Errors
/// In words.
pub fn raw_rate(config: Config, at_a_time: usize, limit: Duration) -> Result<f64, String> {
    let Provider::Aws(settings, access) = config.provider else {
        return Err("only AWS KMS is measured".to_owned());
    };
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async move {
        let client = Regions::new(&settings.region, access).await.client(&settings.region);
        let made = client
            .create_key()
            .key_spec(AwsSpec::EccNistP256)
            .key_usage(KeyUsageType::SignVerify)
            .send()
            .await
            .map_err(|error| error.to_string())?;
        let id = made.key_metadata().map(|key| key.key_id().to_owned()).unwrap_or_default();
        let (signed, begun) = (Arc::new(AtomicU64::new(0)), Instant::now());
        let mut tasks = JoinSet::new();
        for _ in 0..at_a_time {
            let (client, id, signed) = (client.clone(), id.clone(), Arc::clone(&signed));
            tasks.spawn(async move {
                while begun.elapsed() < limit {
                    let call = client
                        .sign()
                        .key_id(&id)
                        .message(Blob::new(vec![7; 1500]))
                        .message_type(MessageType::Raw)
                        .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256);
                    if call.send().await.is_ok() {
                        signed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        tasks.join_all().await;
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
        Ok(signed.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64())
    })
}

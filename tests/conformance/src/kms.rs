//! AWS KMS or Google Cloud KMS: the owner's own kms.toml and account.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use keystore::KeyDriver;
use keystore_kms::{Config, KmsDriver, testing};
use signer_proto::{KeySpec, Purpose};
use x509::SignatureScheme;

use crate::device::{Device, Lacks};

/// Finds out what the service offers. Whether the account is within reach, the first case tells.
pub(crate) fn open(config: &Path, specs: Vec<(KeySpec, String)>) -> anyhow::Result<Device> {
    let text = std::fs::read_to_string(config).with_context(|| config.display().to_string())?;
    let (read, padding) = (Config::read(&text)?, padding(&text));
    let is_google = read.vendor() == "Google Cloud KMS";
    let mut lacks = Lacks { specs, schemes: Vec::new() };
    if is_google {
        let all = SignatureScheme::ALL.into_iter();
        let others = all.filter(|scheme| scheme.as_str().starts_with("rsa") && *scheme != padding);
        let why = "each RSA key is made for one scheme: rsa_padding, and SHA-256";
        lacks.schemes.extend(others.map(|scheme| (scheme, why.to_owned())));
    }
    let offered = KmsDriver::start(read.clone())?;
    for spec in KeySpec::ALL.iter().copied().filter(|spec| spec.kind().is_some()) {
        // The suite's keys are a CA's.
        if let Some(why) = testing::lacks(&offered, spec, Purpose::CertAndCrl) {
            lacks.specs.push((spec, why.to_owned()));
        }
    }
    drop(offered);
    Device::open("kms", Box::new(move || start(&read)), |_| lacks)
}

fn start(config: &Config) -> anyhow::Result<Arc<dyn KeyDriver>> {
    Ok(Arc::new(KmsDriver::start(config.clone())?))
}

/// By which scheme Google is asked to make RSA keys.
fn padding(text: &str) -> SignatureScheme {
    let is_pss = |line: &str| line.trim_start().starts_with("rsa_padding") && line.contains("pss");
    match text.lines().any(is_pss) {
        true => SignatureScheme::RsaPssSha256,
        false => SignatureScheme::RsaPkcs1Sha256,
    }
}

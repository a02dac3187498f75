//! PKCS#11: the owner's own pkcs11.toml and tokens.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use keystore::KeyDriver;
use keystore_pkcs11::{Config, Forker, Pkcs11Driver};
use signer_proto::KeySpec;

use crate::device::{Device, Lacks};

/// How long tokens are waited for.
const WAIT: Duration = Duration::from_secs(60);

fn start(config: &Path) -> anyhow::Result<Arc<dyn KeyDriver>> {
    let read = Config::read(config)?;
    let helper = std::env::current_exe()?.with_file_name("p11-module");
    let forker = Forker::start(&helper, &read.path)
        .with_context(|| format!("{} does not start", helper.display()))?;
    let driver = Pkcs11Driver::start(read, forker)?;
    anyhow::ensure!(
        driver.await_tokens(WAIT),
        "{}",
        driver
            .health()
            .err()
            .map_or_else(|| "a token is not there".to_owned(), |error| error.to_string())
    );
    Ok(Arc::new(driver))
}

/// What the default token must have for an algorithm.
fn mechanism(spec: KeySpec) -> &'static str {
    match spec {
        KeySpec::P256 | KeySpec::P384 | KeySpec::P521 => "CKM_EC_KEY_PAIR_GEN",
        KeySpec::Ed25519 => "CKM_EC_EDWARDS_KEY_PAIR_GEN",
        KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87 => "CKM_ML_DSA_KEY_PAIR_GEN",
        _ => "CKM_RSA_PKCS_KEY_PAIR_GEN",
    }
}

/// Finds the tokens, and which algorithms they have.
pub(crate) fn open(config: &Path, specs: Vec<(KeySpec, String)>) -> anyhow::Result<Device> {
    let config = config.to_owned();
    Device::open("pkcs11", Box::new(move || start(&config)), |driver| lacks(driver, specs))
}

fn lacks(driver: &dyn KeyDriver, mut specs: Vec<(KeySpec, String)>) -> Lacks {
    let first = driver.report().into_iter().find(|line| line.name == "mechanisms");
    let first = first.map(|line| line.value).unwrap_or_default();
    for spec in KeySpec::ALL.iter().copied().filter(|spec| spec.kind().is_some()) {
        let wanted = mechanism(spec);
        if !first.split(' ').any(|found| found == wanted) {
            specs.push((spec, format!("the token has no {wanted}")));
        }
    }
    Lacks { specs, schemes: Vec::new() }
}

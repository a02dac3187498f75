//! PKCS#11: the owner's own pkcs11.toml and tokens.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use keystore::KeyDriver;
use keystore::conformance::Subject;
use keystore_pkcs11::{Config, Forker, Pkcs11Driver};
use signer_proto::KeySpec;

use crate::remapped::Remapped;

/// How long tokens are waited for.
const WAIT: Duration = Duration::from_secs(60);

/// Tokens, and what they do not have.
pub(crate) struct Device {
    config: PathBuf,
    lacks: Vec<(KeySpec, String)>,
    driver: Arc<dyn KeyDriver>,
}

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

impl Device {
    /// Finds the tokens, and which algorithms they have.
    pub(crate) fn open(config: &Path, mut lacks: Vec<(KeySpec, String)>) -> anyhow::Result<Self> {
        let driver = start(config)?;
        let mechanisms: Vec<String> = driver
            .report()
            .into_iter()
            .filter(|line| line.name == "mechanisms")
            .map(|line| line.value)
            .collect();
        let first = mechanisms.first().cloned().unwrap_or_default();
        for spec in KeySpec::ALL.iter().copied().filter(|spec| spec.kind().is_some()) {
            let wanted = mechanism(spec);
            if !first.split(' ').any(|found| found == wanted) {
                lacks.push((spec, format!("the token has no {wanted}")));
            }
        }
        Ok(Self { config: config.to_owned(), lacks, driver })
    }

    /// Tells what was tested.
    pub(crate) fn header(&self) -> String {
        let mut text = format!("conformance {}\n\n", env!("CARGO_PKG_VERSION"));
        for line in self.driver.report() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}: {}: {}", line.subject, line.name, line.value);
        }
        text.push('\n');
        text
    }

    /// Gives a subject over identities that no other case has.
    pub(crate) fn subject(&mut self) -> Box<dyn Subject> {
        Box::new(Tokens {
            config: self.config.clone(),
            lacks: self.lacks.clone(),
            driver: Some(Arc::new(Remapped::new(Arc::clone(&self.driver)))),
        })
    }
}

struct Tokens {
    config: PathBuf,
    lacks: Vec<(KeySpec, String)>,
    driver: Option<Arc<Remapped>>,
}

impl Subject for Tokens {
    fn name(&self) -> String {
        "pkcs11".to_owned()
    }

    fn driver(&self) -> Arc<dyn KeyDriver> {
        let driver: Arc<Remapped> = Arc::clone(self.driver.as_ref().expect("it runs"));
        driver
    }

    /// Other processes, over the same tokens.
    fn restart(&mut self) {
        let old = self.driver.take().expect("it runs");
        let fresh = start(&self.config).expect("it starts again");
        self.driver = Some(Arc::new(old.over(fresh)));
    }

    fn lacks(&self, spec: KeySpec) -> Option<String> {
        self.lacks.iter().find(|(lacking, _)| *lacking == spec).map(|(_, why)| why.clone())
    }
}

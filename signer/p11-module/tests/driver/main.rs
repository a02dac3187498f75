//! The driver, its helper and real tokens: SoftHSM2 and kryoptic, and the same behind a module that
//! misbehaves.

mod absent;
mod conformance;
mod faults;
mod keys;
mod load;
mod mirrors;
mod pins;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use keystore::{Approved, DriverError, KeyDriver, KeyIdentity};
use keystore_pkcs11::{Config, Forker, Pkcs11Driver};
use kit::Tokens;
use signer_proto::{KeyId, KeyLabel, KeySpec, Purpose};
use x509::{PublicKey, Signature, SignatureScheme};

const HELPER: &str = env!("CARGO_BIN_EXE_p11-module");

/// Starts a driver as signer-pkcs11 does, and waits for no token.
fn begin(tokens: &Tokens) -> Arc<Pkcs11Driver> {
    let config = Config::read(&tokens.config()).expect("the configuration is taken");
    let forker = Forker::start(Path::new(HELPER), &tokens.config()).expect("a forker");
    Arc::new(Pkcs11Driver::start(config, forker).expect("a driver"))
}

/// The same, when all tokens are there.
fn start(tokens: &Tokens) -> Arc<Pkcs11Driver> {
    let driver = begin(tokens);
    assert!(driver.await_tokens(Duration::from_secs(20)), "{:?}", driver.health());
    driver
}

fn identity(number: u8, label: &str, spec: KeySpec) -> KeyIdentity {
    KeyIdentity {
        id: KeyId([number; 16]),
        label: KeyLabel::new(label).expect("a label"),
        purpose: Purpose::CertAndCrl,
        spec,
    }
}

fn generate(driver: &Pkcs11Driver, key: &KeyIdentity) -> PublicKey {
    let spki = driver.generate(key).expect("a key is made");
    PublicKey::parse(spki.as_bytes()).expect("a strict SPKI")
}

fn sign(
    driver: &Pkcs11Driver,
    key: &KeyIdentity,
    message: &[u8],
) -> Result<Signature, DriverError> {
    let scheme = scheme(key.spec);
    driver.sign(key, scheme, Approved::admitted(message))
}

fn scheme(spec: KeySpec) -> SignatureScheme {
    SignatureScheme::default_for(spec.kind().expect("a kind")).expect("a scheme")
}

/// Returns what the driver reports of a subject.
fn reported(driver: &Pkcs11Driver, subject: &str, name: &str) -> Option<String> {
    let lines = driver.report();
    let found = lines.into_iter().find(|line| line.subject == subject && line.name == name);
    found.map(|line| line.value)
}

//! What tests begin with.

use keystore::{Approved, DriverError, KeyDriver, KeyIdentity};
use keystore_kms::{Config, KmsDriver};
use signer_proto::{KeyId, KeyLabel, KeySpec, Purpose};
use x509::{PublicKey, Signature, SignatureScheme};

/// Starts a driver over a kms.toml.
pub fn driver(config: &str) -> KmsDriver {
    KmsDriver::start(Config::read(config).unwrap_or_else(|error| panic!("{error}\n{config}")))
        .expect("starts")
}

/// Names a key of an issuing CA.
pub fn key(number: u8, spec: KeySpec) -> KeyIdentity {
    KeyIdentity {
        id: KeyId([number; 16]),
        label: KeyLabel::new(&format!("key-{number}")).expect("a label"),
        purpose: Purpose::CertAndCrl,
        spec,
    }
}

/// Names a key of an OCSP responder.
pub fn ocsp(number: u8, spec: KeySpec) -> KeyIdentity {
    KeyIdentity { purpose: Purpose::Ocsp, ..key(number, spec) }
}

/// Makes a key.
pub fn generate(driver: &dyn KeyDriver, key: &KeyIdentity) -> PublicKey {
    let spki = driver.generate(key).unwrap_or_else(|error| panic!("{}: {error}", key.spec));
    PublicKey::parse(spki.as_bytes()).expect("a public key")
}

/// Signs.
pub fn sign(
    driver: &dyn KeyDriver,
    key: &KeyIdentity,
    scheme: SignatureScheme,
    message: &[u8],
) -> Result<Signature, DriverError> {
    driver.sign(key, scheme, Approved::admitted(message))
}

/// Signs a few messages and verifies them: none, one in full, one beyond AWS' 4,096 octets.
pub fn proves_itself(
    driver: &dyn KeyDriver,
    key: &KeyIdentity,
    public: &PublicKey,
    scheme: SignatureScheme,
) {
    for length in [0, 1, 4096, 4097, 200_000] {
        let message = vec![0x5a; length];
        let signature = sign(driver, key, scheme, &message)
            .unwrap_or_else(|error| panic!("{scheme}, {length} octets: {error}"));
        assert_eq!(public.verify(scheme, &message, &signature), Ok(()), "{scheme}, {length}");
    }
}

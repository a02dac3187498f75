//! The file driver against the suite of all drivers.

mod encrypted;

use std::sync::Arc;

use keystore::conformance::{Foreign, ForeignSource, Subject};
use keystore::{
    DriverError, Founder as _, KeyDriver, KeyIdentity, NewFactor, Opened, UnlockFactor, Vault as _,
};
use keystore_file::FileVault;
use signer_proto::{Digest, KeyId, KeyLabel, KeySpec, Purpose};
use zeroize::Zeroizing;

const GENESIS: Digest = Digest([0x9e; 32]);

struct FileSubject {
    directory: tempfile::TempDir,
    opened: Opened,
}

fn factor() -> UnlockFactor {
    UnlockFactor::Credential(Zeroizing::new(vec![7; 32]))
}

fn house() -> Vec<KeyIdentity> {
    let key = |id, purpose, spec| KeyIdentity {
        id: KeyId([id; 16]),
        label: KeyLabel::new("house").expect("a label"),
        purpose,
        spec,
    };
    vec![
        key(0xf1, Purpose::Log, KeySpec::Ed25519),
        key(0xf2, Purpose::Serial, KeySpec::HmacSha256),
        key(0xf3, Purpose::Seal, KeySpec::Aes256),
    ]
}

impl FileSubject {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a folder");
        let opened = FileVault::at(directory.path())
            .found(&NewFactor::Credential(Zeroizing::new(vec![7; 32])), &house())
            .and_then(|founding| founding.bind(GENESIS))
            .expect("a new ring");
        Self { directory, opened }
    }
}

impl Subject for FileSubject {
    fn driver(&self) -> Arc<dyn KeyDriver> {
        self.opened.driver.clone()
    }

    fn restart(&mut self) {
        self.opened = FileVault::at(self.directory.path())
            .unlock(&factor(), GENESIS, &house())
            .expect("the ring opens");
    }

    fn name(&self) -> String {
        "files".to_owned()
    }

    fn lacks(&self, _: KeySpec) -> Option<String> {
        None
    }

    fn foreign(&mut self, spec: KeySpec) -> Result<Foreign, String> {
        if spec != KeySpec::P256 {
            return Err(format!("the key files of this test are of P-256, not of {spec}"));
        }
        let passphrase = b"the passphrase".to_vec();
        let (file, public) = encrypted::p256(&passphrase);
        let source = ForeignSource::Pkcs8(file, Zeroizing::new(passphrase));
        Ok(Foreign { source, public, could_have_left: true })
    }
}

keystore::driver_conformance!(over_files, Some(FileSubject::new()));

/// A key file is bound to its key's purpose too.
#[test]
fn refuses_a_key_under_another_purpose() {
    let mut subject = FileSubject::new();
    let key = KeyIdentity {
        id: KeyId([1; 16]),
        label: KeyLabel::new("key").expect("a label"),
        purpose: Purpose::CertAndCrl,
        spec: KeySpec::P256,
    };
    subject.driver().generate(&key).expect("generates");
    let dressed = KeyIdentity { purpose: Purpose::Ocsp, ..key.clone() };
    for restarted in [false, true] {
        if restarted {
            subject.restart();
        }
        let found = subject.driver().public_key(&dressed);
        assert!(matches!(found, Err(DriverError::Corrupt { .. })), "{found:?}");
        subject.driver().public_key(&key).expect("the true identity still works");
    }
}
